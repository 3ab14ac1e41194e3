import type { Site, Station } from '#platform';
import { closedUntil, type Closure } from '../department/closure.js';
import type { Lane } from './lane.decider.js';
import { nextOpening, openingOn } from './opening-hours.js';

/** A time that is taken. */
export interface Booking {
  /** The station that is taken; absent where it is the patient who is: they can be nowhere else then. */
  aeTitle?: string;
  start: Date;
  end: Date;
}

/** A booking of the next hours, by itself. */
export interface UpcomingBooking extends Booking {
  aeTitle: string;
  appointmentId: string;
  lane: Lane;
  /** Its exam has begun. */
  hasBegun: boolean;
  /** We found its time; one that was ordered is its placer's. */
  isOurs: boolean;
}

/** What is known of the stations in question, and of the patient, from now on. */
export interface Calendar {
  /** Times that are taken, at the stations and by the patient; bookings that touch may come as one. */
  taken: readonly Booking[];
  /** The stations' bookings of the next hours one by one, for a step that may go ahead of some of them. */
  upcoming?: readonly UpcomingBooking[];
  closures?: readonly Closure[];
}

/** Times taken, in milliseconds. */
export interface Interval {
  start: number;
  end: number;
}

/** How far ahead a free time is looked for. */
export const HORIZON_DAYS = 60;
/** Times we find begin on the five minutes. */
const GRID_MS = 5 * 60_000;

/**
 * The first time from `earliest` on, on the five minutes, at which a station is open and neither it nor the patient is
 * taken for as long as the exam lasts, and it for its turnover after that as well.
 *
 * @returns milliseconds; undefined if there is none within 60 days
 */
export function nextFree(
  station: Station,
  { lasting, turnover }: { lasting: number; turnover: number },
  calendar: Calendar,
  site: Site,
  earliest: number,
): number | undefined {
  const horizon = earliest + HORIZON_DAYS * 86_400_000;
  const patient = merged(calendar.taken.filter(({ aeTitle }) => aeTitle === undefined).map(inMilliseconds));
  const room = merged(busyAt(station.aeTitle, calendar, horizon));
  let start = onGrid(earliest);
  while (start < horizon) {
    const end = start + lasting;
    const opening = openingOn(station, start, site);
    if (!opening || start < opening.opens || end > opening.closes) {
      const next =
        opening && start < opening.opens
          ? opening
          : nextOpening(station, Math.max(start, opening?.closes ?? start), site);
      // A station that never stays open as long as the exam lasts has no free time.
      if (!next || next.closes - next.opens < lasting) return undefined;
      start = onGrid(Math.max(next.opens, start + 1));
      continue;
    }
    const blocking = firstOverlapping(room, start, end + turnover) ?? firstOverlapping(patient, start, end);
    if (!blocking) return start;
    start = onGrid(blocking.end);
  }
  return undefined;
}

/** Whether a booking takes a station in that time. */
export function overlaps(station: Station, start: Date, end: Date): (booking: Booking) => boolean {
  return (one) => one.aeTitle === station.aeTitle && one.start < end && one.end > start;
}

/** True if the station is open, and not closed by anything, for the whole of that time. */
export function isOpen(station: Station, start: number, end: number, site: Site): boolean {
  const opening = openingOn(station, start, site);
  return opening !== undefined && start >= opening.opens && end <= opening.closes;
}

/** Times as few intervals, in order. */
export function merged(times: Interval[]): Interval[] {
  const intervals: Interval[] = [];
  for (const one of times.sort((a, b) => a.start - b.start)) {
    const last = intervals.at(-1);
    if (last && one.start <= last.end) last.end = Math.max(last.end, one.end);
    else intervals.push({ ...one });
  }
  return intervals;
}

/** The first of intervals in order that touches a time; by halving, since a calendar may be full for weeks. */
export function firstOverlapping(intervals: readonly Interval[], start: number, end: number): Interval | undefined {
  let [low, high] = [0, intervals.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intervals[middle]!.end <= start) low = middle + 1;
    else high = middle;
  }
  const found = intervals[low];
  return found && found.start < end ? found : undefined;
}

export function inMilliseconds({ start, end }: { start: Date; end: Date }): Interval {
  return { start: start.getTime(), end: end.getTime() };
}

function busyAt(aeTitle: string, { taken, closures = [] }: Calendar, horizon: number): Interval[] {
  const closed = closures.filter((one) => one.aeTitle === aeTitle);
  return [
    ...taken.filter((one) => one.aeTitle === aeTitle).map(inMilliseconds),
    ...closed.map((one) => ({ start: one.start.getTime(), end: closedUntil(one)?.getTime() ?? horizon })),
  ];
}

function onGrid(at: number): number {
  return Math.ceil(at / GRID_MS) * GRID_MS;
}
