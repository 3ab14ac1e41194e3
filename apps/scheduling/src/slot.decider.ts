import { DateTime } from 'luxon';
import { fail, stationByAeTitle, stationsFor, type Site, type Station } from '#platform';
import type { RequestedStep } from './requested-steps.decider.js';

/** A time a station is taken. */
export interface Booking {
  aeTitle: string;
  start: Date;
  end: Date;
}

/** Where and when a step is done, and why there and then. */
export interface Slot {
  station: Station;
  start: Date;
  end: Date;
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
 * @param taken bookings of the candidate stations from now on
 * @throws Failure station-unavailable if no station can do it
 */
export function chooseSlot(step: RequestedStep, taken: readonly Booking[], site: Site, now: Date): Slot {
  const stations = candidates(step, site);
  const lasting = (start: Date) => new Date(start.getTime() + step.durationMinutes * 60_000);
  if (step.start) {
    const start = new Date(step.start);
    const free = stations.find((station) => isFree(station, start, lasting(start), taken));
    const reason = free ? 'at the time ordered' : 'at the time ordered, although the station is taken then';
    return { station: free ?? stations[0]!, start, end: lasting(start), reason, isOurs: false };
  }
  if (step.isStat) {
    const end = lasting(now);
    const open = stations.filter((station) => station.alwaysOpenForStat || isOpen(station, now, end, site));
    if (open.length === 0) throw noStation(step, 'is open for a STAT exam now');
    const free = open.find((station) => isFree(station, now, end, taken));
    const reason = free ? 'STAT: at once' : 'STAT: at once, ahead of what is booked';
    return { station: free ?? open[0]!, start: now, end, reason, isOurs: false };
  }
  const found = stations
    .map((station) => ({ station, start: nextFree(station, step, taken, site, now) }))
    .filter((one): one is { station: Station; start: Date } => one.start !== undefined)
    .sort((a, b) => a.start.getTime() - b.start.getTime())[0];
  if (!found) throw noStation(step, `is free within ${HORIZON_DAYS} days`);
  return { ...found, end: lasting(found.start), reason: 'next free time', isOurs: true };
}

/** The stations a step may be done at, in the order of the site file. @throws Failure station-unavailable */
export function candidates(step: RequestedStep, site: Site): Station[] {
  const asked = stationByAeTitle(site, step.stationAeTitle);
  if (asked?.modalities.includes(step.modality)) return [asked];
  const stations = stationsFor(site, step.modality).filter((station) => station.portable === step.isPortable);
  if (stations.length === 0) throw noStation(step, step.isPortable ? 'is portable' : 'stands in a room');
  return stations;
}

function nextFree(
  station: Station,
  step: RequestedStep,
  taken: readonly Booking[],
  site: Site,
  now: Date,
): Date | undefined {
  const length = step.durationMinutes * 60_000;
  const horizon = now.getTime() + HORIZON_DAYS * 86_400_000;
  const busy = taken.filter((one) => one.aeTitle === station.aeTitle).sort((a, b) => a.start.getTime() - b.start.getTime()); // prettier-ignore
  let start = Math.ceil(now.getTime() / GRID_MS) * GRID_MS;
  while (start < horizon) {
    const end = start + length;
    const opening = openingOf(station, new Date(start), site);
    if (start < opening.opens || end > opening.closes) {
      const next = start < opening.opens ? opening.opens : opening.nextOpens;
      // A station that never stays open as long as the exam lasts has no free time.
      if (end > opening.closes && start <= opening.opens) return undefined;
      start = Math.ceil(next / GRID_MS) * GRID_MS;
      continue;
    }
    const blocking = busy.find((one) => one.start.getTime() < end && one.end.getTime() > start);
    if (!blocking) return new Date(start);
    start = Math.ceil(blocking.end.getTime() / GRID_MS) * GRID_MS;
  }
  return undefined;
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

function isFree(station: Station, start: Date, end: Date, taken: readonly Booking[]): boolean {
  return !taken.some((one) => one.aeTitle === station.aeTitle && one.start < end && one.end > start);
}

function noStation(step: RequestedStep, why: string) {
  return fail(
    'station-unavailable',
    `no station with modality ${step.modality} ${why}: check stations in the site file`,
  );
}
