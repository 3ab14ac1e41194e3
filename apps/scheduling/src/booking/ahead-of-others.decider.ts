import type { Site, Station } from '#platform';
import {
  firstOverlapping,
  inMilliseconds,
  isOpen,
  merged,
  type Calendar,
  type Interval,
  type UpcomingBooking,
} from './calendar.js';
import { closureDuring } from '../department/closure.js';
import { mayMove, type Lane } from './lane.decider.js';
import type { RequestedStep } from './requested-steps.decider.js';

/** A place ahead of what is booked. */
export interface PlaceAhead {
  station: Station;
  start: number;
  end: number;
  /** Booked exams that have to go elsewhere. */
  displaced: UpcomingBooking[];
  /** Times that were ordered, which nobody here may move: the station is taken twice then. */
  overlapped: UpcomingBooking[];
  /** It waits for an exam under way. */
  waits: boolean;
}

/**
 * The best place for a step that goes ahead of others: the one that begins first; of these the one that takes no time
 * that was ordered, then the one that displaces fewest. An exam under way is never interrupted, nor is the patient taken
 * twice.
 *
 * @param earliest milliseconds
 * @returns undefined if no station is open for it
 */
export function placeAhead(
  stations: readonly Station[],
  step: RequestedStep,
  calendar: Calendar,
  site: Site,
  earliest: number,
): PlaceAhead | undefined {
  return stations
    .flatMap((station) => placeAt(station, step, calendar, site, earliest) ?? [])
    .sort(
      (a, b) =>
        a.start - b.start || a.overlapped.length - b.overlapped.length || a.displaced.length - b.displaced.length,
    )[0];
}

function placeAt(
  station: Station,
  step: RequestedStep,
  calendar: Calendar,
  site: Site,
  earliest: number,
): PlaceAhead | undefined {
  const { taken, upcoming = [], closures = [] } = calendar;
  const here = upcoming.filter(({ aeTitle }) => aeTitle === station.aeTitle);
  const staying = here.filter((one) => !givesWay(one, step.lane));
  const patient = taken.filter(({ aeTitle }) => aeTitle === undefined);
  const obstacles = merged([...staying, ...patient].map(inMilliseconds));
  const start = afterObstacles(obstacles, earliest, step.durationMinutes * 60_000);
  const end = start + step.durationMinutes * 60_000;
  const isServed = (step.isStat && station.alwaysOpenForStat) || isOpen(station, start, end, site);
  if (!isServed || closureDuring(closures, station.aeTitle, new Date(start), new Date(end))) return undefined;
  const until = end + step.turnoverMinutes * 60_000;
  const inTheWay = here.filter(
    (one) => givesWay(one, step.lane) && firstOverlapping([inMilliseconds(one)], start, until),
  );
  return {
    station,
    start,
    end,
    displaced: inTheWay.filter(({ isOurs }) => isOurs),
    overlapped: inTheWay.filter(({ isOurs }) => !isOurs),
    waits: start > earliest,
  };
}

/** STAT goes ahead even of a time that was ordered; anybody else only of what we may move. */
function givesWay({ hasBegun, isOurs, lane }: UpcomingBooking, first: Lane): boolean {
  if (hasBegun) return false;
  return isOurs ? mayMove(first, lane) : first === 'stat' && lane !== 'stat';
}

function afterObstacles(obstacles: readonly Interval[], earliest: number, lasting: number): number {
  let start = earliest;
  for (;;) {
    const blocking = firstOverlapping(obstacles, start, start + lasting);
    if (!blocking) return start;
    start = blocking.end;
  }
}
