import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4.js';
import { asFailure, fail, Failure } from './failure.js';
import type { ApiScope, ApiToken } from './infrastructure.js';
import type { Logger } from './log.js';

/** The agent named in the audit trail where HTTP is open on loopback. */
export const ANONYMOUS_LOCAL = 'anonymous-local';

const open = /^\/(health\/(live|ready)|metrics)$/;
const clients = new WeakMap<object, { client: string; scopes: readonly ApiScope[] }>();

/** The client a request was authenticated as. */
export function clientOf(request: object): string {
  return clients.get(request)?.client ?? ANONYMOUS_LOCAL;
}

/** True if the client was given this scope; nobody has one where HTTP is open. */
export function hasScope(request: object, scope: ApiScope): boolean {
  return clients.get(request)?.scopes.includes(scope) ?? false;
}

/**
 * Checks the bearer token before anything of the body is read (RFC 6750). Tokens are compared by their sha256 in
 * constant time. Who is refused is told to `onRefused`. Without configured tokens every request passes; the environment check allows that on loopback only.
 */
export function authenticate(
  tokens: Record<string, ApiToken>,
  onRefused: (request: Request) => void = () => undefined,
) {
  const known = Object.entries(tokens).map(([client, token]) => {
    const { sha256, scopes } = typeof token === 'string' ? { sha256: token, scopes: [] } : token;
    return { client, scopes, hash: Buffer.from(sha256, 'hex') };
  });
  return (request: Request, response: Response, next: NextFunction): void => {
    if (known.length === 0 || open.test(request.path)) return next();
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const hash = createHash('sha256').update(token).digest();
    const match = token === '' ? undefined : known.filter((one) => timingSafeEqual(one.hash, hash))[0];
    if (!match) {
      onRefused(request);
      response.setHeader('WWW-Authenticate', 'Bearer');
      return answer(request, response, fail('unauthorized', 'send a valid token as Authorization: Bearer <token>'));
    }
    clients.set(request, match);
    next();
  };
}

/** What a request came to, for the log and the metrics; the route is a pattern, never a path or query. */
export interface AnsweredRequest {
  method: string;
  route: string;
  status: number;
  ms: number;
}

/**
 * One log line a request: method, route pattern, status, duration, client, and the trace id of a W3C `traceparent`.
 * Never the path or query: they may name a patient.
 */
export function logRequests(logger: Logger, observe: (answered: AnsweredRequest) => void = () => undefined) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    const requestId = randomUUID();
    const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(
      String(request.headers.traceparent ?? ''),
    )?.[1];
    response.setHeader('X-Request-Id', requestId);
    // Not 'finish': a request whose client hung up is one too.
    response.on('close', () => {
      if (open.test(request.path)) return;
      const route = (request.route as { path?: string } | undefined)?.path ?? '(unmatched)';
      const answered = {
        method: request.method,
        route,
        status: response.statusCode,
        ms: Math.round(performance.now() - started),
      };
      const aborted = response.writableFinished ? {} : { aborted: true };
      logger.info({ requestId, traceId, ...answered, ...aborted, client: clientOf(request) }, 'request');
      observe(answered);
    });
    next();
  };
}

/** Answers every error: under a FHIR root as OperationOutcome, elsewhere as problem details (RFC 9457). */
@Catch()
export class HttpFailureFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    // The same filter guards event handlers, whose strategy wants the error itself.
    if (host.getType() !== 'http') throw error;
    const request = host.switchToHttp().getRequest<Request>();
    const failure = fromHttp(error, request);
    if (failure.status >= 500) this.logger.error({ err: error }, 'request failed');
    answer(request, host.switchToHttp().getResponse<Response>(), failure);
  }
}

/** Express error handler for what fails before Nest's routes: a body that is no JSON, or too large. */
export function answerBodyFailure(error: unknown, request: Request, response: Response, _next: NextFunction): void {
  answer(request, response, fromHttp(error, request));
}

/** FHIR R4 OperationOutcome of a failure, and of all that failed with it; `expression` is the field at fault. */
export function operationOutcome(failure: Failure): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: [failure, ...failure.also].map(({ code, message, field }) => ({
      severity: 'error',
      code: issueCodes[code] ?? 'exception',
      details: { coding: [{ system: 'urn:collimator:failure', code }] },
      diagnostics: message,
      ...(field ? { expression: [field] } : {}),
    })),
  };
}

const issueCodes: Partial<Record<Failure['code'], OperationOutcomeIssue['code']>> = {
  'field-missing': 'required',
  'field-invalid': 'value',
  'value-unknown': 'code-invalid',
  'not-supported': 'not-supported',
  'method-not-allowed': 'not-supported',
  'duplicate-key': 'duplicate',
  'unknown-key': 'not-found',
  'not-found': 'not-found',
  'order-unknown': 'not-found',
  gone: 'deleted',
  'state-conflict': 'business-rule',
  'precondition-failed': 'conflict',
  'version-conflict': 'conflict',
  unauthorized: 'login',
  forbidden: 'forbidden',
  'too-large': 'too-long',
  'database-unavailable': 'transient',
  'broker-unavailable': 'transient',
};

function answer(request: Request, response: Response, failure: Failure): void {
  if (response.headersSent) return;
  if (failure.fate === 'retry') response.setHeader('Retry-After', '5');
  if (isFhir(request))
    response
      .status(failure.status)
      .type('application/fhir+json')
      .send(JSON.stringify(operationOutcome(failure)));
  else
    response
      .status(failure.status)
      .type('application/problem+json')
      .send(
        JSON.stringify({ title: failure.message, status: failure.status, code: failure.code, field: failure.field }),
      );
}

/** Where the FHIR of a request is rooted: `/fhir`, or under what is kept apart, such as `/staff-dose/fhir`. */
export function fhirRootOf({ path }: { path: string }): string | undefined {
  return /^(?:\/staff-dose)?\/fhir(?=\/|$)/.exec(path)?.[0];
}

function isFhir(request: Request): boolean {
  return fhirRootOf(request) !== undefined;
}

/** FHIR R4 section 3.1.0.1.7: what is served, but not by this method, is no unknown place. */
function noSuchRoute(request: Request, cause: unknown): Failure {
  return isFhir(request) && request.method !== 'GET'
    ? fail(
        'method-not-allowed',
        `this interaction is not served: ${fhirRootOf(request)}/metadata lists those that are`,
        { cause },
      )
    : fail('not-found', 'there is no such endpoint', { cause });
}

function fromHttp(error: unknown, request: Request): Failure {
  // First, since a failure has a status of its own, which is no sign of Express's errors.
  if (error instanceof Failure) return error;
  const { status, type } = (error ?? {}) as { status?: number; type?: string };
  if (type === 'entity.too.large') return fail('too-large', 'the body is larger than 1 MB', { cause: error });
  if (type === 'entity.parse.failed') return fail('field-invalid', 'the body is not valid JSON', { cause: error });
  const answered = error instanceof HttpException ? error.getStatus() : status;
  if (answered === 413) return fail('too-large', 'the body is larger than this endpoint takes', { cause: error });
  if (typeof answered === 'number' && answered >= 400 && answered < 500)
    return answered === 404
      ? noSuchRoute(request, error)
      : fail('field-invalid', 'the request cannot be read', { cause: error });
  return asFailure(error);
}
