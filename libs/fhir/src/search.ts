import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { dateSearched, type DateSearch } from './search-date.js';
import { alternativesOf, tokensSearched } from './search-token.js';

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

/** What the client asks of a parameter that is not served (`Prefer: handling=`, FHIR R4 section 3.1.1.1). */
export type Handling = 'strict' | 'lenient';

/**
 * Searches one type (FHIR R4 RESTful search). Comma means or, repetition means and.
 *
 * @param query parameter name → values as sent
 * @param handling `lenient` leaves out parameters that are not served; strict is safer, since a filter left out finds
 *   more than was asked for
 * @throws Failure field-invalid for a parameter that is not served or cannot be read; values are not echoed
 */
export async function searchResources(
  manager: EntityManager,
  type: string,
  query: Record<string, string[]>,
  served: readonly SearchParameter[],
  handling: Handling = 'strict',
): Promise<SearchPage> {
  const where = ['type = $1'];
  const values: unknown[] = [type];
  const bind = (value: unknown) => `$${values.push(value)}`;
  for (const [name, repetitions] of asked(query, served, handling))
    for (const text of repetitions) where.push(conditions[name](clean(name, text), bind));
  const [{ total }] = await manager.query(
    `SELECT count(*)::int AS total FROM resource WHERE ${where.join(' AND ')}`,
    values,
  );
  const limit = countOf(query._count?.[0]);
  const cursor = readCursor(query._cursor?.[0]);
  if (cursor)
    where.push(
      `(last_updated, id) > ('epoch'::timestamptz + ${bind(cursor[0])}::bigint * interval '1 microsecond', ${bind(cursor[1])})`,
    );
  const rows: { body: FhirResource; at: string; id: string }[] = await manager.query(
    `SELECT body, (extract(epoch FROM last_updated) * 1000000)::bigint::text AS at, id FROM resource WHERE ${where.join(' AND ')}
      ORDER BY last_updated, id LIMIT ${bind(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    matches: page.map((row) => row.body),
    total,
    ...(rows.length > limit && last ? { next: cursorAfter(last) } : {}),
  };
}

/** Parameters that shape the answer instead of choosing. */
const shaping = ['_count', '_cursor', '_format', '_pretty'];

/** The parameters of a query that are served, under the name they are served by. */
function asked(
  query: Record<string, string[]>,
  served: readonly SearchParameter[],
  handling: Handling,
): [SearchParameter, string[]][] {
  return Object.entries(query).flatMap(([given, values]): [SearchParameter, string[]][] => {
    const name = (given === 'subject' ? 'patient' : given) as SearchParameter;
    if (served.includes(name)) return [[name, values]];
    if (shaping.includes(given) || handling === 'lenient') return [];
    throw fail('field-invalid', `search parameter is not served; served are: ${[...served, '_count'].join(', ')}`, {
      field: /^[\w:-]{1,40}$/.test(given) ? given : 'parameter',
    });
  });
}

/** Postgres takes no NUL in a text; nothing stored here has an empty key. */
function clean(field: string, text: string): string {
  if (text !== '' && !text.includes('\0')) return text;
  throw fail('field-invalid', 'must not be empty, and hold no NUL', { field });
}

type Bind = (value: unknown) => string;

const conditions: Record<SearchParameter, (text: string, bind: Bind) => string> = {
  _id: (text, bind) => `id = ANY(${bind(alternativesOf(text))})`,
  status: (text, bind) => `status = ANY(${bind(alternativesOf(text).map((one) => one.replace(/^.*\|/, '')))})`,
  identifier: (text, bind) => `identifiers && ${bind(tokensSearched(text))}::text[]`,
  patient: (text, bind) =>
    `patient_id = ANY(${bind(alternativesOf(text).map((one) => one.replace(/^Patient\//, '')))})`,
  'based-on': (text, bind) =>
    `refs && ${bind(alternativesOf(text).map((one) => (one.includes('/') ? one : `ServiceRequest/${one}`)))}::text[]`,
  _lastUpdated: (text, bind) => {
    const dates = alternativesOf(text).map((one) => dateSearched('_lastUpdated', one));
    return `(${dates.map((date) => momentIs(date, bind)).join(' OR ')})`;
  },
};

function momentIs({ prefix, from, until }: DateSearch, bind: Bind): string {
  const is = (operator: string, moment: Date) => `last_updated ${operator} ${bind(moment)}::timestamptz`;
  switch (prefix) {
    case 'eq':
      return `(${is('>=', from)} AND ${is('<', until)})`;
    case 'ne':
      return `(${is('<', from)} OR ${is('>=', until)})`;
    case 'gt':
    case 'sa':
      return is('>=', until);
    case 'ge':
      return is('>=', from);
    case 'lt':
    case 'eb':
      return is('<', from);
    case 'le':
      return is('<', until);
  }
}

function countOf(text: string | undefined): number {
  if (text === undefined) return PAGE;
  if (!/^\d{1,6}$/.test(text)) throw fail('field-invalid', 'must be a whole number', { field: '_count' });
  return Math.min(Number(text), LARGEST_PAGE);
}

/** A cursor is the key of the last match given out, so that a page begins where the one before ended. */
function cursorAfter({ at, id }: { at: string; id: string }): string {
  return Buffer.from(`${at}|${id}`).toString('base64url');
}

function readCursor(text: string | undefined): [string, string] | undefined {
  if (text === undefined) return undefined;
  const [, at, id] = /^(\d+)\|([A-Za-z0-9.-]{1,64})$/.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? [];
  if (at && id && Number(at) < 1e17) return [at, id];
  throw fail('field-invalid', 'is not a cursor of this server: follow the next link as given', { field: '_cursor' });
}
