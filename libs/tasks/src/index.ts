import { DueTask1700000000400 } from './migrations/1700000000400-due-task.js';

export * from './escalation.decider.js';
export * from './escalation-desk.js';
export * from './follow-due-tasks.worker.js';
export * from './task-timers.store.js';

/** What the database of a service needs whose Tasks come due. */
export const taskMigrations = [DueTask1700000000400];
