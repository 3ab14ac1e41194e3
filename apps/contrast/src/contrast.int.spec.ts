import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, MedicationAdministration, OperationOutcome } from 'fhir/r4.js';
import { aMerge, anAdministration, aPatient, aServiceRequest, until } from '#testing';
import { AContrastService } from './a-contrast-service.spec.js';

let service: AContrastService;
beforeAll(async () => (service = await AContrastService.start()), 60_000);
afterAll(() => service?.stop());

const withContrast = { code: 'CTCHESTC', display: 'CT chest with contrast' };
function anOrder(name: string, overrides: Parameters<typeof aServiceRequest>[0] = {}) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: withContrast,
    ...overrides,
  });
  return { patient, order };
}
/** An order with its contrast record, and what an injector would post for it. */
async function planned(name: string) {
  const { patient, order } = anOrder(name);
  await service.tell('imaging.order.placed.v1', order, patient);
  const plan = await service.planOf(order);
  const post = (overrides: Partial<MedicationAdministration> = {}, headers = {}) => {
    const identifier = [{ system: 'urn:test:injector', value: name }];
    return service.send(
      'POST',
      'MedicationAdministration',
      anAdministration(plan, { identifier, ...overrides }),
      headers,
    );
  };
  const told = () => service.published('imaging.contrast.administered.v1', patient.id!);
  return { patient, order, plan, post, told };
}

describe('The contrast record', () => {
  it('is opened with its order, told once, and follows it', async () => {
    const { patient, order } = anOrder('FOLLOW');
    await service.tell('imaging.order.placed.v1', order, patient);
    await service.planOf(order);
    const told = () => service.published('imaging.contrast.planned.v1', patient.id!);
    expect((await told())[0]!.map((one) => one.resourceType)).toEqual([
      'MedicationRequest',
      'ServiceRequest',
      'Patient',
    ]);

    // A change that is none of its: nothing is told. The cancel behind it shows that the change was handled.
    await service.tell('imaging.order.changed.v1', { ...order, priority: 'stat' }, patient);
    await service.tell('imaging.order.cancelled.v1', { ...order, status: 'revoked' }, patient);
    await service.planOf(order, 'cancelled');
    expect(await told()).toHaveLength(1);
    expect(await service.published('imaging.contrast.cancelled.v1', patient.id!)).toHaveLength(1);
  });

  it('is not opened for an exam without contrast', async () => {
    const without = anOrder('WITHOUT', { procedure: { code: 'CTHEAD', display: 'CT head' } });
    await service.tell('imaging.order.placed.v1', without.order, without.patient);
    await until(async () => (await fetch(`${service.url}/fhir/ServiceRequest/${without.order.id}`)).ok, {
      what: 'the order to be kept',
    });
    const response = await fetch(`${service.url}/fhir/MedicationRequest?based-on=ServiceRequest/${without.order.id}`);
    expect(((await response.json()) as Bundle).total).toBe(0);
  });
});

describe('After a merge', () => {
  it('the record, what was given, and what still comes are the survivor’s', async () => {
    const { patient, order, post, plan } = await planned('TRAUMA1');
    await post();
    const survivor = aPatient({ mrn: 'REAL1' });
    await service.tell('imaging.patient.merged.v1', ...aMerge(patient, survivor));
    const own = async (type: string) => (await service.get<Bundle>(`/fhir/${type}?patient=${survivor.id}`)).total;
    await until(async () => (await own('MedicationAdministration')) === 1, { what: 'what was given to be moved' });
    expect([await own('MedicationRequest'), await own('ServiceRequest')]).toEqual([1, 1]);
    const late = anOrder('TRAUMA1B', { patient });
    await service.tell('imaging.order.placed.v1', { ...late.order, subject: order.subject }, patient);
    await until(async () => (await own('MedicationRequest')) === 2, { what: 'the late order’s record' });
    expect(plan.subject.reference).not.toBe(`Patient/${survivor.id}`);
  });
});

