import type { Location, Task } from 'fhir/r4.js';
import { sameContent, systems } from '#fhir';
import { fail, ofTable } from '#platform';
import { expectedEnd } from './closure.js';
import { operationalStatus, operationalStatuses } from './site-resources.decider.js';

/** The states of a room in which no exam may begin there. */
const closing: Readonly<Record<string, string>> = {
  C: 'is closed',
  H: 'is being cleaned',
  K: 'is contaminated',
};

/**
 * The room in the state that is stated. The rest of it is the site file's; elements left out stay as they are.
 *
 * @param cleaning an open cleaning Task of the room, which has to be ended first
 * @throws Failure field-missing, field-invalid, value-unknown, state-conflict
 */
export function changedRoom(current: Location, stated: Location, cleaning: Task | undefined): Location {
  const { status = current.status, operationalStatus: given = current.operationalStatus } = stated;
  const rest = { ...current, ...stated, status: current.status, operationalStatus: current.operationalStatus };
  if (!sameContent(rest, current))
    throw fail('state-conflict', 'only status and operationalStatus change here: the rest is in the site file', {
      field: 'Location',
    });
  if (status !== 'active' && status !== 'suspended')
    throw fail('field-invalid', 'must be active or suspended: a room leaves with the site file', {
      field: 'Location.status',
    });
  if (given?.system !== systems.operationalStatus || !ofTable(operationalStatuses, given.code))
    throw fail('value-unknown', `must be C, H, O, U, K or I of ${systems.operationalStatus}`, {
      field: 'Location.operationalStatus',
    });
  const code = given.code as keyof typeof operationalStatuses;
  if (cleaning && !ofTable(closing, code))
    throw fail('state-conflict', `the room is to be cleaned: complete Task/${cleaning.id} first`, {
      field: 'Location.operationalStatus',
    });
  return { ...current, status, operationalStatus: operationalStatus(code) };
}

/**
 * Why and since when the state of a room closes it; undefined where it does not. Housekeeping is expected to be over in
 * time, everything else is until further notice.
 *
 * @param housekeepingMinutes how long it takes
 */
export function closureOfRoom(
  room: Location,
  housekeepingMinutes: number,
  now: Date,
): { start: Date; end?: Date; reason: string } | undefined {
  const start = new Date(room.meta?.lastUpdated ?? 0);
  if (room.status === 'suspended') return { start, reason: `${room.name} is out of use` };
  const why = ofTable(closing, room.operationalStatus?.code);
  if (!why) return undefined;
  const planned = new Date(start.getTime() + housekeepingMinutes * 60_000);
  const end = room.operationalStatus?.code === 'H' ? { end: expectedEnd(start, planned, now) } : {};
  return { start, ...end, reason: `${room.name} ${why}` };
}

/** True where the room waits for its cleaning and for nothing else. */
export function isInHousekeeping(room: Location): boolean {
  return room.status === 'active' && room.operationalStatus?.code === 'H';
}
