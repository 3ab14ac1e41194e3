import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { dateSearched, type DateSearch } from './search-date.js';
import { alternativesOf, tokensSearched } from './search-token.js';

/** Search parameters that a service may serve; which of them, it says per type. */
export type SearchParameter =
  | '_id'
  | 'identifier'
  | 'patient'
  | 'status'
  | 'code'
  | 'authored'
  | 'encounter'
  | 'based-on'
  | 'focus'
  | 'implicated'
  | '_lastUpdated';

/** FHIR search parameter types, for the CapabilityStatement. */
export const searchParameterTypes: Record<SearchParameter, 'token' | 'reference' | 'date'> = {
  _id: 'token',
  identifier: 'token',
  patient: 'reference',
  status: 'token',
  code: 'token',
  authored: 'date',
  encounter: 'reference',
  'based-on': 'reference',
  focus: 'reference',
  implicated: 'reference',
  _lastUpdated: 'date',
};

/** One page of matches, oldest change first unless asked otherwise, and where the next one begins. */
export interface SearchPage {
  matches: FhirResource[];
  /** What the matches refer to, as far as `_include` asks for it. */
  included: FhirResource[];
  total: number;
  next?: string;
}

/** A search parameter whose targets can come along. */
export type Include = 'patient' | 'encounter';

const PAGE = 50;
const LARGEST_PAGE = 500;

/** What the client asks of a parameter that is not served (`Prefer: handling=`, FHIR R4 section 3.1.1.1). */
export type Handling = 'strict' | 'lenient';

/**
 * Searches one type (FHIR R4 RESTful search). Comma means or, repetition means and.
 *
 * @param query parameter name → values as sent
 * @param includes what `_include` may bring along
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
  includes: readonly Include[] = [],
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
  if (isCountOnly(query._summary?.[0])) return { matches: [], included: [], total };
  const limit = countOf(query._count?.[0]);
  const isDescending = isNewestFirst(query._sort?.[0]);
  const cursor = readCursor(query._cursor?.[0]);
  if (cursor)
    where.push(
      `(last_updated, id) ${isDescending ? '<' : '>'} ('epoch'::timestamptz + ${bind(cursor[0])}::bigint * interval '1 microsecond', ${bind(cursor[1])})`,
    );
  const rows: { body: FhirResource; at: string; id: string }[] = await manager.query(
    `SELECT body, (extract(epoch FROM last_updated) * 1000000)::bigint::text AS at, id FROM resource WHERE ${where.join(' AND ')}
      ORDER BY last_updated ${isDescending ? 'DESC' : ''}, id ${isDescending ? 'DESC' : ''} LIMIT ${bind(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const matches = page.map((row) => row.body);
  return {
    matches,
    included: await includedWith(manager, type, matches, query._include ?? [], includes),
    total,
    ...(rows.length > limit && last ? { next: cursorAfter(last) } : {}),
  };
}

const targets: Record<Include, (resource: FhirResource) => string | undefined> = {
  patient: (resource) => (resource as { subject?: { reference?: string } }).subject?.reference,
  encounter: (resource) => (resource as { encounter?: { reference?: string } }).encounter?.reference,
};

/** What the matches refer to, each once (`_include=<type>:<parameter>`, FHIR R4 section 3.1.1.5.4). */
async function includedWith(
  manager: EntityManager,
  type: string,
  matches: readonly FhirResource[],
  asked: readonly string[],
  served: readonly Include[],
): Promise<FhirResource[]> {
  const names = asked.map((text) => served.find((name) => text === `${type}:${name}`));
  if (names.includes(undefined))
    throw fail('field-invalid', `must be one of ${served.map((name) => `${type}:${name}`).join(', ') || 'none here'}`, { field: '_include' }); // prettier-ignore
  const references = names.flatMap((name) => matches.flatMap((one) => targets[name!](one) ?? []));
  const keys = [...new Set(references)].map((reference) => reference.split('/'));
  if (keys.length === 0) return [];
  const rows: { body: FhirResource }[] = await manager.query(
    'SELECT body FROM resource JOIN unnest($1::text[], $2::text[]) AS wanted (t, i) ON type = t AND id = i ORDER BY type, id',
    [keys.map(([one]) => one), keys.map(([, id]) => id)],
  );
  return rows.map(({ body }) => body);
}

/** Parameters that shape the answer instead of choosing. */
const shaping = ['_count', '_cursor', '_format', '_include', '_pretty', '_sort', '_summary'];

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
  'based-on': refersTo,
  focus: refersTo,
  implicated: refersTo,
  code: (text, bind) =>
    `(${alternativesOf(text)
      .map((one) => `body->'code'->'coding' @> ${bind(JSON.stringify([codingSearched(one)]))}::jsonb`)
      .join(' OR ')})`,
  encounter: (text, bind) =>
    `refs && ${bind(alternativesOf(text).map((one) => (one.includes('/') ? one : `Encounter/${one}`)))}::text[]`,
  authored: (text, bind) => anyMoment('authored', AUTHORED, text, bind),
  _lastUpdated: (text, bind) => anyMoment('_lastUpdated', 'last_updated', text, bind),
};

/** What a bare id is of, is an order here. */
function refersTo(text: string, bind: Bind): string {
  return `refs && ${bind(alternativesOf(text).map((one) => (one.includes('/') ? one : `ServiceRequest/${one}`)))}::text[]`;
}

/** A dateTime as the moment it begins: a year or month alone is no time that Postgres reads. */
const AUTHORED = `(rpad(body->>'authoredOn', greatest(10, length(body->>'authoredOn')), substr('0000-01-01', 1 + length(body->>'authoredOn'))))::timestamptz`;

function anyMoment(field: string, moment: string, text: string, bind: Bind): string {
  const dates = alternativesOf(text).map((one) => dateSearched(field, one));
  return `(${dates.map((date) => momentIs(moment, date, bind)).join(' OR ')})`;
}

/** `system|code`, `code`, `system|` or `|code` as what a coding must hold. */
function codingSearched(text: string): object {
  const bar = text.indexOf('|');
  const [system, code] = bar < 0 ? ['', text] : [text.slice(0, bar), text.slice(bar + 1)];
  return { ...(system ? { system } : {}), ...(code ? { code } : {}) };
}

function momentIs(moment: string, { prefix, from, until }: DateSearch, bind: Bind): string {
  const is = (operator: string, at: Date) => `${moment} ${operator} ${bind(at)}::timestamptz`;
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

function isCountOnly(text: string | undefined): boolean {
  if (text === undefined || text === 'count' || text === 'false') return text === 'count';
  throw fail('field-invalid', 'must be count or false', { field: '_summary' });
}

function isNewestFirst(text: string | undefined): boolean {
  if (text === undefined || text === '_lastUpdated' || text === '-_lastUpdated') return text === '-_lastUpdated';
  throw fail('field-invalid', 'must be _lastUpdated or -_lastUpdated', { field: '_sort' });
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
