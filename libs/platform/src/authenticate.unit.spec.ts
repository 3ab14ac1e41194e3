import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { ANONYMOUS_LOCAL, authenticate, clientOf, hasScope, type ApiToken } from './index.js';

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');
const tokens = { emr: hashOf('emr-token'), ris: hashOf('ris-token') };

/** What becomes of one request: who it is from if it goes on, else how it is answered. */
function outcomeOf(configured: Record<string, ApiToken>, authorization?: string, path = '/orders') {
  const request = { path, headers: { authorization } } as Request;
  const answer: { status?: number; headers: Record<string, string>; body?: string } = { headers: {} };
  const response = {
    headersSent: false,
    setHeader: (name: string, value: string) => (answer.headers[name] = value),
    status: (status: number) => ((answer.status = status), response),
    type: (type: string) => ((answer.headers['Content-Type'] = type), response),
    send: (body: string) => ((answer.body = body), response),
  };
  let went = false;
  authenticate(configured)(request, response as unknown as Response, () => (went = true));
  return { went, client: clientOf(request), isByOperator: hasScope(request, 'quality-by-operator'), answer };
}

describe('authenticate', () => {
  it.each([
    ['Bearer emr-token', 'emr'],
    ['bearer ris-token', 'ris'],
  ])('knows the client of %s', (authorization, client) => {
    expect(outcomeOf(tokens, authorization)).toMatchObject({ went: true, client });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Bearer emr-token extra',
    'Basic emr-token',
    'emr-token',
    `Bearer ${hashOf('emr-token')}`,
  ])('lets nobody in with %s, and says how', (authorization) => {
    const { went, client, answer } = outcomeOf(tokens, authorization);
    expect({ went, client, status: answer.status }).toEqual({ went: false, client: ANONYMOUS_LOCAL, status: 401 });
    expect(answer.headers).toMatchObject({ 'WWW-Authenticate': 'Bearer', 'Content-Type': 'application/problem+json' });
    expect(answer.body).not.toContain(authorization?.split(' ')[1] || 'nothing');
  });

  it('does not take an empty token for one, even where its hash is configured', () => {
    expect(outcomeOf({ emr: hashOf('') }, undefined).went).toBe(false);
  });

  it('answers as FHIR under /fhir', () => {
    const { answer } = outcomeOf(tokens, undefined, '/fhir/Patient');
    expect(answer.headers['Content-Type']).toBe('application/fhir+json');
    expect(JSON.parse(answer.body!)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'login' }] });
  });

  it.each(['/health/live', '/health/ready', '/metrics'])('leaves %s open', (path) => {
    expect(outcomeOf(tokens, undefined, path).went).toBe(true);
  });
  it.each(['/health', '/health/live/x', '/metrics/', '/fhir/metadata', '//metrics', '/Metrics'])(
    'does not leave %s open',
    (path) => expect(outcomeOf(tokens, undefined, path).went).toBe(false),
  );

  it('lets all in where no token is configured, which the environment allows on loopback only', () => {
    expect(outcomeOf({}, 'Bearer whatever')).toMatchObject({ went: true, client: ANONYMOUS_LOCAL });
  });

  it('gives a scope to the client that has it, and to nobody else', () => {
    const scoped = { ...tokens, qa: { sha256: hashOf('qa-token'), scopes: ['quality-by-operator' as const] } };
    const isByOperator = (token: string) => outcomeOf(scoped, `Bearer ${token}`);
    expect(isByOperator('qa-token')).toMatchObject({ went: true, client: 'qa', isByOperator: true });
    expect(isByOperator('emr-token')).toMatchObject({ went: true, client: 'emr', isByOperator: false });
    expect(outcomeOf({})).toMatchObject({ went: true, isByOperator: false });
  });
});
