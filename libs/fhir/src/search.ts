import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { conditionOf, parameterNamed, type AskedParameter, type SearchParameter } from './search-condition.js';
import { elementsOf, type Elements } from './search-elements.js';
import { withReferredTo, withReferring, type Include, type ReverseInclude } from './search-include.js';

/** One page of matches, oldest change first unless asked otherwise, and where the next one begins. */
export interface SearchPage {
  matches: FhirResource[];
  /** What the matches refer to, and what refers to them, as far as `_include` and `_revinclude` ask for it. */
  included: FhirResource[];
  /** Of all pages; not counted where `_total=none`. */
  total?: number;
  next?: string;
  /** The parameters that chose and shaped this page: what a lenient client asked beyond them is not among them. */
  used: Record<string, string[]>;
}

/** What is served of a type. */
export interface Searchable {
  search: readonly SearchParameter[];
  /** Search parameters whose targets `_include` brings along. */
  includes?: readonly Include[];
  /** What `_revinclude` brings along of those that refer to a match. */
  reverseIncludes?: readonly ReverseInclude[];
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
  served: Searchable,
  handling: Handling = 'strict',
): Promise<SearchPage> {
  const { parameters, used } = asked(type, query, served, handling);
  const shaped = shapeOf(used);
  const where = ['type = $1'];
  const values: unknown[] = [type];
  const bind = (value: unknown) => `$${values.push(value)}`;
  for (const parameter of parameters)
    for (const text of parameter.values) where.push(conditionOf(parameter, text, bind));
  let total: number | undefined;
  if (shaped.isCounted)
    [{ total }] = await manager.query(
      `SELECT count(*)::int AS total FROM resource WHERE ${where.join(' AND ')}`,
      values,
    );
  if (shaped.isCountOnly) return { matches: [], included: [], total, used };
  const { limit, isDescending, cursor } = shaped;
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
  const included = [
    ...(await withReferredTo(manager, type, matches, used._include ?? [], served.includes)),
    ...(await withReferring(manager, matches, used._revinclude ?? [], served.reverseIncludes)),
  ];
  return {
    matches: matches.map(shaped.elements),
    included,
    total,
    used,
    ...(rows.length > limit && last ? { next: cursorAfter(last) } : {}),
  };
}

/** Parameters that shape the answer instead of choosing. */
const shaping = [
  '_count',
  '_cursor',
  '_elements',
  '_format',
  '_include',
  '_pretty',
  '_revinclude',
  '_sort',
  '_summary',
  '_total',
];

/** The parameters of a query that are served, under the names they are served by. */
function asked(
  type: string,
  query: Record<string, string[]>,
  { search }: Searchable,
  handling: Handling,
): { parameters: AskedParameter[]; used: Record<string, string[]> } {
  const used: Record<string, string[]> = {};
  const parameters = Object.entries(query).flatMap(([given, values]): AskedParameter[] => {
    const parameter = parameterNamed(type, given, search);
    if (parameter || shaping.includes(given)) used[given] = values;
    else if (handling === 'strict')
      throw fail('field-invalid', `search parameter is not served; served are: ${[...search, '_count'].join(', ')}`, {
        field: /^[\w:.-]{1,40}$/.test(given) ? given : 'parameter',
      });
    return parameter ? [{ ...parameter, values }] : [];
  });
  return { parameters, used };
}

interface Shape {
  isCounted: boolean;
  isCountOnly: boolean;
  isDescending: boolean;
  limit: number;
  cursor?: [string, string];
  elements: Elements;
}

function shapeOf(query: Record<string, string[]>): Shape {
  const first = (name: string) => query[name]?.[0];
  const isCountOnly = one('_summary', first('_summary'), ['false', 'count']) === 'count';
  const cursor = readCursor(first('_cursor'));
  return {
    // `_count=0` asks for the count as well (FHIR R4 section 3.1.1.5.3).
    isCountOnly: isCountOnly || first('_count') === '0',
    isCounted: isCountOnly || one('_total', first('_total'), ['accurate', 'estimate', 'none']) !== 'none',
    isDescending: one('_sort', first('_sort'), ['_lastUpdated', '-_lastUpdated']) === '-_lastUpdated',
    limit: countOf(first('_count')),
    ...(cursor ? { cursor } : {}),
    elements: elementsOf(first('_elements')),
  };
}

/** One of a few words, the first where none is given. */
function one(field: string, text: string | undefined, words: readonly [string, ...string[]]): string {
  if (text === undefined) return words[0];
  if (words.includes(text)) return text;
  throw fail('field-invalid', `must be ${words.join(' or ')}`, { field });
}

/** How many entries a page has, 500 at most. @throws Failure field-invalid */
export function countOf(text: string | undefined): number {
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
