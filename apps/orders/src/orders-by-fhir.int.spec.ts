import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, CapabilityStatement, FhirResource, OperationOutcome, Patient, ServiceRequest } from 'fhir/r4.js';
import { anOrmMessage, aPatient } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

/** An order as an EMR states it. */
const anOrder = (number: string, overrides: Partial<ServiceRequest> = {}): ServiceRequest => ({
  resourceType: 'ServiceRequest',
  identifier: [{ system: 'urn:oid:2.25.1002', value: number }],
  status: 'active',
  intent: 'order',
  code: { coding: [{ code: 'CTHEAD' }] },
  subject: { reference: `Patient/${aPatient({ mrn: number }).id}` },
  ...overrides,
});
const aBundle = (number: string, order: Partial<ServiceRequest> = {}, ...others: FhirResource[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    { fullUrl: 'urn:uuid:p', resource: aPatient({ mrn: number }), request: { method: 'POST', url: 'Patient' } },
    ...[anOrder(number, { subject: { reference: 'urn:uuid:p' }, ...order }), ...others].map((resource) => ({
      resource,
      request: { method: 'POST', url: resource.resourceType },
    })),
  ],
});
const refused = ({ status, body }: { status: number; body: OperationOutcome }) => [status, body.resourceType, body.issue[0]!.expression?.[0]]; // prettier-ignore
const placed = (number: string) => service.published('imaging.order.placed.v1', aPatient({ mrn: number }).id);

describe('An order by FHIR', () => {
  it('comes with its patient in a transaction, once however often it is sent', async () => {
    const answers = [await service.send('POST', '', aBundle('FB1')), await service.send('POST', '', aBundle('FB1'))];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]!.body).toMatchObject({ resourceType: 'Bundle', type: 'transaction-response' });
    const [order, ...others] = await service.search<ServiceRequest>('ServiceRequest', 'FB1');
    expect(others).toEqual([]);
    expect(order!.identifier!.map(({ type }) => type?.coding?.[0]?.code)).toEqual(expect.arrayContaining(['PLAC', 'ACSN'])); // prettier-ignore
    expect(await placed('FB1')).toHaveLength(1);
  });

  it('comes alone for a patient who is known: 201, then 200, and 409 for other content', async () => {
    await service.send('POST', '', aBundle('FS0'));
    const subject = { reference: `Patient/${aPatient({ mrn: 'FS0' }).id}` };
    const create = (overrides = {}, headers = {}) =>
      service.send('POST', 'ServiceRequest', anOrder('FS1', { subject, ...overrides }), headers);
    const first = await create();
    expect(first.status).toBe(201);
    expect(first.headers.get('etag')).toBe('W/"1"');
    expect(first.headers.get('location')).toBe(`/fhir/ServiceRequest/${(first.body as ServiceRequest).id}`);
    expect((await create()).status).toBe(200);
    expect((await create({ priority: 'stat' })).status).toBe(409);
    const condition = { 'if-none-exist': 'identifier=urn:oid:2.25.1002|FS1' };
    expect(await create({ priority: 'stat' }, condition)).toMatchObject({ status: 200, body: first.body });
  });

  it('is the same order as by HL7 under the same placer order number', async () => {
    expect(await service.take(anOrmMessage({ mrn: 'BOTH1', placerOrderNumber: 'BOTH1' }))).toEqual({ code: 'AA' });
    const [byHl7] = await service.search<ServiceRequest>('ServiceRequest', 'BOTH1');
    const answer = await service.send('POST', 'ServiceRequest', anOrder('BOTH1', { priority: 'stat' }));
    expect(answer.status).toBe(409);
    expect(await service.get(`/fhir/ServiceRequest/${byHl7!.id}`)).toEqual(byHl7);
    expect(await service.take(anOrmMessage({ mrn: 'BOTH1', placerOrderNumber: 'BOTH1', control: 'CA' }))).toEqual({ code: 'AA' }); // prettier-ignore
    expect(await service.get(`/fhir/ServiceRequest/${byHl7!.id}`)).toMatchObject({ status: 'revoked' });
  });

  it.each<[string, () => [string, object], number, string]>([
    ['a patient nobody knows', () => ['ServiceRequest', anOrder('NOBODY')], 422, 'ServiceRequest.subject'],
    ['no placer order number', () => ['ServiceRequest', anOrder('F1', { identifier: [] })], 400, 'ServiceRequest.identifier'], // prettier-ignore
    ['an unknown procedure', () => ['', aBundle('F2', { code: { coding: [{ code: 'NOSUCH' }] } })], 422, 'ServiceRequest.code.coding'], // prettier-ignore
    ['another resource type', () => ['ServiceRequest', aPatient()], 400, 'resourceType'],
    ['a Bundle without patient', () => ['', { ...aBundle('F3'), entry: aBundle('F3').entry.slice(1) }], 400, 'Bundle.entry'], // prettier-ignore
    ['two patients', () => ['', aBundle('F4', {}, aPatient({ mrn: 'F5' }))], 400, 'Bundle.entry'],
    ['an element with a wrong type', () => ['', aBundle('F6', { status: 7 as never })], 400, 'ServiceRequest.status'],
  ])('is refused with %s, naming the element, and nothing of it stays', async (_what, sent, status, path) => {
    const [url, body] = sent();
    const answer = (await service.send('POST', url, body)) as { status: number; body: OperationOutcome };
    expect(refused(answer)).toEqual([status, 'OperationOutcome', path]);
    for (const number of ['F1', 'F2', 'F3', 'F4', 'F5', 'F6'])
      expect(await service.search<Patient>('Patient', number)).toEqual([]);
  });

  it('is refused as what is no JSON by an OperationOutcome', async () => {
    const headers = { 'content-type': 'application/fhir+json' };
    const response = await fetch(`${service.url}/fhir/ServiceRequest`, { method: 'POST', headers, body: '{"resourceType":' }); // prettier-ignore
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
  });

  it('is found by POST, whose URL holds no identifier, and audited', async () => {
    await service.send('POST', '', aBundle('AUDIT1'));
    const found = await fetch(`${service.url}/fhir/ServiceRequest/_search`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'identifier=AUDIT1',
    });
    expect(((await found.json()) as Bundle).entry).toHaveLength(1);
    const patient = aPatient({ mrn: 'AUDIT1' }).id!;
    const looks = await service.sql<{ body: { subtype: { code: string }[] } }>('SELECT body FROM audit_event WHERE body::text LIKE $1 ORDER BY recorded', [`%${patient}%`]); // prettier-ignore
    expect(looks.map(({ body }) => body.subtype[0]!.code)).toEqual(['transaction', 'search-type']);
  });

  it('does what its CapabilityStatement says, for each search parameter', async () => {
    const { rest } = await service.get<CapabilityStatement>('/fhir/metadata');
    for (const { type, searchParam = [] } of rest![0]!.resource!)
      for (const { name, type: kind } of searchParam) {
        const value = kind === 'date' ? 'gt2020-01-01' : 'x';
        const response = await fetch(`${service.url}/fhir/${type}?${name}=${value}`);
        expect([type, name, response.status]).toEqual([type, name, 200]);
      }
    expect((await fetch(`${service.url}/fhir/ServiceRequest?nonsense=1`)).status).toBe(400);
  });
});
