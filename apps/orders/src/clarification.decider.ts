import type { ServiceRequest, Task, TaskInput } from 'fhir/r4.js';
import { extensions, joinExtensions, systems, uuidFrom } from '#fhir';
import { fail } from '#platform';
import type { Doubt } from './order-doubts.decider.js';
import { isOver, type OrderCommand } from './order.decider.js';

/** An order after its review, and its Task where that is new or another one. */
export interface Clarified {
  order: ServiceRequest;
  task?: Task;
  /** What the placer is to be asked now. */
  asked: Doubt[];
}

/** True of an order whose placer was asked, whether it waits for the answer or not. */
export function isAsked(order: ServiceRequest | undefined): order is ServiceRequest {
  return order?.extension?.some(({ url }) => url === extensions.clarification) === true;
}

/** The order as its placer left it: who says the same again must not find it held. */
export function asPlaced(order: ServiceRequest | undefined): ServiceRequest | undefined {
  return isAsked(order) && order.status === 'on-hold' ? { ...order, status: 'active' } : order;
}

/** Identity of the Task of an order: it has one, however often it is asked. */
export function clarificationIdOf(order: Pick<ServiceRequest, 'id'>): string {
  return uuidFrom('Task', 'clarify', order.id!);
}

/**
 * Decides what becomes of an order with these doubts. An active one waits, on hold, with a Task for its placer (FHIR R4
 * Task: `clarify`); a STAT order is asked about and does not wait. What was confirmed once is not asked again. An order
 * without doubts, or over, needs no Task any more.
 *
 * @param task the order's Task as it is known
 */
export function clarify(order: ServiceRequest, task: Task | undefined, doubts: readonly Doubt[], now: Date): Clarified {
  if (isOver(order)) return { order, task: closed(task, 'cancelled', now), asked: [] };
  const confirmed = task?.status === 'completed' ? inputsOf(task) : [];
  const open = doubts.filter((doubt) => !confirmed.includes(keyOf(doubt)));
  if (open.length === 0) return { order: without(order), task: closed(task, 'completed', now), asked: [] };
  const known = task?.status === 'requested' ? inputsOf(task) : [];
  const input = open.map(inputOf);
  const isSame = known.length === open.length && open.every((doubt) => known.includes(keyOf(doubt)));
  return {
    order: waiting(order),
    ...(isSame ? {} : { task: taskOf(order, task, input, now) }),
    asked: isSame ? [] : open,
  };
}

/** The placer, or the department, says that the order is meant as it is. */
export function confirm(order: ServiceRequest, task: Task | undefined, now: Date): Clarified {
  return { order: { ...without(order), status: 'active' }, task: closed(task, 'completed', now), asked: [] };
}

/**
 * What a client asks of an order by giving its question a status: `completed` says that it is meant as it is.
 *
 * @returns undefined where it was answered, or is as said
 * @throws Failure state-conflict for another status
 */
export function answerOf(task: Task, status: Task['status'], order: ServiceRequest): OrderCommand | undefined {
  if (status !== 'completed')
    throw fail(
      'state-conflict',
      'must be completed, which releases the order as it is; else change or cancel the order',
      { field: 'Task.status' },
    );
  return task.status === 'completed' ? undefined : { control: 'RL', serviceRequest: order };
}

function taskOf(order: ServiceRequest, before: Task | undefined, input: TaskInput[], now: Date): Task {
  return {
    resourceType: 'Task',
    id: clarificationIdOf(order),
    ...(before?.meta ? { meta: before.meta } : {}),
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: systems.task, code: 'clarify', display: 'Clarify the order' }] },
    focus: { reference: `ServiceRequest/${order.id}` },
    for: order.subject,
    authoredOn: before?.authoredOn ?? now.toISOString(),
    lastModified: now.toISOString(),
    ...(order.requester ? { owner: order.requester } : {}),
    input,
  };
}

function closed(task: Task | undefined, status: 'completed' | 'cancelled', now: Date): Task | undefined {
  return task?.status === 'requested' ? { ...task, status, lastModified: now.toISOString() } : undefined;
}

function waiting(order: ServiceRequest): ServiceRequest {
  const extension = joinExtensions(order.extension, [
    { url: extensions.clarification, valueReference: { reference: `Task/${clarificationIdOf(order)}` } },
  ]);
  const isHeld = order.status === 'active' && order.priority !== 'stat';
  return { ...order, extension, ...(isHeld ? { status: 'on-hold' as const } : {}) };
}

function without(order: ServiceRequest): ServiceRequest {
  if (!isAsked(order)) return order;
  const { extension = [], ...rest } = order;
  const others = extension.filter(({ url }) => url !== extensions.clarification);
  return others.length > 0 ? { ...rest, extension: others } : rest;
}

function inputOf({ code, text }: Doubt): TaskInput {
  return { type: { coding: [{ system: systems.doubt, code }] }, valueString: text };
}

function inputsOf({ input = [] }: Task): string[] {
  return input.map(({ type, valueString }) => `${type.coding?.[0]?.code}|${valueString}`);
}

function keyOf({ code, text }: Doubt): string {
  return `${code}|${text}`;
}
