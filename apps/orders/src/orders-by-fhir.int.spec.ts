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
const refused = ({ status, body }: { status: number; body: OperationOutcome }) => [
  status,
  body.resourceType,
  body.issue[0]!.expression?.[0],
];
const placed = (number: string) => service.published('imaging.order.placed.v1', aPatient({ mrn: number }).id);

describe('An order by FHIR', () => {
  it('comes with its patient in a transaction, once however often it is sent', async () => {
    const answers = [await service.send('POST', '', aBundle('FB1')), await service.send('POST', '', aBundle('FB1'))];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]!.body).toMatchObject({ resourceType: 'Bundle', type: 'transaction-response' });
    const [order, ...others] = await service.search<ServiceRequest>('ServiceRequest', 'FB1');
    expect(others).toEqual([]);
    expect(order!.identifier!.map(({ type }) => type?.coding?.[0]?.code)).toEqual(
      expect.arrayContaining(['PLAC', 'ACSN']),
    );
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
    expect(await service.take(anOrmMessage({ mrn: 'BOTH1', placerOrderNumber: 'BOTH1', control: 'CA' }))).toEqual({
      code: 'AA',
    });
    expect(await service.get(`/fhir/ServiceRequest/${byHl7!.id}`)).toMatchObject({ status: 'revoked' });
  });

  it.each<[string, () => [string, object], number, string]>([
    ['a patient nobody knows', () => ['ServiceRequest', anOrder('NOBODY')], 422, 'ServiceRequest.subject'],
    [
      'no placer order number',
      () => ['ServiceRequest', anOrder('F1', { identifier: [] })],
      400,
      'ServiceRequest.identifier',
    ],
    [
      'an unknown procedure',
      () => ['', aBundle('F2', { code: { coding: [{ code: 'NOSUCH' }] } })],
      422,
      'Bundle.entry[1].resource.code.coding',
    ],
    ['another resource type', () => ['ServiceRequest', aPatient()], 400, 'resourceType'],
    [
      'a Bundle without patient',
      () => ['', { ...aBundle('F3'), entry: aBundle('F3').entry.slice(1) }],
      400,
      'Bundle.entry',
    ],
    ['two patients', () => ['', aBundle('F4', {}, aPatient({ mrn: 'F5' }))], 400, 'Bundle.entry'],
    [
      'an element with a wrong type',
      () => ['', aBundle('F6', { status: 7 as never })],
      400,
      'Bundle.entry[1].resource.status',
    ],
  ])('is refused with %s, naming the element, and nothing of it stays', async (_what, sent, status, path) => {
    const [url, body] = sent();
    const answer = (await service.send('POST', url, body)) as { status: number; body: OperationOutcome };
    expect(refused(answer)).toEqual([status, 'OperationOutcome', path]);
    for (const number of ['F1', 'F2', 'F3', 'F4', 'F5', 'F6'])
      expect(await service.search<Patient>('Patient', number)).toEqual([]);
  });

  it('comes with what is known of its patient, and each entry is answered: new, as it was, or changed', async () => {
    const subject = { reference: 'urn:uuid:p' };
    const code = { coding: [{ system: 'http://loinc.org', code: '29463-7' }] };
    const weight = (value: number): FhirResource => ({
      resourceType: 'Observation',
      identifier: [{ system: 'urn:x', value: 'W1' }],
      status: 'final',
      code,
      subject,
      effectiveDateTime: '2026-11-01',
      valueQuantity: { value, code: 'kg' },
    });
    const coverage: FhirResource = {
      resourceType: 'Coverage',
      status: 'active',
      beneficiary: subject,
      payor: [{ display: 'Payor' }],
    };
    const allergy: FhirResource = { resourceType: 'AllergyIntolerance', patient: subject, code: { text: 'Iopromide' } };
    const condition: FhirResource = { resourceType: 'Condition', subject, code: { text: 'Headache' } };
    const send = async (...resources: FhirResource[]) =>
      (await service.send('POST', '', aBundle('CLIN1', {}, ...resources))).body as Bundle;
    const statusOf = (answer: Bundle) =>
      answer.entry!.map(({ resource, response }) => [resource!.resourceType, response!.status, response!.etag]);
    const first = await send(coverage, weight(80), allergy, condition);
    expect(statusOf(first)).toEqual(
      ['Patient', 'ServiceRequest', 'Coverage', 'Observation', 'AllergyIntolerance', 'Condition'].map((type) => [
        type,
        '201 Created',
        'W/"1"',
      ]),
    );
    const [event] = await placed('CLIN1');
    expect(event!.map(({ resourceType }) => resourceType)).toEqual(
      expect.arrayContaining(['Coverage', 'Observation', 'AllergyIntolerance', 'Condition']),
    );
    expect(statusOf(await send(weight(81)))).toEqual([
      ['Patient', '200 OK', 'W/"1"'],
      ['ServiceRequest', '200 OK', 'W/"1"'],
      ['Observation', '200 OK', 'W/"2"'],
    ]);
  });

  it('is changed, and cancelled, by a transaction as well, and nothing of it happens where one entry is refused', async () => {
    await service.send('POST', '', aBundle('TX1'));
    const by = (request: object, order: Partial<ServiceRequest>) => {
      const bundle = aBundle('TX1', order);
      return service.send('POST', '', { ...bundle, entry: [bundle.entry[0], { ...bundle.entry[1], request }] });
    };
    const url = 'ServiceRequest?identifier=urn:oid:2.25.1002|TX1';
    const changed = (await by({ method: 'PUT', url }, { priority: 'stat' })).body as Bundle;
    expect(changed.entry![1]).toMatchObject({
      resource: { priority: 'stat' },
      response: { status: '200 OK', etag: 'W/"2"' },
    });
    const stale = await by({ method: 'PUT', url, ifMatch: 'W/"1"' }, { status: 'revoked' });
    expect(stale.status).toBe(412);
    const kept = (
      await by({ method: 'POST', url: 'ServiceRequest', ifNoneExist: 'identifier=urn:oid:2.25.1002|TX1' }, {})
    ).body as Bundle;
    expect(kept.entry![1]).toMatchObject({ resource: { priority: 'stat', status: 'active' } });
    const ended = (await by({ method: 'PUT', url }, { status: 'revoked' })).body as Bundle;
    expect(ended.entry![1]).toMatchObject({ resource: { status: 'revoked' } });
  });

  it.each(['DELETE', 'PATCH', 'PUT'])('is not served by %s on a type: 405 as OperationOutcome', async (method) => {
    const response = await fetch(`${service.url}/fhir/Patient/1`, { method });
    expect([response.status, await response.json()]).toEqual([
      405,
      expect.objectContaining({ resourceType: 'OperationOutcome' }),
    ]);
  });

  it('is refused as what is no JSON by an OperationOutcome', async () => {
    const headers = { 'content-type': 'application/fhir+json' };
    const response = await fetch(`${service.url}/fhir/ServiceRequest`, {
      method: 'POST',
      headers,
      body: '{"resourceType":',
    });
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
    const looks = await service.sql<{ body: { subtype: { code: string }[] } }>(
      'SELECT body FROM audit_event WHERE body::text LIKE $1 ORDER BY recorded',
      [`%${patient}%`],
    );
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
