import type { Reference, Task } from 'fhir/r4.js';
import { extensions, sameContent } from '#fhir';
import { fail } from '#platform';

/** Somebody who is asked, and how long they have to say that they know. */
export interface EscalationLevel {
  /** A role or a person: `display`, and where the site has one a reference or an identifier. */
  ask: Reference;
  acknowledgeWithinMinutes: number;
}

/** Who is asked, one after the other, until somebody acknowledges. */
export interface EscalationPlan {
  /** One at least; the first is asked at once. */
  levels: readonly EscalationLevel[];
  /** Behind the last level, which is asked again and again: how often, in minutes. */
  againEveryMinutes: number;
}

/** What somebody must see to, before anybody is asked. */
export type Matter = Omit<Task, 'resourceType' | 'status' | 'intent' | 'restriction' | 'owner' | 'executionPeriod'> & {
  id: string;
};

/** How far an escalation is. */
export interface EscalationState {
  /** Who is asked now, from 1. */
  level: number;
  /** How often somebody was asked, over all levels. */
  asked: number;
  /** Until when somebody has to acknowledge; undefined once it waits for nobody. */
  acknowledgeBy: Date | undefined;
}

const MINUTE = 60_000;

/**
 * Asks the first level to see to something. The Task is `requested` until a person acknowledges it (`accepted`,
 * `in-progress`), `completed` once they have seen to it, `cancelled` once there is nothing to see to any more.
 * `restriction.recipient` is who is asked now, `restriction.period` from when until when (FHIR R4 Task.restriction),
 * `owner` who acknowledged it, `executionPeriod` when they did and when they were done.
 */
export function openEscalation(matter: Matter, plan: EscalationPlan, now: Date): Task {
  const task: Task = {
    resourceType: 'Task',
    intent: 'order',
    authoredOn: now.toISOString(),
    ...matter,
    status: 'requested',
  };
  // One that is opened again is nobody's.
  delete task.owner;
  delete task.executionPeriod;
  return asking(task, plan, { level: 1, asked: 1 }, now);
}

/** How far it is; undefined for a Task that is no escalation. */
export function escalationOf(task: Task): EscalationState | undefined {
  const parts = task.extension?.find(({ url }) => url === extensions.escalation)?.extension;
  const part = (url: string) => parts?.find((one) => one.url === url)?.valuePositiveInt;
  const [level, asked] = [part('level'), part('asked')];
  const end = task.status === 'requested' ? task.restriction?.period?.end : undefined;
  return level && asked ? { level, asked, acknowledgeBy: end ? new Date(end) : undefined } : undefined;
}

/** True while somebody has to do something about it. */
export function isOpen({ status }: Task): boolean {
  return status === 'requested' || status === 'accepted' || status === 'in-progress';
}

/**
 * Where nobody acknowledged in time the next level is asked, behind the last one that one again. Whoever is asked has
 * their whole time from now on, however late it is noticed. It never takes silence for an answer.
 *
 * @returns undefined where nothing is overdue
 */
export function escalate(task: Task, plan: EscalationPlan, now: Date): Task | undefined {
  const state = escalationOf(task);
  if (!state?.acknowledgeBy || state.acknowledgeBy > now) return undefined;
  // A policy that was changed meanwhile may have fewer levels: nobody is asked below where it was.
  const level = Math.max(state.level, Math.min(state.level + 1, plan.levels.length));
  return asking(task, plan, { level, asked: state.asked + 1 }, now);
}

const byPerson: readonly Task['status'][] = ['requested', 'accepted', 'in-progress', 'completed'];

/**
 * What a person says of it: `accepted` or `in-progress` acknowledges, `completed` ends it (and acknowledges, where nobody
 * had); `owner` must say who. It may be handed over to another owner, and notes be added, but it never goes back. When
 * it was acknowledged and ended is the time of this call, since deadlines are kept by it.
 *
 * @param stated the Task as the person sends it
 * @throws Failure state-conflict (over already, or a step back), field-missing (owner), field-invalid (anything else changed)
 */
export function answerEscalation(current: Task, stated: Task, now: Date): Task {
  if (!isOpen(current)) throw fail('state-conflict', 'the Task is over already', { field: 'Task.status' });
  const [from, to] = [current.status, stated.status].map((one) => byPerson.indexOf(one));
  if (to! < 0 || to! < from!)
    throw fail('state-conflict', `must be one of ${byPerson.slice(Math.max(1, from!)).join(', ')}`, {
      field: 'Task.status',
    });
  if (stated.status === 'requested')
    throw fail('state-conflict', 'acknowledge it first: accepted, in-progress or completed', { field: 'Task.status' });
  const { owner } = stated;
  if (!owner?.reference && !owner?.display && !owner?.identifier?.value)
    throw fail('field-missing', 'Task.owner is required: who has seen it', { field: 'Task.owner' });
  const fixed = (task: Task) => ({
    ...task,
    status: undefined,
    owner: undefined,
    note: undefined,
    executionPeriod: undefined,
    lastModified: undefined,
  });
  if (!sameContent(fixed(current), fixed(stated)))
    throw fail('field-invalid', 'only status, owner and note may be changed', { field: 'Task' });
  const start = current.executionPeriod?.start ?? now.toISOString();
  const end = stated.status === 'completed' ? { end: now.toISOString() } : {};
  return { ...stated, meta: current.meta, executionPeriod: { start, ...end }, lastModified: now.toISOString() };
}

/** There is nothing to see to any more. @returns undefined for one that is over */
export function withdrawEscalation(task: Task, why: string, now: Date): Task | undefined {
  return ended(task, 'cancelled', why, now);
}

/** What it asked for has come by another way: `output` refers to it. @returns undefined for one that is over */
export function settleEscalation(task: Task, why: string, now: Date, by?: Reference): Task | undefined {
  const settled = ended(task, 'completed', why, now);
  return settled && by ? { ...settled, output: [{ type: { text: why }, valueReference: by }] } : settled;
}

function ended(task: Task, status: Task['status'], why: string, now: Date): Task | undefined {
  if (!isOpen(task)) return undefined;
  const executionPeriod = task.executionPeriod && {
    executionPeriod: { ...task.executionPeriod, end: now.toISOString() },
  };
  return { ...task, status, statusReason: { text: why }, lastModified: now.toISOString(), ...executionPeriod };
}

function asking(
  task: Task,
  { levels, againEveryMinutes }: EscalationPlan,
  { level, asked }: { level: number; asked: number },
  now: Date,
): Task {
  const { ask, acknowledgeWithinMinutes } = levels[Math.min(level, levels.length) - 1]!;
  const isAgain = asked > level;
  const minutes = isAgain ? againEveryMinutes : acknowledgeWithinMinutes;
  const others = (task.extension ?? []).filter(({ url }) => url !== extensions.escalation);
  const extension = [
    { url: 'level', valuePositiveInt: level },
    { url: 'asked', valuePositiveInt: asked },
  ];
  return {
    ...task,
    extension: [...others, { url: extensions.escalation, extension }],
    lastModified: now.toISOString(),
    restriction: {
      period: { start: now.toISOString(), end: new Date(now.getTime() + minutes * MINUTE).toISOString() },
      recipient: [ask],
    },
  };
}
