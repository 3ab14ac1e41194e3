import { DateTime } from 'luxon';
import type { DiagnosticReport, ImagingStudy, Reference, ServiceRequest, Task } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom } from '#fhir';
import { fail, procedureNamed, type RemoteReading, type Site } from '#platform';
import { isReleased } from '../report/report.decider.js';

/** What the reading of a study depends on. */
export interface ReadingFacts {
  study: ImagingStudy;
  /** The orders it is of; none of an exam that has none (yet). */
  orders: readonly ServiceRequest[];
  /** Every report of these orders, or of the study. */
  reports: readonly DiagnosticReport[];
}

type Priority = NonNullable<Task['priority']>;
/** The most urgent first. */
export const priorities: readonly Priority[] = ['stat', 'asap', 'urgent', 'routine'];

/** The Task that has a study read. */
export function readingIdOf(studyId: string): string {
  return uuidFrom('Task', 'read', studyId);
}

/** True of a Task that has a study read. */
export function isReading({ code }: Task): boolean {
  return code?.coding?.some((one) => one.system === systems.task && one.code === 'read') ?? false;
}

/**
 * The reading of a study whose images are there. It is done when every order of it has a report that was released; a
 * report that was not waits for whoever is to sign it. Follows from the facts, whatever came first; who claimed it stays.
 *
 * @returns undefined where nothing changes
 */
export function decideReading(known: Task | undefined, facts: ReadingFacts, site: Site, now: Date): Task | undefined {
  if (known?.status === 'cancelled') return undefined;
  const state = stateOf(facts);
  const task = { ...(known ?? newReading(facts, site, now)), ...aboutOf(facts, site) };
  const decided = withState(task, state, facts, now);
  return known && sameContent(known, decided) ? undefined : decided;
}

/**
 * What a person says of a reading: `accepted` claims it for `owner`, `requested` releases it, or assigns it with `owner`,
 * `in-progress` hands what is to be signed to another `owner`, `cancelled` says that nobody needs to read it (with
 * `statusReason`). What was claimed by or assigned to one person is not claimed by another. Nothing else is read; done it
 * is by its report.
 *
 * @throws Failure state-conflict, field-missing, field-invalid
 */
export function changedReading(current: Task, stated: Task, now: Date): Task {
  const { status, owner, statusReason, note } = stated;
  const field = (path: string) => ({ field: `Task.${path}` });
  if (current.status === 'completed' || current.status === 'cancelled')
    throw fail('state-conflict', 'the reading is over', field('status'));
  const allowed =
    current.status === 'in-progress' ? ['in-progress', 'cancelled'] : ['requested', 'accepted', 'cancelled'];
  if (!allowed.includes(status)) throw fail('state-conflict', `must be one of ${allowed.join(', ')}`, field('status'));
  if (status === 'cancelled' && !statusReason?.text && !statusReason?.coding)
    throw fail('field-missing', 'Task.statusReason is required: why nobody needs to read it', field('statusReason'));
  const isClaim = status === 'accepted' || status === 'in-progress';
  if (isClaim && !isSomebody(owner))
    throw fail('field-missing', 'Task.owner is required: who reads it', field('owner'));
  if (status === 'accepted' && isTakenByAnother(current, owner!))
    throw fail('state-conflict', 'somebody else has it: it must be released first', field('owner'));
  const { executionPeriod } = current;
  return {
    ...current,
    status,
    owner,
    ...(status === 'cancelled' ? { statusReason: statusReason! } : {}),
    ...(note ? { note } : {}),
    ...(isClaim ? { executionPeriod: executionPeriod ?? { start: now.toISOString() } } : {}),
    lastModified: now.toISOString(),
  };
}

/** What was not read elsewhere in time is read here; undefined for what was, or has time. */
export function cameBack(task: Task, now: Date): Task | undefined {
  const due = dueOf(task);
  if (!due || due > now || !['requested', 'accepted'].includes(task.status)) return undefined;
  const businessStatus = {
    coding: [{ system: systems.businessStatus, code: 'came-back' }],
    text: 'not read in time elsewhere',
  };
  const gone = { owner: undefined, restriction: undefined, executionPeriod: undefined };
  return { ...task, ...gone, status: 'requested', businessStatus, lastModified: now.toISOString() };
}

/** Until when what is read elsewhere has to be read; undefined where it is read here, or was. */
export function dueOf({ restriction, status }: Task): Date | undefined {
  const end = restriction?.period?.end;
  return end && ['requested', 'accepted'].includes(status) ? new Date(end) : undefined;
}

type State = 'unread' | 'to-sign' | 'read';

function stateOf({ orders, reports }: ReadingFacts): State {
  const standing = reports.filter(
    ({ status }) => !['registered', 'cancelled', 'entered-in-error', 'unknown'].includes(status),
  );
  const released = standing.filter(isReleased);
  const isReported = ({ id }: ServiceRequest) =>
    released.some(({ basedOn }) => basedOn?.some(({ reference }) => reference === `ServiceRequest/${id}`));
  const isRead = orders.length > 0 ? orders.every(isReported) : released.length > 0;
  if (isRead) return 'read';
  return standing.length > released.length ? 'to-sign' : 'unread';
}

