import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Patient } from 'fhir/r4.js';
import type { Failure } from '#platform';
import { ForeignFhirServer, retryAfter } from './index.js';

const patient: Patient = { resourceType: 'Patient', name: [{ family: 'ZZCANARY' }] };
let server: Server | undefined;

/** A FHIR server that answers everything alike; without an answer it never does. */
async function emr(answer?: { status: number; body?: string; headers?: Record<string, string> }, timeoutMs = 5_000) {
  const requests: { request: IncomingMessage; body: string }[] = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ request, body });
    if (answer) response.writeHead(answer.status, answer.headers).end(answer.body ?? '{}');
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
  return { requests, url, client: new ForeignFhirServer({ url, timeoutMs, bearerToken: 'secret' }) };
}

const failureOf = (attempt: Promise<unknown>): Promise<Failure> =>
  attempt.then(
    () => Promise.reject(new Error('nothing failed')),
    (failure: Failure) => failure,
  );

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('A foreign FHIR server', () => {
  it('is sent a transaction, a conditional update and a conditional create with the token', async () => {
    const { client, requests } = await emr({
      status: 200,
      body: '{"resourceType":"Bundle","type":"transaction-response"}',
    });
    const answer = await client.transaction({ resourceType: 'Bundle', type: 'transaction', entry: [] });
    expect(answer.type).toBe('transaction-response');
    await client.conditionalUpdate(patient, { identifier: 'urn:a|1' });
    await client.conditionalCreate(patient, { identifier: 'urn:a|1' });
    expect(requests.map(({ request }) => [request.method, request.url, request.headers['if-none-exist']])).toEqual([
      ['POST', '/fhir/', undefined],
      ['PUT', '/fhir/Patient?identifier=urn%3Aa%7C1', undefined],
      ['POST', '/fhir/Patient', 'identifier=urn%3Aa%7C1'],
    ]);
    for (const { request } of requests) expect(request.headers.authorization).toBe('Bearer secret');
    expect(JSON.parse(requests[2]!.body)).toEqual(patient);
  });

  it('is asked for what matches, and must answer with a Bundle', async () => {
    const other = { resourceType: 'OperationOutcome' };
    const bundle = { resourceType: 'Bundle', entry: [{ resource: patient }, { resource: other }] };
    const { client, requests } = await emr({ status: 200, body: JSON.stringify(bundle) });
    expect(await client.matching('Patient', { identifier: 'urn:a|1' })).toEqual([patient]);
    const [{ request, body }] = requests as [(typeof requests)[number]];
    // The number of a patient is in no URL.
    expect([request.method, request.url, body]).toEqual(['POST', '/fhir/Patient/_search', 'identifier=urn%3Aa%7C1']);
    expect(request.headers['content-type']).toBe('application/x-www-form-urlencoded');
    server!.close();
    const { client: mute } = await emr({ status: 200, body: '{}' });
    expect((await failureOf(mute.matching('Patient', {}))).code).toBe('peer-answer-malformed');
  });

  it.each([
    [400, 'peer-refused', 'park'],
    [401, 'peer-denied', 'retry'],
    [403, 'peer-refused', 'park'],
    [404, 'peer-refused', 'park'],
    [412, 'peer-refused', 'park'],
    [422, 'peer-refused', 'park'],
    [409, 'peer-error', 'retry'],
    [408, 'peer-error', 'retry'],
    [500, 'peer-error', 'retry'],
    [502, 'peer-error', 'retry'],
    [429, 'peer-busy', 'retry'],
    [503, 'peer-busy', 'retry'],
  ])('that answers %i fails as %s, fate %s, with the status alone', async (status, code, fate) => {
    const outcome = '{"resourceType":"OperationOutcome","issue":[{"diagnostics":"ZZCANARY"}]}';
    const { client } = await emr({ status, body: outcome });
    const failure = await failureOf(client.conditionalUpdate(patient, { identifier: 'ZZCANARY' }));
    expect({ code: failure.code, fate: failure.fate }).toEqual({ code, fate });
    expect(failure.message).toContain(String(status));
    expect(failure.message).not.toContain('ZZCANARY');
  });

  it('is left alone as long as it asks', async () => {
    const { client } = await emr({ status: 429, headers: { 'Retry-After': '7' } });
    expect((await failureOf(client.conditionalUpdate(patient, { _id: '1' }))).retryAfterMs).toBe(7000);
  });

  it('that never answers is given up in time, and asked again', async () => {
    const { client } = await emr(undefined, 100);
    expect((await failureOf(client.transaction({ resourceType: 'Bundle', type: 'transaction' }))).code).toBe(
      'peer-timeout',
    );
  });

  it('that answers 200 with a login page has not taken anything', async () => {
    const { client } = await emr({ status: 200, body: '<html>log in</html>' });
    const failure = await failureOf(client.transaction({ resourceType: 'Bundle', type: 'transaction' }));
    expect(failure).toMatchObject({ code: 'peer-answer-malformed', fate: 'park' });
  });

  it.each(['{"ok":true}', '{"resourceType":"OperationOutcome","issue":[]}', ''])(
    'that answers a transaction 200 with %p has not taken anything',
    async (body) => {
      const { client } = await emr({ status: 200, body });
      const failure = await failureOf(client.transaction({ resourceType: 'Bundle', type: 'transaction' }));
      expect(failure).toMatchObject({ code: 'peer-answer-malformed', fate: 'park' });
    },
  );

  it('whose proxy answers 502 with a page is asked again', async () => {
    const { client } = await emr({ status: 502, body: '<html>bad gateway</html>' });
    expect((await failureOf(client.conditionalUpdate(patient, { _id: '1' }))).fate).toBe('retry');
  });

  it('that is not there is asked again', async () => {
    const { client } = await emr({ status: 200 });
    await new Promise((resolve) => server!.close(resolve));
    expect((await failureOf(client.conditionalUpdate(patient, { _id: '1' }))).code).toBe('peer-unavailable');
  });

  it('is not blamed for a fault of ours', async () => {
    const { client } = await emr({ status: 200 });
    const endless: Record<string, unknown> = { ...patient };
    endless.contained = [endless];
    const failure = await failureOf(client.conditionalUpdate(endless as never, { _id: '1' }));
    expect(failure.code).toBe('unexpected');
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-03-02T08:00:00Z');
  it.each([
    ['120', 120_000],
    ['Mon, 02 Mar 2026 08:00:30 GMT', 30_000],
    ['Mon, 02 Mar 2026 07:00:00 GMT', 0],
    ['999999999', 3_600_000],
    ['soon', undefined],
    [null, undefined],
  ])('%s means %s ms', (text, ms) => expect(retryAfter(text, now)).toBe(ms));
});
