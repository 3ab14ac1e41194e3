import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';

/** Search parameters that a service may serve; which of them, it says per type. */
export type SearchParameter = '_id' | 'identifier' | 'patient' | 'status' | 'based-on' | '_lastUpdated';

/** FHIR search parameter types, for the CapabilityStatement. */
export const searchParameterTypes: Record<SearchParameter, 'token' | 'reference' | 'date'> = {
  _id: 'token',
  identifier: 'token',
  patient: 'reference',
  status: 'token',
  'based-on': 'reference',
  _lastUpdated: 'date',
};

/** One page of matches, oldest change first, and where the next one begins. */
export interface SearchPage {
  matches: FhirResource[];
  total: number;
  next?: string;
}

const PAGE = 50;
const LARGEST_PAGE = 500;

/**
 * Searches one type (FHIR R4 RESTful search). Comma means or, repetition means and.
 *
 * @param query parameter name → values as sent
 * @throws Failure field-invalid for a parameter that is not served or cannot be read; values are not echoed
 */
export async function searchResources(
  manager: EntityManager,
  type: string,
  query: Record<string, string[]>,
  served: readonly SearchParameter[],
): Promise<SearchPage> {
  const where = ['type = $1'];
  const values: unknown[] = [type];
  const bind = (value: unknown) => `$${values.push(value)}`;
  for (const [given, repetitions] of Object.entries(query)) {
    if (given === '_count' || given === '_cursor' || given === '_format') continue;
    const name = given === 'subject' ? 'patient' : given;
    if (!served.includes(name as SearchParameter))
      throw fail('field-invalid', `search parameter is not served; served are: ${[...served, '_count'].join(', ')}`, {
        field: /^[\w-]{1,40}$/.test(given) ? given : 'parameter',
      });
    for (const text of repetitions) where.push(conditions[name as SearchParameter](text, bind));
  }
  const [{ total }] = await manager.query(
    `SELECT count(*)::int AS total FROM resource WHERE ${where.join(' AND ')}`,
    values,
  );
  const limit = countOf(query._count?.[0]);
  const cursor = readCursor(query._cursor?.[0]);
  if (cursor) where.push(`(last_updated, id) > (${bind(cursor[0])}::timestamptz, ${bind(cursor[1])})`);
  const rows: { body: FhirResource; at: string; id: string }[] = await manager.query(
    `SELECT body, last_updated::text AS at, id FROM resource WHERE ${where.join(' AND ')}
      ORDER BY last_updated, id LIMIT ${bind(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    matches: page.map((row) => row.body),
    total,
    ...(rows.length > limit && last ? { next: Buffer.from(`${last.at}|${last.id}`).toString('base64url') } : {}),
  };
}

type Bind = (value: unknown) => string;

const conditions: Record<SearchParameter, (text: string, bind: Bind) => string> = {
  _id: (text, bind) => `id = ANY(${bind(text.split(','))})`,
  status: (text, bind) => `status = ANY(${bind(text.split(','))})`,
  // `|value` (no system) is served as any system: an identifier here nearly always has one.
  identifier: (text, bind) =>
    `identifiers && ${bind(text.split(',').map((token) => token.replace(/^\|/, '')))}::text[]`,
  patient: (text, bind) => `patient_id = ANY(${bind(text.split(',').map((one) => one.replace(/^Patient\//, '')))})`,
  'based-on': (text, bind) =>
    `refs && ${bind(text.split(',').map((one) => (one.includes('/') ? one : `ServiceRequest/${one}`)))}::text[]`,
  _lastUpdated: (text, bind) => {
    const [, prefix = 'eq', date = ''] =
      /^(eq|ge|le|gt|lt)?(\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)$/.exec(text) ?? [];
    if (!date)
      throw fail('field-invalid', 'use eq, ge, le, gt or lt and a date or a time with zone, such as ge2026-01-31', {
        field: '_lastUpdated',
      });
    if (prefix === 'eq' && date.length === 10)
      return `last_updated >= ${bind(date)}::date AND last_updated < ${bind(date)}::date + 1`;
    const operator = { eq: '=', ge: '>=', le: '<=', gt: '>', lt: '<' }[prefix];
    return `last_updated ${operator} ${bind(date)}::timestamptz`;
  },
};

function countOf(text: string | undefined): number {
  if (text === undefined) return PAGE;
  if (!/^\d{1,6}$/.test(text)) throw fail('field-invalid', 'must be a whole number', { field: '_count' });
  return Math.min(Number(text), LARGEST_PAGE);
}

function readCursor(text: string | undefined): [string, string] | undefined {
  if (text === undefined) return undefined;
  const [at, id] = Buffer.from(text, 'base64url').toString('utf8').split('|');
  if (at && id && !Number.isNaN(Date.parse(at))) return [at, id];
  throw fail('field-invalid', 'is not a cursor of this server: follow the next link as given', { field: '_cursor' });
}
