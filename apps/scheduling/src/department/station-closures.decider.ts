import type { Location, Slot, Task } from 'fhir/r4.js';
import type { Site, Station } from '#platform';
import { certifiedAgainAt, isAnyoneCertified, technologistsAt, type Roster } from './certification.decider.js';
import {
  cleanedReference,
  cleaningMinutes,
  closureOfCleaning,
  isClosedByCleaningOnly,
  isOpenTask,
} from './cleaning.decider.js';
import type { CausedClosure } from './closure.js';
import { reasonOfDowntime, stationOfSlot } from './downtime.decider.js';
import { closureOfQuality, qualityStates, type KnownQuality } from './quality-control.decider.js';
import { closureOfRoom } from './room-state.decider.js';
import { locationIdOf } from './site-resources.decider.js';

/** Everything that may close a station, as it is stored. */
export interface DepartmentState {
  rooms: readonly Location[];
  /** Those that are not done. */
  cleaning: readonly Task[];
  /** Planned and not over. */
  downtime: readonly Slot[];
  quality: readonly KnownQuality[];
  roster: Roster;
}

/**
 * Every closure of these stations that is not over now: of its room's state, its cleaning, planned downtime, quality
 * control that failed or is overdue, and nobody certified on the roster. What is not due yet closes nothing ahead.
 */
export function closuresOf(
  stations: readonly Station[],
  state: DepartmentState,
  site: Site,
  now: Date,
): CausedClosure[] {
  return stations.flatMap((station) => [
    ...ofRoomAndCleaning(station, state, site, now),
    ...ofDowntime(station, state, site, now),
    ...ofQuality(station, state, site, now),
    ...(site.requireCertified ? ofCertification(station, state, site, now) : []),
  ]);
}

/** A unit that goes to the bedside does not mind the room it is kept in. */
function ofRoomAndCleaning(station: Station, state: DepartmentState, site: Site, now: Date): CausedClosure[] {
  const { aeTitle } = station;
  const task = state.cleaning.find((one) => isOpenTask(one) && one.focus?.reference === cleanedReference(station));
  const cleaning = task && closureOfCleaning(task, site, now);
  const room = station.portable ? undefined : state.rooms.find(({ id }) => id === locationIdOf(station.room));
  const closed =
    room && !isClosedByCleaningOnly(room, task) ? closureOfRoom(room, cleaningMinutes(site), now) : undefined;
  return [
    ...(closed ? [{ aeTitle, cause: 'room', ...closed }] : []),
    ...(cleaning ? [{ aeTitle, cause: `cleaning:${task.id}`, ...cleaning }] : []),
  ];
}

function ofDowntime({ aeTitle }: Station, { downtime }: DepartmentState, site: Site, now: Date): CausedClosure[] {
  return downtime
    .filter((slot) => stationOfSlot(slot, site)?.aeTitle === aeTitle && new Date(slot.end) > now)
    .map((slot) => ({
      aeTitle,
      cause: `downtime:${slot.id}`,
      start: new Date(slot.start),
      end: new Date(slot.end),
      reason: reasonOfDowntime(slot),
    }));
}

function ofQuality(station: Station, { quality }: DepartmentState, site: Site, now: Date): CausedClosure[] {
  return qualityStates(station, quality, site, now).flatMap((state) => {
    const closure = closureOfQuality(state);
    const { system, code } = state.test;
    return closure ? [{ aeTitle: station.aeTitle, cause: `quality:${system}|${code}`, ...closure }] : [];
  });
}

function ofCertification(station: Station, { roster }: DepartmentState, site: Site, now: Date): CausedClosure[] {
  if (isAnyoneCertified(technologistsAt(station, roster, site, now))) return [];
  const end = certifiedAgainAt(station, roster, site, now);
  const reason = 'nobody who is certified for it is on the roster';
  return [{ aeTitle: station.aeTitle, cause: 'certification', start: now, ...(end ? { end } : {}), reason }];
}
