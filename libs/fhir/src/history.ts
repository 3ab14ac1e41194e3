import type { EntityManager } from 'typeorm';
import type { BundleEntry, FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { etagOf } from './answer-write.js';
import { dateSearched } from './search-date.js';
import { countOf, type Handling } from './search.js';

/** One page of versions, the newest first, how many there are on all pages, and where the next one begins. */
export interface HistoryPage {
  versions: FhirResource[];
  total: number;
  next?: string;
  /** The parameters that chose this page. */
  used: Record<string, string[]>;
}

const served = ['_since', '_at', '_count', '_cursor', '_format', '_pretty'];

/**
 * The versions of one resource, or of all of a type (FHIR R4 section 3.1.0.14): `_since`, those stored at this instant
 * or later; `_at`, those that were current at some time of this period; `_count` and the next link for pages, which stay
 * as they are while new versions come, since those come in front.
 *
 * A version bears the time of its transaction, which may be stored some moments later: who asks again and again `_since`
 * the last time asks with an overlap of a minute.
 *
 * @throws Failure field-invalid for a parameter that is not served, unless the client is lenient, or cannot be read
 */
export async function historyOf(
  manager: EntityManager,
  { type, id }: { type: string; id?: string },
  query: Record<string, string[]>,
  handling: Handling,
): Promise<HistoryPage> {
  const unknown = Object.keys(query).find((name) => !served.includes(name));
  if (unknown !== undefined && handling === 'strict')
    throw fail('field-invalid', 'is not served for a history; served are: _since, _at, _count', {
      field: /^[\w:.-]{1,40}$/.test(unknown) ? unknown : 'parameter',
    });
  const used = Object.fromEntries(Object.entries(query).filter(([name]) => served.includes(name)));
  const where = ['h.type = $1'];
  const values: unknown[] = [type];
  const bind = (value: unknown) => `$${values.push(value)}`;
  if (id !== undefined) where.push(`h.id = ${bind(id)}`);
  for (const text of used._since ?? [])
    where.push(`h.last_updated >= ${bind(moment('_since', text).from)}::timestamptz`);
  for (const text of used._at ?? []) {
    const { from, until } = moment('_at', text);
    where.push(`h.last_updated < ${bind(until)}::timestamptz AND NOT EXISTS (
      SELECT FROM resource_history AS n WHERE n.type = h.type AND n.id = h.id AND n.version = h.version + 1
         AND n.last_updated <= ${bind(from)}::timestamptz)`);
  }
  const [{ total }] = await manager.query(
    `SELECT count(*)::int AS total FROM resource_history AS h WHERE ${where.join(' AND ')}`,
    values,
  );
  const limit = countOf(used._count?.[0]);
  const cursor = readCursor(used._cursor?.[0]);
  if (cursor) {
    const [at, last, version] = [bind(cursor[0]), bind(cursor[1]), bind(cursor[2])];
    where.push(
      `(h.last_updated, h.id, h.version) < ('epoch'::timestamptz + ${at}::bigint * interval '1 microsecond', ${last}, ${version}::int)`,
    );
  }
  const rows: { body: FhirResource; at: string }[] = await manager.query(
    `SELECT h.body, (extract(epoch FROM h.last_updated) * 1000000)::bigint::text AS at FROM resource_history AS h
      WHERE ${where.join(' AND ')} ORDER BY h.last_updated DESC, h.id DESC, h.version DESC LIMIT ${bind(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    versions: page.map(({ body }) => body),
    total,
    used,
    ...(rows.length > limit && last ? { next: cursorAfter(last) } : {}),
  };
}

/** A version as an entry of a history: how it came to be, and as which version. */
export function historyEntry(resource: FhirResource, base: string): BundleEntry {
  const { resourceType, id, meta } = resource;
  const isFirst = meta?.versionId === '1';
  return {
    fullUrl: `${base}/${resourceType}/${id}`,
    resource,
    request: isFirst ? { method: 'POST', url: resourceType } : { method: 'PUT', url: `${resourceType}/${id}` },
    response: { status: isFirst ? '201' : '200', etag: etagOf(resource), lastModified: meta?.lastUpdated },
  };
}

/** @throws Failure field-invalid */
function moment(field: string, text: string): { from: Date; until: Date } {
  if (!/^\d/.test(text)) throw fail('field-invalid', 'use a date or time, such as 2026-01-31T08:00:00Z', { field });
  return dateSearched(field, text);
}

function cursorAfter({ at, body }: { at: string; body: FhirResource }): string {
  return Buffer.from(`${at}|${body.id}|${body.meta?.versionId}`).toString('base64url');
}

function readCursor(text: string | undefined): [string, string, string] | undefined {
  if (text === undefined) return undefined;
  const [, at, id, version] =
    /^(\d{1,16})\|([A-Za-z0-9.-]{1,64})\|(\d{1,9})$/.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? [];
  if (at && id && version) return [at, id, version];
  throw fail('field-invalid', 'is not a cursor of this server: follow the next link as given', { field: '_cursor' });
}
