import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, OperationOutcome, ServiceRequest } from 'fhir/r4.js';
import { identifierOf } from '#fhir';
import { anAdtMessage, anOrmMessage, aPatient } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

const system = 'urn:oid:2.25.1002';
const anOrder = (number: string, overrides: Partial<ServiceRequest> = {}): ServiceRequest => ({
  resourceType: 'ServiceRequest',
  identifier: [{ system, value: number }],
  status: 'active',
  intent: 'order',
  priority: 'routine',
  code: { coding: [{ code: 'CTHEAD' }] },
  subject: { reference: `Patient/${aPatient({ mrn: number }).id}` },
  ...overrides,
});
/** An order placed by FHIR, known by one word, as the server answered. */
async function placed(number: string, overrides: Partial<ServiceRequest> = {}) {
  await service.take(anAdtMessage({ mrn: number }));
  return (await service.send('POST', 'ServiceRequest', anOrder(number, overrides))).body as ServiceRequest;
}
const put = (order: ServiceRequest, headers = {}) => service.send('PUT', `ServiceRequest/${order.id}`, order, headers);
const told = (number: string, what: 'placed' | 'changed' | 'cancelled') =>
  service.published(`imaging.order.${what}.v1`, aPatient({ mrn: number }).id);
const issueOf = ({ body }: { body: unknown }) => (body as OperationOutcome).issue[0]!;

describe('An update of an order', () => {
  it('says what it is from now on: what it leaves out is no more, our numbers stay', async () => {
    const order = await placed('UPD1', { reasonCode: [{ text: 'Headache' }] });
    const next = anOrder('UPD1', { id: order.id, priority: 'stat' });
    const answer = await put(next);
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(answer.body).toMatchObject({ priority: 'stat', identifier: order.identifier });
    expect(answer.body).not.toHaveProperty('reasonCode');
    expect(await told('UPD1', 'changed')).toHaveLength(1);
    // Said again it changes nothing.
    expect((await put(next)).headers.get('etag')).toBe('W/"2"');
    expect(await told('UPD1', 'changed')).toHaveLength(1);
  });

  it('cancels, holds and releases by its status', async () => {
    const order = await placed('UPD2');
    for (const status of ['on-hold', 'active', 'revoked'] as const)
      expect((await put({ ...order, status })).body).toMatchObject({ status });
    expect([(await told('UPD2', 'changed')).length, (await told('UPD2', 'cancelled')).length]).toEqual([2, 1]);
    const late = await put({ ...order, status: 'active' });
    expect([late.status, issueOf(late).code]).toEqual([409, 'business-rule']);
    const done = await put({ ...(await placed('UPD2B')), status: 'completed' });
    expect([done.status, issueOf(done).expression]).toEqual([409, ['ServiceRequest.status']]);
  });

  it('from an older version changes nothing where it says which', async () => {
    const order = await placed('UPD3');
    expect((await put({ ...order, priority: 'stat' }, { 'if-match': 'W/"1"' })).status).toBe(200);
    for (const version of ['W/"1"', 'nonsense'])
      expect((await put({ ...order, priority: 'asap' }, { 'if-match': version })).status).toBe(412);
    expect(await service.get(`/fhir/ServiceRequest/${order.id}`)).toMatchObject({ priority: 'stat' });
  });

  it.each<[string, (order: ServiceRequest) => ServiceRequest, number, string]>([
    ['another id', (order) => ({ ...order, id: 'other' }), 400, 'ServiceRequest.id'],
    [
      'another placer order number',
      (order) => ({ ...order, identifier: [{ system, value: 'OTHER' }] }),
      400,
      'ServiceRequest.identifier',
    ],
    [
      'an unknown procedure',
      (order) => ({ ...order, code: { coding: [{ code: 'NOSUCH' }] } }),
      422,
      'ServiceRequest.code.coding',
    ],
  ])('with %s is refused, naming the element', async (what, change, status, path) => {
    const order = await placed(`UPD4${what.length}`);
    const answer = await service.send('PUT', `ServiceRequest/${order.id}`, change(order));
    expect([answer.status, issueOf(answer).expression]).toEqual([status, [path]]);
  });

  it('of an order never placed is 404', async () => {
    const order = await placed('UPD5');
    const unknown = anOrder('NEVER');
    const id = 'b34eff3a-e1bd-5102-a786-8ff87c82f97f';
    expect((await service.send('PUT', `ServiceRequest/${id}`, { ...unknown, id })).status).toBe(400);
    expect(order.id).not.toBe(id);
  });

  it('by placer order number places the order, or changes it', async () => {
    await service.take(anAdtMessage({ mrn: 'UPD6' }));
    const where = (number: string) => `ServiceRequest?identifier=${encodeURIComponent(`${system}|${number}`)}`;
    expect((await service.send('PUT', where('UPD6'), anOrder('UPD6'))).status).toBe(201);
    expect((await service.send('PUT', where('UPD6'), anOrder('UPD6', { priority: 'stat' }))).status).toBe(200);
    const [order, ...others] = await service.search<ServiceRequest>('ServiceRequest', 'UPD6');
    expect([order?.priority, others.length]).toEqual(['stat', 0]);
    for (const wrong of [where('OTHER'), 'ServiceRequest', 'ServiceRequest?status=active'])
      expect((await service.send('PUT', wrong, anOrder('UPD6'))).status).toBe(400);
  });

  it('changes an order that was placed by HL7, whose sender stays its placer', async () => {
    await service.take(anOrmMessage({ mrn: 'UPD7', placerOrderNumber: 'UPD7' }));
    const [order] = await service.search<ServiceRequest>('ServiceRequest', 'UPD7');
    expect((await put({ ...order!, status: 'revoked' })).status).toBe(200);
    const [after] = await service.search<ServiceRequest>('ServiceRequest', 'UPD7');
    expect([after?.status, after?.meta?.source]).toEqual(['revoked', order?.meta?.source]);
    expect(identifierOf(after, 'ACSN')).toEqual(identifierOf(order, 'ACSN'));
  });
});

