import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4.js';
import { asFailure, fail, type Failure } from './failure.js';
import type { Logger } from './log.js';

/** The agent named in the audit trail where HTTP is open on loopback. */
export const ANONYMOUS_LOCAL = 'anonymous-local';

const open = [/^\/health\//, /^\/metrics$/];
const clients = new WeakMap<object, string>();

/** The client a request was authenticated as. */
export function clientOf(request: object): string {
  return clients.get(request) ?? ANONYMOUS_LOCAL;
}

/**
 * Checks the bearer token before anything of the body is read (RFC 6750). Tokens are compared by their sha256 in
 * constant time. Without configured tokens every request passes; the environment check allows that on loopback only.
 */
export function authenticate(tokens: Record<string, string>) {
  const known = Object.entries(tokens).map(([client, hash]) => ({ client, hash: Buffer.from(hash, 'hex') }));
  return (request: Request, response: Response, next: NextFunction): void => {
    if (known.length === 0 || open.some((path) => path.test(request.path))) return next();
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const hash = createHash('sha256').update(token).digest();
    const match = known.filter((one) => timingSafeEqual(one.hash, hash))[0];
    if (!match) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      return answer(request, response, fail('unauthorized', 'send a valid token as Authorization: Bearer <token>'));
    }
    clients.set(request, match.client);
    next();
  };
}

/** One log line a request: method, route pattern, status, duration. Never the path or query: they may name a patient. */
export function logRequests(logger: Logger) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    const requestId = randomUUID();
    response.setHeader('X-Request-Id', requestId);
    response.on('finish', () => {
      const route = (request.route as { path?: string } | undefined)?.path ?? '(unmatched)';
      if (open.some((path) => path.test(request.path))) return;
      const ms = Math.round(performance.now() - started);
      logger.info({ requestId, method: request.method, route, status: response.statusCode, ms }, 'request');
    });
    next();
  };
}

/** Answers every error: under /fhir as OperationOutcome, elsewhere as problem details (RFC 9457). */
@Catch()
export class HttpFailureFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    // The same filter guards event handlers, whose strategy wants the error itself.
    if (host.getType() !== 'http') throw error;
    const failure = fromHttp(error);
    if (failure.status >= 500) this.logger.error({ err: error }, 'request failed');
    answer(host.switchToHttp().getRequest<Request>(), host.switchToHttp().getResponse<Response>(), failure);
  }
}

/** Express error handler for what fails before Nest's routes: a body that is no JSON, or too large. */
export function answerBodyFailure(error: unknown, request: Request, response: Response, _next: NextFunction): void {
  answer(request, response, fromHttp(error));
}

/** FHIR R4 OperationOutcome of a failure; `expression` is the failure's field. */
export function operationOutcome(failure: Failure): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: issueCodes[failure.code] ?? 'exception',
        details: { coding: [{ system: 'urn:collimator:failure', code: failure.code }] },
        diagnostics: failure.message,
        ...(failure.field ? { expression: [failure.field] } : {}),
      },
    ],
  };
}

const issueCodes: Partial<Record<Failure['code'], OperationOutcomeIssue['code']>> = {
  'field-missing': 'required',
  'field-invalid': 'value',
  'value-unknown': 'code-invalid',
  'not-supported': 'not-supported',
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
  if (/^\/fhir(\/|$)/.test(request.path))
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

function fromHttp(error: unknown): Failure {
  const { status, type } = error as { status?: number; type?: string };
  if (type === 'entity.too.large') return fail('too-large', 'the body is larger than 1 MB', { cause: error });
  if (type === 'entity.parse.failed') return fail('field-invalid', 'the body is not valid JSON', { cause: error });
  if (error instanceof HttpException || (typeof status === 'number' && status >= 400 && status < 500))
    return status === 404
      ? fail('not-found', 'there is no such endpoint', { cause: error })
      : fail('field-invalid', 'the request cannot be read', { cause: error });
  return asFailure(error);
}
