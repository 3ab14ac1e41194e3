import type { Appointment, CodeableConcept, Procedure, ServiceRequest, Task, TaskInput } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom, wasWrongWorklistEntry } from '#fhir';
import { fail } from '#platform';
import type { OrderCommand } from './order.decider.js';

/** How far the exam of an order is, in words of its Task's business status. */
export const businessStatuses = {
  scheduled: 'Scheduled',
  started: 'Started',
  completed: 'Completed',
  discontinued: 'Discontinued',
} as const;
type BusinessStatus = keyof typeof businessStatuses;

/** Identity of the Task that says how far an order is. */
export function fulfilmentIdOf(orderId: string): string {
  return uuidFrom('Task', 'fulfill', orderId);
}

/** True of the Task that says how far an order is. */
export function isFulfilment({ code }: Task): boolean {
  return code?.coding?.some((one) => one.system === systems.taskCode && one.code === 'fulfill') === true;
}

/**
 * The Task of an order that got a station and time, or another one: `accepted`, or `on-hold` as its order is. It begins
 * here. What is under way or done is not taken back by a time.
 *
 * @returns the Task to be stored, undefined where nothing is new
 */
export function fulfilmentBooked(order: ServiceRequest, before: Task | undefined, appointment: Appointment, now: Date) {
  if (appointment.status !== 'booked' || !['active', 'on-hold'].includes(order.status)) return undefined;
  const input: TaskInput = {
    // One for each scheduled procedure step, which may be moved.
    id: appointment.id!,
    type: coded('scheduled'),
    valuePeriod: { start: appointment.start, ...(appointment.end ? { end: appointment.end } : {}) },
  };
  const others = (before?.input ?? []).filter(({ id }) => id !== input.id);
  const booked = { ...taskOf(order, before, now), input: [...others, input] };
  const isBegun = before && ['in-progress', 'completed'].includes(before.status);
  return changed(before, isBegun ? booked : become(booked, waitingAs(order), 'scheduled'), now);
}

/**
 * The Task of an order whose exam began, was done, or was given up. What happened counts, also where the order was
 * cancelled meanwhile; one step of several that is done is not the whole. An exam begun by mistake is scheduled as before.
 *
 * @param told the order as the event tells it: completed where all of its steps are
 */
export function fulfilmentExamined(
  order: ServiceRequest,
  before: Task | undefined,
  told: ServiceRequest,
  exam: Procedure,
  now: Date,
): Task | undefined {
  const task = taskOf(order, before, now);
  const period = exam.performedPeriod;
  const start = task.executionPeriod?.start ?? period?.start;
  const executionPeriod = {
    ...(start ? { start } : {}),
    ...(exam.status !== 'in-progress' && period?.end ? { end: period.end } : {}),
  };
  const during = Object.keys(executionPeriod).length > 0 ? { ...task, executionPeriod } : task;
  switch (exam.status) {
    case 'in-progress':
      return before?.status === 'completed'
        ? undefined
        : changed(before, become(during, 'in-progress', 'started'), now);
    case 'completed':
      return told.status === 'completed' ? changed(before, become(during, 'completed', 'completed'), now) : undefined;
    case 'stopped': {
      if (before?.status === 'completed') return undefined;
      if (!wasWrongWorklistEntry(exam))
        return changed(before, become(during, 'failed', 'discontinued', exam.statusReason), now);
      return changed(before, become({ ...task, executionPeriod: undefined }, waitingAs(order), 'scheduled'), now);
    }
    default:
      return undefined;
  }
}

/** The Task of an order that was changed, held, released, cancelled or said to be done, by whatever way. */
export function fulfilmentFollowing(order: ServiceRequest, before: Task | undefined, now: Date): Task | undefined {
  if (!before || before.status === 'completed') return undefined;
  const task = taskOf(order, before, now);
  switch (order.status) {
    case 'completed':
      return changed(before, become(task, 'completed', 'completed'), now);
    case 'active':
    case 'on-hold':
      // Neither begins nor takes back what is under way, or was tried.
      return changed(
        before,
        ['in-progress', 'failed'].includes(before.status) ? task : { ...task, status: waitingAs(order) },
        now,
      );
    default:
      return changed(before, { ...task, status: waitingAs(order) }, now);
  }
}

/** The status of a Task whose exam is not under way. */
function waitingAs({ status }: ServiceRequest): Task['status'] {
  if (status === 'entered-in-error') return 'entered-in-error';
  if (status === 'revoked') return 'cancelled';
  return status === 'on-hold' ? 'on-hold' : 'accepted';
}

/**
 * What a client asks of the order by giving its Task a status: `cancelled` cancels, `on-hold` holds, `accepted` releases.
 *
 * @returns undefined for the status it has already
 * @throws Failure state-conflict for a status that is not the client's to give
 */
export function commandOfTask(task: Task, status: Task['status'], order: ServiceRequest): OrderCommand | undefined {
  if (status === task.status) return undefined;
  const control = controls[status];
  if (!control)
    throw fail(
      'state-conflict',
      `must be ${Object.keys(controls).join(', ')}: the exam says when it is started and done`,
      { field: 'Task.status' },
    );
  return { control, serviceRequest: order };
}

const controls: Partial<Record<Task['status'], OrderCommand['control']>> = {
  cancelled: 'CA',
  'on-hold': 'HD',
  accepted: 'RL',
};

function taskOf(order: ServiceRequest, before: Task | undefined, now: Date): Task {
  const self = { reference: `ServiceRequest/${order.id}` };
  return {
    // What changes with the exam; the rest follows the order.
    ...(before ?? { status: 'accepted', authoredOn: now.toISOString() }),
    resourceType: 'Task',
    id: fulfilmentIdOf(order.id!),
    intent: 'order',
    code: { coding: [{ system: systems.taskCode, code: 'fulfill', display: 'Fulfill the focal request' }] },
    priority: order.priority,
    basedOn: [self],
    focus: self,
    for: order.subject,
    encounter: order.encounter,
    requester: order.requester,
  };
}

function become(task: Task, status: Task['status'], business: BusinessStatus, reason?: CodeableConcept): Task {
  return { ...task, status, businessStatus: coded(business), statusReason: reason };
}

function changed(before: Task | undefined, task: Task, now: Date): Task | undefined {
  return before && sameContent(before, task) ? undefined : { ...task, lastModified: now.toISOString() };
}

function coded(code: BusinessStatus): CodeableConcept {
  return { coding: [{ system: systems.businessStatus, code, display: businessStatuses[code] }] };
}
