import type { Request, Response } from 'express';
import type { FhirResource, Identifier, OperationOutcome } from 'fhir/r4.js';
import { fail, fhirRootOf } from '#platform';

const FHIR_JSON = 'application/fhir+json';

/**
 * Answers a create or update (FHIR R4 sections 3.1.0.4 and 3.1.0.8): with ETag and Last-Modified, Location for what is
 * new, and a body as the client prefers (`Prefer: return=`): the resource unless told otherwise, nothing for `minimal`,
 * an OperationOutcome for `OperationOutcome`.
 */
export function answerWrite(request: Request, response: Response, status: 200 | 201, resource: FhirResource): void {
  const { resourceType, id, meta } = resource;
  response
    .status(status)
    .setHeader('Location', `${fhirRootOf(request) ?? '/fhir'}/${resourceType}/${id}`)
    .setHeader('ETag', etagOf(resource))
    .setHeader('Last-Modified', new Date(meta?.lastUpdated ?? 0).toUTCString());
  const preferred = /\breturn=(\w+)/.exec(String(request.headers.prefer ?? ''))?.[1];
  if (preferred === 'minimal') return void response.end();
  const body = preferred === 'OperationOutcome' ? done(status) : resource;
  response.type(FHIR_JSON).send(JSON.stringify(body));
}

/** The version of a resource as HTTP names it (FHIR R4 section 3.1.0.1.3). */
export function etagOf({ meta }: FhirResource): string {
  return `W/"${meta?.versionId}"`;
}

function done(status: 200 | 201): OperationOutcome {
  const diagnostics = status === 201 ? 'created' : 'stored, or so already';
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'information', code: 'informational', diagnostics }] };
}

/** Checks that an update is of the resource its URL names (FHIR R4 section 3.1.0.4). @throws Failure field-invalid */
export function assertIdOfUrl(type: FhirResource['resourceType'], id: string, body: unknown): void {
  if ((body as { id?: unknown } | undefined)?.id !== id)
    throw fail('field-invalid', 'must be the id in the URL', { field: `${type}.id` });
}

/**
 * Checks `If-Match` (FHIR R4 section 3.1.0.5): a client that names a version changes that one, or nothing.
 *
 * @throws Failure precondition-failed if the resource is at another version, or the header is no ETag
 */
export function assertVersion(ifMatch: string | undefined, current: FhirResource | undefined): void {
  if (ifMatch === undefined) return;
  const version = /^(?:W\/)?"(\d+)"$/.exec(ifMatch)?.[1];
  if (version !== undefined && version === current?.meta?.versionId) return;
  throw fail('precondition-failed', 'If-Match must be the ETag of the current version: read it again, then update');
}

/**
 * The version that a correction was made from, as `If-Match` names it.
 *
 * @throws Failure precondition-failed without one: what somebody else said meanwhile must not be overwritten unseen
 */
export function versionCorrected(ifMatch: string | undefined): string {
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(ifMatch ?? '')?.[1];
  if (version) return version;
  throw fail('precondition-failed', 'send If-Match with the ETag of the version you corrected');
}

/**
 * Checks that a conditional update (FHIR R4 section 3.1.0.4.3) is by the number of the resource in its body, and by
 * nothing else.
 *
 * @param what the number as its field calls it
 * @throws Failure field-invalid
 */
export function assertOwnNumber(query: Record<string, unknown>, number: Identifier | undefined, what: string): void {
  const isAlone = Object.keys(query).join() === 'identifier';
  if (isAlone && number?.value && query.identifier === `${number.system}|${number.value}`) return;
  throw fail('field-invalid', `must be ${what}, as <system>|<value>, and the one criterion`, { field: 'identifier' });
}
