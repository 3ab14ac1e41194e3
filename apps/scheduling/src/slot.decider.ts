import { DateTime } from 'luxon';
import { fail, stationByAeTitle, stationsFor, type Site, type Station } from '#platform';
import type { RequestedStep } from './requested-steps.decider.js';

/** A time that is taken. */
export interface Booking {
  /** The station that is taken; absent where it is the patient who is: they can be nowhere else then. */
  aeTitle?: string;
  start: Date;
  end: Date;
}

/** Where and when a step is done, and why there and then. */
export interface Slot {
  station: Station;
  start: Date;
  end: Date;
  /** For people to read; names no patient. */
  reason: string;
  /** True if we found the time: then the station must be free. A time that was asked for is kept as given. */
  isOurs: boolean;
}

/** How far ahead a free time is looked for. */
const HORIZON_DAYS = 60;
/** Times we find begin on the five minutes. */
const GRID_MS = 5 * 60_000;

/**
 * Chooses station and time of one step: what was asked for is kept; STAT begins now; anything else gets the next free
 * time within opening hours at a station of its modality. A bedside exam goes to a portable unit.
 *
 * @param taken bookings of the candidate stations, and of the patient, from now on
 * @throws Failure station-unavailable if no station can do it
 */
export function chooseSlot(step: RequestedStep, taken: readonly Booking[], site: Site, now: Date): Slot {
  const stations = candidates(step, site);
  const slot = slotAt(stations, step, taken, site, now);
  const isAsked = step.stationAeTitle === slot.station.aeTitle;
  const station = step.followed ? 'the station of the RIS' : 'the station ordered';
  const about = isAsked
    ? `at ${station}`
    : step.stationAeTitle
      ? `not at ${station}, which the site file does not have for this modality`
      : step.isPortable
        ? 'portable unit for the bedside'
        : undefined;
  return about ? { ...slot, reason: `${slot.reason}; ${about}` } : slot;
}

/**
 * The stations a step may be done at, in the order of the site file: the one asked for; else portable units for the
 * bedside; else those in a room, or portable units where the modality has no room.
 *
 * @throws Failure station-unavailable
 */
export function candidates(step: RequestedStep, site: Site): Station[] {
  const asked = stationByAeTitle(site, step.stationAeTitle);
  if (asked?.modalities.includes(step.modality)) return [asked];
  const able = stationsFor(site, step.modality);
  const portable = able.filter((station) => station.portable);
  const inRooms = able.filter((station) => !station.portable);
  const stations = step.isPortable ? portable : inRooms.length > 0 ? inRooms : portable;
  if (stations.length === 0) throw noStation(step, step.isPortable ? 'is portable' : 'is in the site file');
  return stations;
}

function slotAt(stations: Station[], step: RequestedStep, taken: readonly Booking[], site: Site, now: Date): Slot {
  const lasting = (start: Date) => new Date(start.getTime() + step.durationMinutes * 60_000);
  if (step.start) {
    const start = new Date(step.start);
    const end = lasting(start);
    const free = stations.find((station) => isFree(station, start, end, taken));
    const at = step.followed ? 'at the time of the RIS' : 'at the time ordered';
    const reason = free ? at : `${at}, although the station is taken then`;
    return { station: free ?? stations[0]!, start, end, reason, isOurs: false };
  }
  const earliest = new Date(Math.max(now.getTime(), Date.parse(step.notBefore ?? '') || 0));
  if (step.isStat && earliest.getTime() === now.getTime()) return slotAtOnce(stations, step, taken, site, now);
  const found = stations
    .map((station) => ({ station, start: nextFree(station, step, taken, site, earliest) }))
    .filter((one): one is { station: Station; start: Date } => one.start !== undefined)
    .sort((a, b) => a.start.getTime() - b.start.getTime())[0];
  if (!found) throw noStation(step, `is free within ${HORIZON_DAYS} days`);
  const reason = step.notBefore ? 'next free time from the day ordered' : 'next free time';
  return { ...found, end: lasting(found.start), reason, isOurs: true };
}

