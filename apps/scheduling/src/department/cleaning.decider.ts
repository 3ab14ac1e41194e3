import type { Location, ServiceRequest, Task } from 'fhir/r4.js';
import { conceptText, extensions, systems, uuidFrom } from '#fhir';
import { fail, type Site, type Station } from '#platform';
import { expectedEnd } from './closure.js';
import { deviceIdOf, locationIdOf, operationalStatus } from './site-resources.decider.js';
import { isInHousekeeping } from './room-state.decider.js';

/** The states of a Task in which its work is to be done now. */
const OPEN = ['requested', 'received', 'accepted', 'in-progress'] as const;
/** The same, and one that is to be done after the patient's next exam. */
export const UNFINISHED_TASK = ['draft', ...OPEN] as const;
const ENDED = ['completed', 'cancelled'] as const;

/** How long a room is cleaned, in minutes, by the site file. */
export function cleaningMinutes({ turnover, scheduling }: Site): number {
  return turnover?.isolationMinutes ?? Math.max(1, scheduling.isolationTurnoverMinutes);
}

/** What of the patient endangers others (HL7 OBR-12), undefined where nothing is said to. */
export function dangerIn(orders: readonly ServiceRequest[]): string | undefined {
  const said = orders.flatMap(({ extension = [] }) => extension.filter(({ url }) => url === extensions.danger));
  return said.map(({ valueCodeableConcept }) => conceptText(valueCodeableConcept)).find((text) => text !== '');
}

/** What is cleaned after an exam at a station: its room, or the unit itself where it goes to the bedside. */
export function cleanedReference({ aeTitle, room, portable }: Station): string {
  return portable ? `Device/${deviceIdOf(aeTitle)}` : `Location/${locationIdOf(room)}`;
}

/**
 * The Task to clean behind a patient in isolation. It says what the danger was, since that decides how it is cleaned,
 * and names no patient. One that is there already has its time begin anew.
 *
 * @param hasNextExam the patient has another exam there right away: it waits for that one, but no longer than it takes
 *   itself, in case nobody comes
 * @param minutes how long it takes, by the site file
 */
export function cleaningTask(
  exam: { mppsUid: string; station: Station; danger: string; hasNextExam: boolean },
  unfinished: Task | undefined,
  minutes: number,
  now: Date,
): Task {
  const { mppsUid, station, danger, hasNextExam } = exam;
  const start = now.getTime() + (hasNextExam ? minutes * 60_000 : 0);
  const period = { start: new Date(start).toISOString(), end: new Date(start + minutes * 60_000).toISOString() };
  const known = { reasonCode: { text: danger }, restriction: { period } };
  const status = hasNextExam ? 'draft' : 'requested';
  if (unfinished)
    return { ...unfinished, ...known, status: unfinished.status === 'draft' ? status : unfinished.status };
  const display = station.portable ? station.name : station.room;
  return {
    resourceType: 'Task',
    id: uuidFrom('Task', 'clean-room', mppsUid),
    status,
    intent: 'order',
    code: { coding: [{ system: systems.task, code: 'clean-room', display: 'Clean after isolation' }] },
    focus: { reference: cleanedReference(station), display },
    // Whose it is to look after; /room-tasks lists by it.
    owner: { reference: `Device/${deviceIdOf(station.aeTitle)}`, display: station.name },
    authoredOn: now.toISOString(),
    ...known,
  };
}

/** The room waits for its cleaning, unless something graver keeps it closed. */
export function roomToClean(room: Location): Location {
  const isGraver = ['C', 'K'].includes(room.operationalStatus?.code ?? '');
  return isGraver ? room : { ...room, operationalStatus: operationalStatus('H') };
}

/** The room after its cleaning: free, unless it was closed for something else meanwhile. */
export function roomAfterCleaning(room: Location): Location {
  return room.operationalStatus?.code === 'H' ? { ...room, operationalStatus: operationalStatus('U') } : room;
}

/**
 * The cleaning in the state that is stated: taken on, under way, done or not needed.
 *
 * @throws Failure field-invalid, state-conflict
 */
export function changedCleaning(current: Task, stated: Task, now: Date): Task {
  if (!isUnfinished(current)) throw fail('state-conflict', 'the cleaning has ended', { field: 'Task.status' });
  const { status, note } = stated;
  if (![...OPEN, ...ENDED].includes(status as (typeof OPEN)[number]))
    throw fail('field-invalid', `must be one of ${[...OPEN, ...ENDED].join(', ')}`, { field: 'Task.status' });
  const said = { ...current, status, ...(note ? { note } : {}) };
  return hasEnded(said) ? endedAt(said, now) : said;
}

/** The cleaning as ended by the clock: the site file says that its time is enough. */
export function releasedByTime(task: Task, now: Date): Task {
  return endedAt({ ...task, status: 'completed', statusReason: { text: 'the turnover time is over' } }, now);
}

/** True once the time of a cleaning is over and the site file says that this is enough. */
export function isOverByTime(task: Task, site: Site, now: Date): boolean {
  return site.turnover?.autoRelease === true && isOpenTask(task) && dueOf(task) <= now;
}

/** True while the work is to be done now. */
export function isOpenTask({ status }: Task): boolean {
  return (OPEN as readonly string[]).includes(status);
}

/** True while the work is to be done, now or after the patient's next exam. */
export function isUnfinished({ status }: Task): boolean {
  return (UNFINISHED_TASK as readonly string[]).includes(status);
}

/** True for a cleaning that waited for the patient's next exam long enough. */
export function isToBegin(task: Task, now: Date): boolean {
  return task.status === 'draft' && new Date(task.restriction?.period?.start ?? 0) <= now;
}

/** True for a Task that cleans. */
export function isCleaning({ code }: Task): boolean {
  return code?.coding?.some((one) => one.system === systems.task && one.code === 'clean-room') ?? false;
}

/** From when until when an open cleaning closes what it cleans; undefined where its time is over and that is enough. */
export function closureOfCleaning(
  task: Task,
  site: Site,
  now: Date,
): { start: Date; end: Date; reason: string } | undefined {
  if (isOverByTime(task, site, now)) return undefined;
  const start = new Date(task.restriction?.period?.start ?? task.authoredOn ?? 0);
  const reason = `${task.focus?.display ?? 'the room'} is being cleaned`;
  return { start, end: expectedEnd(start, dueOf(task), now), reason };
}

/** True where a room is closed by its cleaning, which says for how long, and by nothing else. */
export function isClosedByCleaningOnly(room: Location, cleaning: Task | undefined): boolean {
  return cleaning !== undefined && isInHousekeeping(room);
}

function hasEnded({ status }: Task): boolean {
  return (ENDED as readonly string[]).includes(status);
}

function endedAt(task: Task, now: Date): Task {
  const start = task.executionPeriod?.start ?? task.restriction?.period?.start;
  return { ...task, executionPeriod: { ...(start ? { start } : {}), end: now.toISOString() } };
}

function dueOf(task: Task): Date {
  return new Date(task.restriction?.period?.end ?? task.authoredOn ?? 0);
}
