import type { Request, Response } from 'express';
import type { FhirResource } from 'fhir/r4.js';
import { fhirRootOf } from '#platform';
import { etagOf } from './answer-write.js';
import type { Handling } from './search.js';

/** FHIR's JSON media type. */
export const FHIR_JSON = 'application/fhir+json';

/** What the client asks of parameters that are not served; strict unless it says otherwise. */
export function handlingOf(request: Request): Handling {
  return /\bhandling=lenient\b/.test(String(request.headers.prefer ?? '')) ? 'lenient' : 'strict';
}

/** Parameters by name, as sent. */
export function parametersOf(raw: object): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, [value].flat().map((one) => String(one))]),
  );
}

/** Parameters as a query writes them. */
export function queryOf(query: Record<string, string[]>): URLSearchParams {
  return new URLSearchParams(
    Object.entries(query).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])),
  );
}

/** The base URL of this server, as the client calls it. */
export function baseOf(request: Request): string {
  return `${request.protocol}://${request.get('host')}${fhirRootOf(request) ?? '/fhir'}`;
}

/** A page of something, to be followed as given; without cursor the first one. */
export function urlOf(request: Request, path: string, query: Record<string, string[]>, cursor?: string): string {
  const parameters = queryOf(query);
  parameters.delete('_cursor');
  if (cursor) parameters.set('_cursor', cursor);
  const text = parameters.toString();
  return `${baseOf(request)}/${path}${text ? `?${text}` : ''}`;
}

/** One resource with its version, or 304 to a client that has it (FHIR R4 section 3.1.0.1.5). */
export function answerOne(request: Request, response: Response, resource: FhirResource): void {
  const changed = new Date(resource.meta!.lastUpdated!);
  response.setHeader('ETag', etagOf(resource)).setHeader('Last-Modified', changed.toUTCString());
  if (isKnown(request, resource, changed)) response.status(304).end();
  else response.type(FHIR_JSON).send(JSON.stringify(resource));
}

/** RFC 9110 section 13.2.2: If-None-Match is asked first, and If-Modified-Since, in whole seconds, only without it. */
function isKnown({ headers }: Request, { meta }: FhirResource, changed: Date): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined)
    return tags.split(',').some((tag) => ['*', `"${meta?.versionId}"`].includes(tag.trim().replace(/^W\//, '')));
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return Math.floor(changed.getTime() / 1000) * 1000 <= since;
}