/** STAT waits for nobody: at a station that is free, else at the one that is free again first. */
function slotAtOnce(stations: Station[], step: RequestedStep, taken: readonly Booking[], site: Site, now: Date): Slot {
  const start = new Date(now.getTime() + step.afterMinutes * 60_000);
  const end = new Date(start.getTime() + step.durationMinutes * 60_000);
  const open = stations.filter((station) => station.alwaysOpenForStat || isOpen(station, start, end, site));
  if (open.length === 0) throw noStation(step, 'is open for a STAT exam now');
  const until = ({ aeTitle }: Station) =>
    Math.max(0, ...taken.filter((one) => one.aeTitle === aeTitle && overlaps(one, start, end)).map((one) => one.end.getTime())); // prettier-ignore
  const [first] = open.map((station) => ({ station, until: until(station) })).sort((a, b) => a.until - b.until);
  const reason = first!.until === 0 ? 'STAT: at once' : 'STAT: at once, ahead of what is booked';
  return { station: first!.station, start, end, reason, isOurs: false };
}

function nextFree(
  station: Station,
  step: RequestedStep,
  taken: readonly Booking[],
  site: Site,
  earliest: Date,
): Date | undefined {
  const length = step.durationMinutes * 60_000;
  const horizon = earliest.getTime() + HORIZON_DAYS * 86_400_000;
  const busy = merged(taken.filter(({ aeTitle }) => aeTitle === undefined || aeTitle === station.aeTitle));
  let start = onGrid(earliest.getTime());
  let next = 0;
  while (start < horizon) {
    const end = start + length;
    const opening = openingOf(station, new Date(start), site);
    if (start < opening.opens || end > opening.closes) {
      // A station that never stays open as long as the exam lasts has no free time.
      if (end > opening.closes && start <= opening.opens) return undefined;
      start = onGrid(start < opening.opens ? opening.opens : opening.nextOpens);
      continue;
    }
    while (next < busy.length && busy[next]!.end <= start) next++;
    const blocking = busy[next];
    if (!blocking || blocking.start >= end) return new Date(start);
    start = onGrid(blocking.end);
  }
  return undefined;
}

/** Times taken as few intervals in order, so that a full calendar is searched in one pass. */
function merged(taken: readonly Booking[]): { start: number; end: number }[] {
  const intervals: { start: number; end: number }[] = [];
  const times = taken.map(({ start, end }) => ({ start: start.getTime(), end: end.getTime() }));
  for (const one of times.sort((a, b) => a.start - b.start)) {
    const last = intervals.at(-1);
    if (last && one.start <= last.end) last.end = Math.max(last.end, one.end);
    else intervals.push(one);
  }
  return intervals;
}

function onGrid(at: number): number {
  return Math.ceil(at / GRID_MS) * GRID_MS;
}

function isOpen(station: Station, start: Date, end: Date, site: Site): boolean {
  const { opens, closes } = openingOf(station, start, site);
  return start.getTime() >= opens && end.getTime() <= closes;
}

/** Opening hours of the day that `at` falls on in the site's zone, as instants (a day may have 23 or 25 hours). */
function openingOf(station: Station, at: Date, site: Site): { opens: number; closes: number; nextOpens: number } {
  const day = DateTime.fromJSDate(at, { zone: site.timeZone }).startOf('day');
  const on = (base: DateTime, time: string) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return (hour === 24 ? base.plus({ days: 1 }) : base.set({ hour, minute })).toMillis();
  };
  return {
    opens: on(day, station.opens),
    closes: on(day, station.closes),
    nextOpens: on(day.plus({ days: 1 }), station.opens),
  };
}

function isFree({ aeTitle }: Station, start: Date, end: Date, taken: readonly Booking[]): boolean {
  return !taken.some((one) => one.aeTitle === aeTitle && overlaps(one, start, end));
}

function overlaps(one: Booking, start: Date, end: Date): boolean {
  return one.start < end && one.end > start;
}

function noStation(step: RequestedStep, why: string) {
  return fail(
    'station-unavailable',
    `no station with modality ${step.modality} ${why}: check stations in the site file`,
  );
}
