import { DateTime } from 'luxon';
import { fail } from '#platform';

/** What a date parameter asks of a moment; the bounds are the whole period the date names, `until` not included. */
export interface DateSearch {
  prefix: 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb';
  from: Date;
  until: Date;
}

/**
 * Reads a date parameter (FHIR R4 search, section 3.1.1.4.7): a prefix, and a date as precise as its sender knows it.
 * Without a zone it is UTC, as the server's own `lastUpdated` is.
 *
 * @throws Failure field-invalid if it is none
 */
export function dateSearched(field: string, text: string): DateSearch {
  const [, prefix = 'eq', date = ''] = /^(eq|ne|gt|lt|ge|le|sa|eb)?(\d{4}[\dT:.Z+-]*)$/.exec(text) ?? [];
  const from = DateTime.fromISO(date, { zone: 'utc' });
  const unit = units.find(([pattern]) => pattern.test(date))?.[1];
  if (!from.isValid || !unit)
    throw fail('field-invalid', 'use eq, ne, ge, le, gt or lt and a date or time, such as ge2026-01-31', { field });
  return { prefix: prefix as DateSearch['prefix'], from: from.toJSDate(), until: from.plus({ [unit]: 1 }).toJSDate() };
}

/** What the written form leaves open. */
const units: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}$/, 'years'],
  [/^\d{4}-\d\d$/, 'months'],
  [/^\d{4}-\d\d-\d\d$/, 'days'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d(Z|[+-]\d\d:\d\d)?$/, 'minutes'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?$/, 'seconds'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)?$/, 'milliseconds'],
];
