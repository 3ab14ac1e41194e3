import { DateTime } from 'luxon';
import type { Site, Station } from '#platform';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** A station that is not open once in that time never is. */
const MOST_DAYS = 370;

/** When a station is open on one day, as instants in milliseconds (a day may have 23 or 25 hours). */
interface Opening {
  opens: number;
  closes: number;
}

/**
 * The opening of a station on the day of the site's zone that `at` falls on; undefined where it is closed all day: by its
 * days of the week, or because the site is.
 */
export function openingOn(station: Station, at: number, site: Site): Opening | undefined {
  return openingOf(station, DateTime.fromMillis(at, { zone: site.timeZone }).startOf('day'), site);
}

/** The first opening of a station that ends after `at`; undefined if there is none within a year. */
export function nextOpening(station: Station, at: number, site: Site): Opening | undefined {
  const today = DateTime.fromMillis(at, { zone: site.timeZone }).startOf('day');
  for (let days = 0; days < MOST_DAYS; days++) {
    const opening = openingOf(station, today.plus({ days }), site);
    if (opening && opening.closes > at) return opening;
  }
  return undefined;
}

function openingOf(station: Station, day: DateTime, site: Site): Opening | undefined {
  if (site.scheduling.closedDays.some(({ date }) => date === day.toISODate())) return undefined;
  const hours = station.openingHours?.find(({ days }) => days.includes(weekdays[day.weekday - 1]!));
  if (station.openingHours && !hours) return undefined;
  const { opens, closes } = hours ?? station;
  const on = (time: string) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return (hour === 24 ? day.plus({ days: 1 }) : day.set({ hour, minute })).toMillis();
  };
  return { opens: on(opens), closes: on(closes) };
}
