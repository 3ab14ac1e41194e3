import type { Appointment, CodeableConcept, Procedure, ServiceRequest, Task } from 'fhir/r4.js';
import { extensions, identifierOf, referencedId, systems, uuidFrom } from '#fhir';
import { fail, stationByAeTitle, type Site } from '#platform';
import { stationAeTitleOf } from '../booking/appointment.decider.js';

/** A step whose exam runs although its order does not want it any more. */
export interface ExamToStop {
  order: ServiceRequest;
  appointment: Appointment;
  /** The exam as its modality reports it. */
  exam?: Procedure;
}

/** Statuses of a Task that somebody still has to do something about. */
export const openStatuses = ['requested', 'received', 'accepted', 'in-progress'] as const;
/** What a person in the room may say of it: seen, or being done. */
const acknowledgements = ['received', 'accepted'] as const;

const causes: Partial<Record<ServiceRequest['status'], string>> = {
  revoked: 'the order was cancelled',
  'entered-in-error': 'the order was a mistake',
  'on-hold': 'the order was put on hold',
};

/** Identity of the Task that has a step's exam stopped: a step has one, however often it is asked. */
export function stopTaskIdOf({ id }: Appointment): string {
  return uuidFrom('Task', 'stop-exam', id!);
}

/** True of an order whose exam should not go on. */
export function isUnwanted({ status }: ServiceRequest): boolean {
  return causes[status] !== undefined;
}

/** True while the room still has something to do about it. */
export function isOpen(task: Task | undefined): task is Task {
  return task !== undefined && isStillOpen(task.status);
}

/**
 * The Task that asks the room to stop an exam (FHIR R4 Task): which step, where it is done, and why. What a person said
 * of it stays said.
 *
 * @param before the Task as it is known
 * @returns undefined where the room was asked the same already
 */
export function askToStop(unwanted: ExamToStop, before: Task | undefined, site: Site, now: Date): Task | undefined {
  const { order, appointment, exam } = unwanted;
  const aeTitle = exam?.performer?.[0]?.actor.display ?? stationAeTitleOf(appointment)!;
  const station = stationByAeTitle(site, aeTitle);
  const accession = identifierOf(order, 'ACSN')?.value;
  const reason = reasonOf(order);
  const what = `${appointment.description ?? 'the exam'}${accession ? ` (accession number ${accession})` : ''}`;
  const task: Task = {
    resourceType: 'Task',
    id: stopTaskIdOf(appointment),
    ...(before?.meta ? { meta: before.meta } : {}),
    extension: [{ url: extensions.stationAeTitle, valueString: aeTitle }],
    status: isOpen(before) ? before.status : 'requested',
    intent: 'order',
    priority: 'stat',
    code: { coding: [{ system: systems.task, code: 'stop-exam', display: 'Stop the exam' }] },
    description: `Stop ${what}: ${causes[order.status] ?? 'the order no longer asks for this step'}.`,
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    focus: { reference: `Appointment/${appointment.id}` },
    for: order.subject,
    authoredOn: isOpen(before) ? before.authoredOn : now.toISOString(),
    lastModified: now.toISOString(),
    owner: {
      reference: `Device/${uuidFrom('Device', aeTitle)}`,
      display: station ? `${station.name}, ${station.room}` : aeTitle,
    },
    ...(reason ? { reasonCode: reason } : {}),
    ...(exam ? { input: [{ type: { text: 'exam' }, valueReference: { reference: `Procedure/${exam.id}` } }] } : {}),
  };
  return isOpen(before) && sameRequest(before, task) ? undefined : task;
}

/**
 * The Task after its exam: done where the exam was stopped, failed where it was done before it could be.
 *
 * @returns undefined while the exam goes on, or where nothing was asked
 */
export function settled(task: Task | undefined, { status }: Appointment, now: Date): Task | undefined {
  if (!isOpen(task) || status === 'arrived') return undefined;
  if (status !== 'fulfilled') return closed(task, 'completed', 'the exam was stopped', now);
  return closed(task, 'failed', 'the exam was done before it could be stopped', now);
}

/** The Task once its order wants the exam again, by a release or another change. */
export function withdrawn(task: Task | undefined, now: Date): Task | undefined {
  return isOpen(task) ? closed(task, 'cancelled', 'the order asks for the exam again', now) : undefined;
}

/**
 * The Task as a person says it stands: `received` (seen) or `accepted` (being done). That it is done, the modality says.
 *
 * @throws Failure field-invalid for another status, state-conflict for a Task that is over
 */
export function acknowledged(task: Task, status: Task['status'], now: Date): Task {
  if (!acknowledgements.some((one) => one === status))
    throw fail(
      'field-invalid',
      `must be ${acknowledgements.join(' or ')}: that the exam is stopped, the modality says`,
      { field: 'Task.status' },
    );
  if (!isStillOpen(task.status))
    throw fail('state-conflict', `the Task is ${task.status}: there is nothing left to do`, { field: 'Task.status' });
  return task.status === status ? task : { ...task, status, lastModified: now.toISOString() };
}

/** Internal ids of whom Tasks are for. */
export function patientsOf(tasks: readonly Task[]): string[] {
  return [...new Set(tasks.flatMap((one) => referencedId(one.for?.reference, 'Patient') ?? []))];
}

function isStillOpen(status: Task['status']): boolean {
  return openStatuses.some((one) => one === status);
}

/** What the placer gave as the reason of the order's status. */
function reasonOf({ extension = [] }: ServiceRequest): CodeableConcept | undefined {
  return extension.find(({ url }) => url === extensions.statusReason)?.valueCodeableConcept;
}

function sameRequest(one: Task, other: Task): boolean {
  const asked = ({ description, reasonCode, owner, input }: Task) =>
    JSON.stringify([description, reasonCode, owner, input]);
  return asked(one) === asked(other);
}

function closed(task: Task, status: Task['status'], text: string, now: Date): Task {
  return { ...task, status, statusReason: { text }, lastModified: now.toISOString() };
}
