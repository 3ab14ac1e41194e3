import { DateTime } from 'luxon';
import { fail } from './failure.js';

/**
 * A time as it is asked for: days in the site's zone, both included, or times with their offset, until before the second.
 *
 * @param most the longest that may be asked for, in days
 * @throws Failure field-missing, field-invalid
 */
export function timesIn(from: unknown, to: unknown, timeZone: string, most = Infinity): { from: Date; to: Date } {
  const [start] = timeIn(from, 'from', timeZone);
  const [end, isDay] = timeIn(to, 'to', timeZone);
  const until = isDay ? end.plus({ days: 1 }) : end;
  if (until <= start) throw fail('field-invalid', 'to must be later than from', { field: 'to' });
  // A day may have an hour more.
  if (until.diff(start, 'days').days > most + 0.1)
    throw fail('field-invalid', `to must be at most ${most} days after from`, { field: 'to' });
  return { from: start.toJSDate(), to: until.toJSDate() };
}

function timeIn(value: unknown, field: string, zone: string): [DateTime, boolean] {
  if (value === undefined || value === '') throw fail('field-missing', `${field} is required`, { field });
  const text = typeof value === 'string' ? value : '';
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = DateTime.fromISO(text, { zone });
  if ((isDay || isTime) && time.isValid) return [time, isDay];
  throw fail('field-invalid', `${field} must be a day as YYYY-MM-DD, or an ISO 8601 time with its offset`, { field });
}
