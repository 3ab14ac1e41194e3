import type { Task } from 'fhir/r4.js';
import { FhirStore, indexOf } from '#fhir';
import { backoffMs, LeasedWorker, UnitOfWork, type Transaction } from '#messaging';
import { asFailure, type Clock, type Infrastructure, type Logger } from '#platform';
import { TaskTimers, type DueTask } from './task-timers.store.js';

const POLL_MS = 500;
const AT_ONCE = 50;

/** What the worker works with. */
export interface DueTasksParts {
  timers: TaskTimers;
  store: FhirStore;
  unitOfWork: UnitOfWork;
  clock: Clock;
  infrastructure: Infrastructure;
  logger: Logger;
}

/**
 * Does what comes due of Tasks by the clock, in one process of a service at a time, each in a transaction of its own
 * patient together with its timer: whenever the process ends, it is done once, and what came due while none ran is done
 * then. One that fails is tried again later and holds up no other.
 */
export abstract class FollowDueTasks extends LeasedWorker {
  protected constructor(private readonly parts: DueTasksParts) {
    super('due-tasks', POLL_MS, parts.infrastructure, parts.logger);
  }

  /** Something of this Task is due: its timer is gone, and whatever is due of it next has to be set. */
  protected abstract whenDue(task: Task, transaction: Transaction): Promise<void>;

  protected async turn(): Promise<void> {
    const { timers, clock } = this.parts;
    for (const due of await timers.due(clock.now(), AT_ONCE)) if (!this.stopping) await this.follow(due);
  }

  private async follow({ taskId, attempts }: DueTask): Promise<void> {
    const { timers, store, unitOfWork, clock } = this.parts;
    try {
      // Whose it is, as it is now: after a merge another patient's.
      const found = await unitOfWork.run(undefined, ({ manager }) => store.read(manager, 'Task', taskId));
      const patientId = (found && indexOf(found).patient_id) ?? undefined;
      await unitOfWork.run(patientId, async (transaction) => {
        const { manager, now } = transaction;
        const due = await timers.forUpdate(manager, taskId);
        // Somebody was faster: it was answered, or has another time.
        if (!due || due.dueAt > now) return;
        const task = await store.read(manager, 'Task', taskId);
        await timers.set(manager, taskId, undefined);
        if (task) await this.whenDue(task, transaction);
      });
    } catch (error) {
      const failure = asFailure(error);
      this.logger.error({ err: error, task: taskId }, 'what is due of a Task could not be done and is tried again');
      await timers.postponed(taskId, failure, new Date(clock.now().getTime() + backoffMs(attempts + 1, Math.random())));
    }
  }
}
