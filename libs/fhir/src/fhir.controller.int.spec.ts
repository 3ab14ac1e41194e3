import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { Global, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { AuditEvent, Bundle, CapabilityStatement, OperationOutcome, ServiceRequest } from 'fhir/r4.js';
import { CLOCK, createLogger, INFRASTRUCTURE, Metrics, useHttp } from '#platform';
import { aPatient, aServiceRequest, testDatabase, type TestDatabase } from '#testing';
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
  const [first] = await store.save(database.dataSource.manager, [{ ...orders[0]!, meta: { versionId: '1' }, status: 'revoked' }], new Date(now.getTime() + 60_000)); // prettier-ignore
  orders[0] = first!;

  @Global()
  @Module({
    providers: [
      { provide: DataSource, useValue: database.dataSource },
      { provide: INFRASTRUCTURE, useValue: { service: 'orders' } },
      { provide: CLOCK, useValue: { now: () => now } },
    ],
    exports: [DataSource, INFRASTRUCTURE, CLOCK],
  })
  class Ground {}
  @Module({
    imports: [
      Ground,
      FhirModule.forService({
        ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
        Patient: { search: ['_id', 'identifier'] },
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
    expect(served.map((one) => one.type)).toEqual(['ServiceRequest', 'Patient']);
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
    const again = await call(`ServiceRequest/${orders[0]!.id}`, { headers: { 'If-None-Match': 'W/"2"' } });
    expect(again).toMatchObject({ status: 304, body: undefined });
  });

  it('reads every version, and one by its number', async () => {
    const { body } = await call<Bundle>(`ServiceRequest/${orders[0]!.id}/_history`);
    expect(body).toMatchObject({ type: 'history', total: 2 });
    expect(body.entry!.map((one) => one.resource?.meta?.versionId)).toEqual(['2', '1']);
    expect(body.entry!.map((one) => one.request?.method)).toEqual(['PUT', 'POST']);
    const first = await call<ServiceRequest>(`ServiceRequest/${orders[0]!.id}/_history/1`);
    expect(first).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(first.headers.get('etag')).toBe('W/"1"');
    for (const path of ['_history/3', '_history/x']) expect((await call(`ServiceRequest/${orders[0]!.id}/${path}`)).status).toBe(404); // prettier-ignore
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
    const { status, headers, body } = await call<OperationOutcome>('Patient', { headers: { authorization: 'Bearer x' } }); // prettier-ignore
    expect({ status, challenge: headers.get('www-authenticate') }).toEqual({ status: 401, challenge: 'Bearer' });
    expect(body.issue[0]!.code).toBe('login');
  });
});