describe('What was given', () => {
  it('is recorded, completes the record, and is told with all it is about', async () => {
    const { order, post, told } = await planned('GIVEN');
    const { status, headers, body } = await post();
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('W/"1"');
    expect(headers.get('location')).toBe(`/fhir/MedicationAdministration/${(body as { id: string }).id}`);
    await service.planOf(order, 'completed');
    const [event] = await told();
    expect(event!.map((one) => one.resourceType).sort()).toEqual([
      'MedicationAdministration',
      'MedicationRequest',
      'Patient',
      'ServiceRequest',
    ]);
    expect(event).toContainEqual(expect.objectContaining({ resourceType: 'MedicationRequest', status: 'completed' }));
    const audits = await service.sql('SELECT 1 FROM audit_event WHERE body::text LIKE $1', [
      `%${(body as { id: string }).id}%`,
    ]);
    expect(audits).toHaveLength(1);
  });

  it('is one, however often it is sent, also at the same moment', async () => {
    const { post, told } = await planned('TWICE');
    const answers = await Promise.all([post(), post(), post(), post()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => (body as { id: string }).id)).size).toBe(1);
    expect(await told()).toHaveLength(1);
    const conditional = { 'if-none-exist': 'identifier=urn:test:injector|TWICE' };
    const other = { effectiveDateTime: '2026-03-02T12:00:00+01:00' };
    expect((await post(other)).status).toBe(409);
    expect(await post(other, conditional)).toMatchObject({
      status: 200,
      body: { effectiveDateTime: '2026-03-02T10:05:00+01:00' },
    });
    expect((await post(other, { 'if-none-exist': 'name=x' })).status).toBe(400);
    expect(await told()).toHaveLength(1);
  });

  it('is refused where something is missing, naming the element', async () => {
    const { post, told, order } = await planned('REFUSED');
    const place = (answer: { status: number; body: never }) => [
      answer.status,
      (answer.body as OperationOutcome).issue[0]!.expression?.[0],
    ];
    expect(
      place(await post({ contained: [], medicationReference: undefined, medicationCodeableConcept: { text: 'x' } })),
    ).toEqual([400, 'MedicationAdministration.contained']);
    expect(place(await post({ dosage: { route: { text: 'IV' } } }))).toEqual([
      400,
      'MedicationAdministration.dosage.dose',
    ]);
    expect(place(await post({ request: { reference: 'MedicationRequest/none' } }))).toEqual([
      404,
      'MedicationAdministration.request',
    ]);
    expect(await told()).toEqual([]);
    await service.planOf(order);
  });

  it('is recorded and told though its order was cancelled meanwhile, and opens nothing again', async () => {
    const { post, told, patient, order } = await planned('CANCELLED');
    await service.tell('imaging.order.cancelled.v1', { ...order, status: 'revoked' }, patient);
    await service.planOf(order, 'cancelled');
    expect((await post()).status).toBe(201);
    expect(await told()).toHaveLength(1);
    await service.planOf(order, 'cancelled');
  });

  it('is corrected by whoever read the last version; what was said before is kept', async () => {
    const { post, told, plan, order } = await planned('CORRECT');
    const recorded = (await post()).body as MedicationAdministration;
    const path = `MedicationAdministration/${recorded.id}`;
    const dosage = { ...recorded.dosage!, dose: { value: 60, unit: 'mL' } };
    const put = (overrides: object, version?: string) =>
      service.send('PUT', path, { ...recorded, ...overrides }, version ? { 'if-match': `W/"${version}"` } : {});
    expect((await put({ dosage })).status).toBe(412);
    expect(await put({ dosage }, '1')).toMatchObject({ status: 200, body: { dosage, meta: { versionId: '2' } } });
    expect((await put({ dosage: recorded.dosage }, '1')).status).toBe(412);
    expect((await put({ id: 'another', dosage }, '2')).status).toBe(400);
    const history = (await (
      await fetch(`${service.url}/fhir/${path}/_history`)
    ).json()) as Bundle<MedicationAdministration>;
    expect(history.entry!.map(({ resource }) => resource!.dosage!.dose!.value)).toEqual([60, 78]);

    await service.planOf(order, 'completed');
    expect((await put({ status: 'entered-in-error' }, '2')).status).toBe(200);
    await service.planOf(order, 'active');
    expect(await told()).toHaveLength(3);
    expect(
      (
        await service.send('PUT', 'MedicationAdministration/none', anAdministration(plan, { id: 'none' }), {
          'if-match': 'W/"1"',
        })
      ).status,
    ).toBe(404);
  });

  it('is not found by a number that a correction gave to a second one', async () => {
    const [one, other] = [await planned('SHARED1'), await planned('SHARED2')];
    await one.post();
    const recorded = (await other.post()).body as MedicationAdministration;
    const identifier = [...recorded.identifier!, { system: 'urn:test:injector', value: 'SHARED1' }];
    const path = `MedicationAdministration/${recorded.id}`;
    expect((await service.send('PUT', path, { ...recorded, identifier }, { 'if-match': 'W/"1"' })).status).toBe(200);
    expect((await one.post({}, { 'if-none-exist': 'identifier=urn:test:injector|SHARED1' })).status).toBe(412);
  });

  it('is not told where nothing was given', async () => {
    const { post, told, order } = await planned('NOTDONE');
    expect((await post({ status: 'not-done', dosage: undefined })).status).toBe(201);
    expect(await told()).toEqual([]);
    await service.planOf(order, 'active');
  });
});
