import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { Global, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { AuditEvent, Bundle, CapabilityStatement, OperationOutcome, ServiceRequest, Task } from 'fhir/r4.js';
import { CLOCK, createLogger, INFRASTRUCTURE, Metrics, RefusedRequests, Retention, SITE, useHttp } from '#platform';
import { aPatient, aServiceRequest, site as aSite, testDatabase, type TestDatabase } from '#testing';
import { FhirModule, fhirMigrations, FhirStore } from './index.js';

const now = new Date('2026-03-02T08:00:00Z');
const patient = aPatient({ mrn: 'MRN-ZZ' });
const orders = Array.from({ length: 5 }, (_, n) =>
  aServiceRequest({ placerOrderNumber: `ORD${n}`, accessionNumber: `A${n}`, patient }),
);
let database: TestDatabase;
let app: INestApplication;
let base: string;

beforeAll(async () => {
  database = await testDatabase(fhirMigrations);
  const store = new FhirStore();
  await store.save(database.dataSource.manager, [patient, ...orders], now);
  const [first] = await store.save(
    database.dataSource.manager,
    [{ ...orders[0]!, meta: { versionId: '1' }, status: 'revoked' }],
    new Date(now.getTime() + 60_000),
  );
  orders[0] = first!;

  @Global()
  @Module({
    providers: [
      { provide: DataSource, useValue: database.dataSource },
      { provide: INFRASTRUCTURE, useValue: { service: 'orders' } },
      { provide: CLOCK, useValue: { now: () => now } },
      { provide: SITE, useValue: aSite() },
      { provide: Retention, useValue: { keep: () => undefined } },
      { provide: RefusedRequests, useValue: { recordBy: () => undefined } },
    ],
    exports: [DataSource, INFRASTRUCTURE, CLOCK, SITE, Retention, RefusedRequests],
  })
  class Ground {}
  @Module({
    imports: [
      Ground,
      FhirModule.forService({
        ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
        Patient: { search: ['_id', 'identifier'] },
        Task: { search: ['focus', 'based-on', 'code'], includes: ['focus'] },
      }),
    ],
  })
  class Root {}
  app = await NestFactory.create(Root, { bodyParser: false, logger: false });
  const apiTokens = { emr: createHash('sha256').update('token').digest('hex') };
  useHttp(app, { logger: createLogger('test', 'silent'), apiTokens, metrics: new Metrics() });
  await app.listen(0, '127.0.0.1');
  base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/fhir`;
});
afterAll(async () => {
  await app?.close();
  await database?.drop();
});

async function call<T>(path: string, init: RequestInit = {}) {
  const url = path.startsWith('http') ? path : `${base}/${path}`;
  const response = await fetch(url, { ...init, headers: { authorization: 'Bearer token', ...init.headers } });
  const text = await response.text();
  const type = response.headers.get('content-type');
  return { status: response.status, type, headers: response.headers, body: (text ? JSON.parse(text) : undefined) as T };
}
const audited = async (): Promise<{ agent: string; body: AuditEvent }[]> => {
  const rows = await database.dataSource.query('SELECT agent, body FROM audit_event ORDER BY recorded, id');
  await database.dataSource.query('TRUNCATE audit_event');
  return rows;
};

describe('FHIR REST', () => {
  it('says what it serves, and serves no more', async () => {
    const { body, type } = await call<CapabilityStatement>('metadata');
    expect(type).toContain('application/fhir+json');
    expect(body).toMatchObject({ fhirVersion: '4.0.1', kind: 'instance', format: ['application/fhir+json'] });
    const served = body.rest![0]!.resource!;
    expect(served.map((one) => one.type)).toEqual(['ServiceRequest', 'Patient', 'Task']);
    for (const { type, searchParam } of served)
      for (const { name } of searchParam!) {
        const value = name === '_lastUpdated' ? 'ge2026' : 'x';
        expect([type, name, (await call(`${type}?${name}=${value}`)).status]).toEqual([type, name, 200]);
      }
    expect((await call('Observation')).status).toBe(404);
    expect((await call('constructor')).status).toBe(404);
  });

  it('reads one resource with its version', async () => {
    const { status, headers, body } = await call<ServiceRequest>(`ServiceRequest/${orders[0]!.id}`);
    expect({ status, etag: headers.get('etag'), changed: headers.get('last-modified') }).toEqual({
      status: 200,
      etag: 'W/"2"',
      changed: 'Mon, 02 Mar 2026 08:01:00 GMT',
    });
    expect(body).toEqual(orders[0]);
  });

  it.each([
    ['its ETag', { 'If-None-Match': 'W/"2"' }, 304],
    ['its ETag among others', { 'If-None-Match': '"9", "2"' }, 304],
    ['any', { 'If-None-Match': '*' }, 304],
    [
      'another ETag, whatever the time',
      { 'If-None-Match': 'W/"1"', 'If-Modified-Since': 'Mon, 02 Mar 2026 08:01:00 GMT' },
      200,
    ],
    ['its time', { 'If-Modified-Since': 'Mon, 02 Mar 2026 08:01:00 GMT' }, 304],
    ['a time before', { 'If-Modified-Since': 'Mon, 02 Mar 2026 08:00:59 GMT' }, 200],
    ['no time', { 'If-Modified-Since': 'yesterday' }, 200],
  ])('is not sent again to who has it, by %s', async (_what, headers, status) => {
    const answer = await call(`ServiceRequest/${orders[0]!.id}`, {
      headers: headers as unknown as Record<string, string>,
    });
    expect([answer.status, answer.body === undefined]).toEqual([status, status === 304]);
  });

  it('answers HEAD as GET, without the body', async () => {
    const { status, headers, body } = await call(`ServiceRequest/${orders[0]!.id}`, { method: 'HEAD' });
    expect([status, headers.get('etag'), body]).toEqual([200, 'W/"2"', undefined]);
  });

  it('reads every version, and one by its number', async () => {
    const { body } = await call<Bundle>(`ServiceRequest/${orders[0]!.id}/_history`);
    expect(body).toMatchObject({ type: 'history', total: 2 });
    expect(body.entry!.map((one) => one.resource?.meta?.versionId)).toEqual(['2', '1']);
    expect(body.entry!.map((one) => one.request?.method)).toEqual(['PUT', 'POST']);
    const first = await call<ServiceRequest>(`ServiceRequest/${orders[0]!.id}/_history/1`);
    expect(first).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(first.headers.get('etag')).toBe('W/"1"');
    for (const path of ['_history/3', '_history/x'])
      expect((await call(`ServiceRequest/${orders[0]!.id}/${path}`)).status).toBe(404);
  });

  it.each(['ServiceRequest/none', 'ServiceRequest/a%00b', 'ServiceRequest/none/_history', `Patient/${'x'.repeat(65)}`])(
    'answers 404 for %s',
    async (path) => {
      const { status, type, body } = await call<OperationOutcome>(path);
      expect({ status, type }).toEqual({ status: 404, type: 'application/fhir+json; charset=utf-8' });
      expect(body).toMatchObject({
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: 'not-found' }],
      });
    },
  );

  it('is followed page by page by the next link as given', async () => {
    const found: string[] = [];
    let next: string | undefined = `${base}/ServiceRequest?patient=Patient/${patient.id}&_count=2`;
    while (next) {
      const page: Bundle = (await call<Bundle>(next)).body;
      expect(page).toMatchObject({ type: 'searchset', total: 5 });
      found.push(...(page.entry ?? []).map((one) => one.resource!.id!));
      next = page.link?.find((one) => one.relation === 'next')?.url;
    }
    expect(found.sort()).toEqual(orders.map((one) => one.id).sort());
  });

  describe('tells the history of a type', () => {
    const history = async (query: string) => (await call<Bundle>(`ServiceRequest/_history${query}`)).body;
    const versions = ({ entry = [] }: Bundle) =>
      entry.map(({ resource }) => `${orders.findIndex(({ id }) => id === resource!.id)}/${resource!.meta!.versionId}`);

    it('newest first, each as it came to be', async () => {
      const all = await history('');
      expect([all.type, all.total, versions(all)[0]]).toEqual(['history', 6, '0/2']);
      expect([...versions(all)].sort()).toEqual(['0/1', '0/2', '1/1', '2/1', '3/1', '4/1']);
      expect(all.entry![0]).toMatchObject({
        request: { method: 'PUT', url: `ServiceRequest/${orders[0]!.id}` },
        response: { status: '200', etag: 'W/"2"' },
      });
      expect(all.entry![1]).toMatchObject({
        request: { method: 'POST', url: 'ServiceRequest' },
        response: { status: '201' },
      });
    });

    it('page by page, whose links stay as they are while new versions come', async () => {
      const first = await history('?_count=4');
      const seen = versions(first);
      const patient = aPatient({ mrn: 'MRN-HIST' });
      const late = aServiceRequest({ placerOrderNumber: 'LATE', patient });
      await new FhirStore().save(database.dataSource.manager, [late], new Date(now.getTime() + 120_000));
      try {
        const next = first.link!.find(({ relation }) => relation === 'next')!.url;
        const second = (await call<Bundle>(next)).body;
        expect([seen.length, new Set([...seen, ...versions(second)]).size, second.total]).toEqual([4, 6, 7]);
        expect(second.link!.map(({ relation }) => relation)).toEqual(['self', 'first']);
        expect(second.link![0]!.url).toBe(next);
      } finally {
        for (const table of ['resource', 'resource_history'])
          await database.dataSource.query(`DELETE FROM ${table} WHERE id = $1`, [late.id]);
      }
    });

    it.each([
      ['_since=2026-03-02T08:00:30Z', ['0/2']],
      ['_since=2026-03-02T08:01:00Z', ['0/2']],
      ['_since=2026-03-02T08:01:01Z', []],
      ['_at=2026-03-02T08:00:30Z', ['0/1', '1/1', '2/1', '3/1', '4/1']],
      ['_at=2026-03-02T08', []],
      ['_at=2026-03-02', ['0/1', '0/2', '1/1', '2/1', '3/1', '4/1']],
      ['_at=2026-03-01', []],
    ])('of %s', async (query, expected) => {
      const answer = await call<Bundle>(`ServiceRequest/_history?${query}`);
      if (query === '_at=2026-03-02T08') return expect(answer.status).toBe(400);
      expect([answer.body.total, [...versions(answer.body)].sort()]).toEqual([expected.length, expected]);
    });

    it('of one resource the same way, empty but there where nothing is that new', async () => {
      const path = `ServiceRequest/${orders[0]!.id}/_history`;
      const page = (await call<Bundle>(`${path}?_count=1`)).body;
      expect([page.total, versions(page)]).toEqual([2, ['0/2']]);
      const next = await call<Bundle>(page.link!.find(({ relation }) => relation === 'next')!.url);
      expect(versions(next.body)).toEqual(['0/1']);
      const none = await call<Bundle>(`${path}?_since=2030`);
      expect([none.status, none.body.total, none.body.entry]).toEqual([200, 0, undefined]);
      expect((await call('ServiceRequest/none/_history?_since=2030')).status).toBe(404);
    });

    it('refuses what it does not know, unless told to be lenient', async () => {
      for (const query of ['_sort=x', '_since=yesterday', '_since=ge2026', '_cursor=x', '_count=many'])
        expect([query, (await call(`ServiceRequest/_history?${query}`)).status]).toEqual([query, 400]);
      const lenient = await call<Bundle>('ServiceRequest/_history?_sort=x', {
        headers: { Prefer: 'handling=lenient' },
      });
      expect([lenient.status, lenient.body.link![0]!.url]).toEqual([200, `${base}/ServiceRequest/_history`]);
      expect((await call('Observation/_history')).status).toBe(404);
    });
  });

  describe('finds', () => {
    const tasks = ['fulfill', 'clarify'].map((code): Task => {
      const self = { reference: `ServiceRequest/${orders[1]!.id}` };
      return {
        resourceType: 'Task',
        id: code,
        status: 'requested',
        intent: 'order',
        code: { coding: [{ code }] },
        focus: self,
        ...(code === 'fulfill' ? { basedOn: [self] } : {}),
      };
    });
    beforeAll(async () => void (await new FhirStore().save(database.dataSource.manager, tasks, now)));
    const found = async (query: string) =>
      ((await call<Bundle>(query)).body.entry ?? []).map(
        ({ resource, search }) => `${search!.mode} ${resource!.resourceType}`,
      );
    const count = async (query: string) => (await call<Bundle>(query)).body.total;
    const number = 'urn:oid:2.25.1001|MRN-ZZ';

    it.each([
      [`ServiceRequest?patient.identifier=${number}`, 5],
      [`ServiceRequest?subject.identifier=${number},x`, 5],
      [`ServiceRequest?patient:Patient.identifier=${number}`, 5],
      ['ServiceRequest?subject.identifier=nobody', 0],
      [`ServiceRequest?subject:Patient=${patient.id}&status=active,revoked`, 5],
      ['ServiceRequest?status:not=active', 1],
      ['ServiceRequest?status:missing=false', 5],
      ['ServiceRequest?identifier:missing=true', 0],
      [`ServiceRequest?_id=${orders[1]!.id},${orders[2]!.id},none`, 2],
      [`Task?focus=ServiceRequest/${orders[1]!.id}`, 2],
      [`Task?focus=${orders[1]!.id}&code=fulfill`, 1],
      [`Task?based-on=ServiceRequest/${orders[1]!.id}`, 1],
      ['Task?based-on:missing=true', 1],
    ])('by %s', async (query, total) => expect(await count(query)).toBe(total));

    it.each([
      'ServiceRequest?status:exact=x',
      'ServiceRequest?patient.name=x',
      'ServiceRequest?patient:Group.identifier=x',
      'ServiceRequest?status:missing=x',
      'ServiceRequest?_lastUpdated:not=2026',
      'ServiceRequest?_total=some',
      'ServiceRequest?_elements=a b',
      'ServiceRequest?_revinclude=Task:code',
      'Task?_include=Task:patient',
    ])('not by %s, which is refused', async (query) => expect((await call(query)).status).toBe(400));

    it('the order of a Task with it', async () => {
      expect(await found('Task?code=fulfill&_include=Task:focus')).toEqual(['match Task', 'include ServiceRequest']);
    });

    it('the asked elements, those that must be there, and says that others are left out', async () => {
      const { entry } = (await call<Bundle>(`ServiceRequest?_id=${orders[1]!.id}&_elements=priority`)).body;
      expect(Object.keys(entry![0]!.resource!).sort()).toEqual([
        'id',
        'intent',
        'meta',
        'priority',
        'resourceType',
        'status',
        'subject',
      ]);
      expect(entry![0]!.resource!.meta!.tag).toEqual([expect.objectContaining({ code: 'SUBSETTED' })]);
    });

    it('without counting where nobody wants to know', async () => {
      expect((await call<Bundle>('ServiceRequest?_total=none&_count=1')).body).toMatchObject({
        entry: [expect.anything()],
      });
      expect(await count('ServiceRequest?_total=none')).toBeUndefined();
    });
  });

  it('searches by POST, so that an identifier is in no URL', async () => {
    const form = new URLSearchParams({ identifier: 'urn:oid:2.25.1001|MRN-ZZ' });
    const { status, body } = await call<Bundle>('Patient/_search', { method: 'POST', body: form });
    expect({ status, ids: body.entry?.map((one) => one.resource?.id) }).toEqual({ status: 200, ids: [patient.id] });
  });

  it('refuses a parameter it does not serve with the list of those it does, unless told to be lenient', async () => {
    const { status, body } = await call<OperationOutcome>('Patient?birthdate=1970-01-31');
    expect(status).toBe(400);
    expect(body.issue[0]).toMatchObject({ code: 'value', expression: ['birthdate'] });
    expect(body.issue[0]!.diagnostics).toBe('search parameter is not served; served are: _id, identifier, _count');
    const lenient = await call<Bundle>('Patient?birthdate=1970-01-31', { headers: { Prefer: 'handling=lenient' } });
    expect(lenient).toMatchObject({ status: 200, body: { total: 1 } });
  });

  it('records who read what of whom, in the transaction of the access', async () => {
    await audited();
    await call(`ServiceRequest/${orders[0]!.id}`);
    const [read, ...others] = await audited();
    expect(others).toEqual([]);
    expect(read!.agent).toBe('emr');
    expect(read!.body).toMatchObject({
      resourceType: 'AuditEvent',
      type: { code: 'rest' },
      subtype: [{ code: 'read' }],
      action: 'R',
      outcome: '0',
      agent: [
        { type: { coding: [{ code: '110153' }] }, who: { display: 'emr' }, requestor: true },
        { type: { coding: [{ code: '110152' }] }, who: { display: 'collimator orders' }, requestor: false },
      ],
      entity: [
        { what: { reference: `Patient/${patient.id}` }, type: { code: '1' }, role: { code: '1' } },
        { what: { reference: `ServiceRequest/${orders[0]!.id}` }, type: { code: '2' }, role: { code: '4' } },
      ],
    });
  });

  it('records a search with its query in base64, also one that found nobody', async () => {
    await audited();
    await call('Patient?identifier=nobody');
    const { body } = (await audited())[0]!;
    expect(body.entity).toHaveLength(1);
    expect(Buffer.from(body.entity![0]!.query!, 'base64').toString()).toBe('identifier=nobody');
    expect(body).toMatchObject({ action: 'E', subtype: [{ code: 'search-type' }] });
  });

  it('gives nothing out that it cannot record', async () => {
    await database.dataSource.query('ALTER TABLE audit_event RENAME TO audit_event_away');
    try {
      const { status, body } = await call<OperationOutcome>(`Patient/${patient.id}`);
      expect(status).toBe(500);
      expect(JSON.stringify(body)).not.toContain('MRN-ZZ');
    } finally {
      await database.dataSource.query('ALTER TABLE audit_event_away RENAME TO audit_event');
    }
  });

  it('asks for a token before anything else', async () => {
    const { status, headers, body } = await call<OperationOutcome>('Patient', {
      headers: { authorization: 'Bearer x' },
    });
    expect({ status, challenge: headers.get('www-authenticate') }).toEqual({ status: 401, challenge: 'Bearer' });
    expect(body.issue[0]!.code).toBe('login');
  });
});
