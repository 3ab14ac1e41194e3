import { DateTime } from 'luxon';
import type { Site } from '#platform';

/** The days of a comparison, and the night that it is of: `YYYY-MM-DD` in the site's zone, both included. */
export interface Nightly {
  night: string;
  from: string;
  to: string;
}

/** The comparison that is due of this night, undefined before its time, or where the site wants none. */
export function nightlyDue(
  { reconciliation, timeZone }: Pick<Site, 'reconciliation' | 'timeZone'>,
  now: Date,
): Nightly | undefined {
  if (!reconciliation) return undefined;
  const local = DateTime.fromJSDate(now, { zone: timeZone });
  if (local.toFormat('HH:mm') < reconciliation.at) return undefined;
  const day = (back: number) => local.minus({ days: back }).toISODate()!;
  return { night: day(0), from: day(reconciliation.days), to: day(1) };
}

/** When these days begin, and when they are over, in the site's zone. */
export function boundsOf({ from, to }: Pick<Nightly, 'from' | 'to'>, timeZone: string): { since: Date; before: Date } {
  const at = (day: string) => DateTime.fromISO(day, { zone: timeZone });
  return { since: at(from).toJSDate(), before: at(to).plus({ days: 1 }).toJSDate() };
}