describe('What a client prefers to get back', () => {
  it.each([
    ['return=minimal', undefined],
    ['return=OperationOutcome', 'OperationOutcome'],
    ['return=representation', 'ServiceRequest'],
  ])('is %s', async (prefer, resourceType) => {
    const order = await placed(`PREF${prefer.length}`);
    const headers = { 'content-type': 'application/fhir+json', prefer };
    const response = await fetch(`${service.url}/fhir/ServiceRequest/${order.id}`, {
      method: 'PUT',
      headers,
      body: JSON.stringify(order),
    });
    const text = await response.text();
    expect([response.status, response.headers.get('etag')]).toEqual([200, 'W/"1"']);
    expect(text === '' ? undefined : (JSON.parse(text) as { resourceType: string }).resourceType).toBe(resourceType);
  });
});

describe('Orders are found', () => {
  const found = async (query: string) => {
    const { entry = [], total } = await service.get<Bundle>(`/fhir/ServiceRequest?${query}`);
    return {
      total,
      entry,
      numbers: entry
        .filter((one) => one.search?.mode === 'match')
        .map(({ resource }) => identifierOf(resource as ServiceRequest, 'PLAC')!.value),
    };
  };
  beforeAll(async () => {
    await placed('FIND1', { authoredOn: '2025-03-02T08:00:00+01:00' });
    await placed('FIND2', { authoredOn: '2025', code: { coding: [{ code: 'XRCHEST2' }] } });
    await placed('FIND3', {
      authoredOn: '2025-04',
      code: { coding: [{ system: 'http://loinc.org', code: '36643-5' }, { code: 'XRCHEST2' }] },
    });
  });

  it.each([
    ['authored=lt2025-03', ['FIND2']],
    ['authored=ge2025-03-02T07:00:00Z&authored=lt2026', ['FIND1', 'FIND3']],
    ['authored=2025-04', ['FIND3']],
    ['code=http://loinc.org|36643-5', ['FIND3']],
    ['code=36643-5,NOSUCH', ['FIND3']],
    ['code=urn:collimator:procedure|CTHEAD&authored=2025-03-02', ['FIND1']],
    ['code=nowhere|XRCHEST2', []],
  ])('by %s', async (query, numbers) => {
    expect((await found(query)).numbers.sort()).toEqual(numbers);
  });

  it('newest first, page by page, with their patients, or counted only', async () => {
    const first = await found('authored=2025&_sort=-_lastUpdated&_count=1&_include=ServiceRequest:patient');
    expect([first.numbers, first.total]).toEqual([['FIND3'], 3]);
    expect(first.entry.map(({ resource, search }) => [resource?.resourceType, search?.mode])).toEqual([
      ['ServiceRequest', 'match'],
      ['Patient', 'include'],
    ]);
    const { link } = await service.get<Bundle>('/fhir/ServiceRequest?authored=2025&_sort=-_lastUpdated&_count=1');
    const next = new URL(link!.find(({ relation }) => relation === 'next')!.url);
    expect((await found(next.search.slice(1))).numbers).toEqual(['FIND2']);
    const counted = await found('authored=2025&_summary=count');
    expect([counted.total, counted.entry]).toEqual([3, []]);
  });

  it.each(['_sort=status', '_include=ServiceRequest:requester', '_summary=text', 'authored=yesterday'])(
    'not by %s, which is refused',
    async (query) => expect((await fetch(`${service.url}/fhir/ServiceRequest?${query}`)).status).toBe(400),
  );
});
