import type { Site, Station } from '#platform';
import { nextFree, type Calendar } from './calendar.js';
import type { RequestedStep } from './requested-steps.decider.js';

/** A time at which a step could be done. */
export interface FreeTime {
  station: Station;
  start: Date;
  end: Date;
}

/**
 * The free times of a step within a window, the first first: at each station one behind the other, so that no two of them
 * overlap there. What goes ahead of others is not in it.
 *
 * @param within its `from` must not be before now; each time begins before `until`
 * @returns at most `limit`
 */
export function freeTimes(
  { durationMinutes, turnoverMinutes }: Pick<RequestedStep, 'durationMinutes' | 'turnoverMinutes'>,
  stations: readonly Station[],
  calendar: Calendar,
  site: Site,
  within: { from: Date; until: Date; limit: number },
): FreeTime[] {
  const lengths = { lasting: durationMinutes * 60_000, turnover: turnoverMinutes * 60_000 };
  const until = within.until.getTime();
  const atStation = (station: Station): FreeTime[] => {
    const found: FreeTime[] = [];
    for (let from = within.from.getTime(); found.length < within.limit;) {
      const start = nextFree(station, lengths, calendar, site, from);
      if (start === undefined || start >= until) break;
      const end = start + lengths.lasting;
      found.push({ station, start: new Date(start), end: new Date(end) });
      from = end + lengths.turnover;
    }
    return found;
  };
  return stations
    .flatMap(atStation)
    .sort((a, b) => a.start.getTime() - b.start.getTime())
    .slice(0, within.limit);
}