function withState(task: Task, state: State, { reports }: ReadingFacts, now: Date): Task {
  const { executionPeriod } = task;
  const rest = { ...task, businessStatus: undefined };
  switch (state) {
    case 'read': {
      if (task.status === 'completed') return task;
      const end = now.toISOString();
      const output = reports
        .filter(isReleased)
        .map(({ id }) => ({ type: { text: 'report' }, valueReference: { reference: `DiagnosticReport/${id}` } }));
      return { ...rest, status: 'completed', executionPeriod: { ...executionPeriod, end }, output, lastModified: end };
    }
    case 'to-sign': {
      const toSign = {
        coding: [{ system: systems.businessStatus, code: 'to-sign' }],
        text: 'waits for its final report',
      };
      const owner = task.owner ?? reports.find(({ resultsInterpreter }) => resultsInterpreter)?.resultsInterpreter?.[0];
      return {
        ...rest,
        status: 'in-progress',
        businessStatus: toSign,
        ...(executionPeriod?.start ? { executionPeriod: { start: executionPeriod.start } } : {}),
        ...(owner ? { owner } : {}),
      };
    }
    case 'unread': {
      if (task.status === 'requested' || task.status === 'accepted') return task;
      // Its report was taken back: it is read anew, by whoever.
      return { ...rest, owner: undefined, output: undefined, status: 'requested', lastModified: now.toISOString() };
    }
  }
}

function newReading({ study, orders }: ReadingFacts, site: Site, now: Date): Task {
  const about = aboutOf({ study, orders, reports: [] }, site);
  const remote = site.remoteReading.find((row) => isFor(row, about, modalitiesOf(study), site, now));
  const end = new Date(now.getTime() + (remote?.readWithinMinutes ?? 0) * 60_000).toISOString();
  const organization: Reference = {
    type: 'Organization',
    ...(remote?.identifier ? { identifier: remote.identifier } : {}),
    display: remote?.organization,
  };
  return {
    resourceType: 'Task',
    id: readingIdOf(study.id!),
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: systems.task, code: 'read', display: 'Read the study' }] },
    focus: { reference: `ImagingStudy/${study.id}` },
    for: study.subject,
    // Its age on the list: since when it waits.
    authoredOn: now.toISOString(),
    ...(remote
      ? { owner: organization, restriction: { period: { start: now.toISOString(), end }, recipient: [organization] } }
      : {}),
  };
}

/** What the study and its orders say, which may change while it waits. */
function aboutOf({ study, orders }: ReadingFacts, site: Site): Partial<Task> {
  const priority = priorities.find((one) => orders.some((order) => (order.priority ?? 'routine') === one)) ?? 'routine';
  const subspecialties = [
    ...new Set(orders.flatMap(({ code }) => procedureNamed(site, code?.coding ?? [])?.subspecialty ?? [])),
  ];
  return {
    priority,
    for: study.subject,
    ...(orders.length > 0 ? { basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })) } : {}),
    ...(subspecialties.length > 0
      ? { performerType: subspecialties.map((code) => ({ coding: [{ system: systems.subspecialty, code }] })) }
      : {}),
    input: modalitiesOf(study).map((valueCode) => ({ type: { text: 'modality' }, valueCode })),
  };
}

function modalitiesOf({ series = [] }: ImagingStudy): string[] {
  return [...new Set(series.flatMap(({ modality }) => modality.code ?? []))];
}

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

function isFor(
  row: RemoteReading,
  about: Partial<Task>,
  modalities: readonly string[],
  site: Site,
  now: Date,
): boolean {
  const subspecialties = (about.performerType ?? []).flatMap(({ coding }) => coding?.[0]?.code ?? []);
  return (
    (row.modalities?.some((one) => modalities.includes(one)) ?? true) &&
    (row.subspecialties?.some((one) => subspecialties.includes(one)) ?? true) &&
    (row.priorities?.includes(about.priority!) ?? true) &&
    isWithin(row, DateTime.fromJSDate(now, { zone: site.timeZone }))
  );
}

/** The hours behind midnight are of the day before it. */
function isWithin({ days, from, to }: RemoteReading, local: DateTime): boolean {
  const time = local.toFormat('HH:mm');
  const isOverMidnight = to <= from;
  const isMorning = isOverMidnight && time < to;
  const isIn = isOverMidnight ? time >= from || isMorning : time >= from && time < to;
  const day = weekdays[(isMorning ? local.minus({ days: 1 }) : local).weekday - 1]!;
  return isIn && (days?.includes(day) ?? true);
}

function isSomebody(owner: Reference | undefined): boolean {
  return Boolean(owner?.reference ?? owner?.display ?? owner?.identifier?.value);
}

function isTakenByAnother({ owner }: Task, claimant: Reference): boolean {
  // An organization's reading is claimed by one of its people.
  if (!owner || owner.type === 'Organization') return false;
  return keyOf(owner) !== keyOf(claimant);
}

function keyOf({ reference, identifier, display }: Reference): string {
  return reference ?? (identifier?.value ? `${identifier.system}|${identifier.value}` : (display ?? ''));
}
