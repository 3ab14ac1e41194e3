import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, DetectedIssue, Extension, MedicationAdministration, OperationOutcome, Patient } from 'fhir/r4.js';
import { contrastScreeningIdOf, extensions, uuidFrom } from '#fhir';
import { anAdministration, anObservation, aPatient, aServiceRequest, until } from '#testing';
import { AContrastService } from '../a-contrast-service.spec.js';

/** The shipped example, signed off. */
function signedPolicyFile(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
  const shipped = readFileSync('deploy/local/contrast-policy.yaml', 'utf8');
  writeFileSync(path, `signedOff: { by: 'Dr. Example', on: '2026-01-01' }\n${shipped}`);
  return path;
}
const injectors = [
  {
    name: 'CT1',
    system: 'urn:test:ct1',
    columns: { number: 'Injection ID', order: 'Accession', volume: 'Contrast (mL)' },
    values: { status: { Done: 'completed' } },
    pressureUnit: 'psi' as const,
  },
];

let service: AContrastService;
beforeAll(async () => (service = await AContrastService.start(signedPolicyFile(), { injectors })), 60_000);
afterAll(() => service?.stop());

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const mL = (value: number) => ({ value, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' });
const said = (right: string, reason: string): Extension => ({
  url: extensions.givenAlthough,
  extension: [
    { url: 'right', valueCode: right },
    { url: 'reason', valueString: reason },
  ],
});
const drug = (text: string, lot?: string): MedicationAdministration['contained'] => [
  { resourceType: 'Medication', id: 'm', code: { text }, ...(lot ? { batch: { lotNumber: lot } } : {}) } as never,
];

/** An exam with contrast that screening lets go on, and what a person and an injector post of it. */
async function screened(name: string) {
  const patient = aPatient({ mrn: name, gender: 'male' });
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' },
  });
  const answers = ['KIDNEY', 'METFORMIN', 'REACTION'].map((code) => no(code, patient));
  await service.tell('imaging.order.placed.v1', order, patient, ...answers);
  const plan = await service.planOf(order);
  const examId = contrastScreeningIdOf(order.id!);
  await until(
    async () =>
      (await service.get<DetectedIssue>(`/fhir/DetectedIssue/${examId}`)).code?.coding?.[0]?.code === 'proceed',
    { what: 'the exam to be screened' },
  );
  const stated = (overrides: Partial<MedicationAdministration>, number: string) =>
    anAdministration(plan, {
      identifier: [{ system: 'urn:test', value: `${name}-${number}` }],
      effectiveDateTime: minutesAgo(5),
      ...overrides,
    });
  const person = (overrides: Partial<MedicationAdministration> = {}, number = 'P') =>
    service.send('POST', 'MedicationAdministration', stated(overrides, number));
  const injector = (overrides: Partial<MedicationAdministration> = {}, number = 'I') =>
    person(
      { performer: [{ actor: { type: 'Device', display: 'CT1' } }], contained: drug('contrast'), ...overrides },
      number,
    );
  const all = async () =>
    (
      (await service.get<Bundle<MedicationAdministration>>(`/fhir/MedicationAdministration?patient=${patient.id}`))
        .entry ?? []
    ).map(({ resource }) => resource!);
  const issues = async () =>
    ((await service.get<Bundle<DetectedIssue>>(`/fhir/DetectedIssue?patient=${patient.id}`)).entry ?? [])
      .map(({ resource }) => resource!)
      .filter(
        ({ status, code }) => status === 'final' && code?.coding?.[0]?.system === 'urn:collimator:administration-right',
      );
  const told = () => service.published('imaging.contrast.administered.v1', patient.id!);
  return { patient, order, plan, stated, person, injector, all, issues, told };
}

function no(code: string, patient: Patient) {
  return anObservation('', {
    patient,
    id: uuidFrom('Observation', patient.id!, code),
    code: { coding: [{ system: 'urn:collimator:code-system:99CONTRAST', code }] },
    effectiveDateTime: minutesAgo(60),
    valueCodeableConcept: { coding: [{ code: 'N' }] },
  });
}
const outcome = ({ status, body }: { status: number; body: unknown }) => [
  status,
  (body as OperationOutcome).issue?.map(({ expression, diagnostics }) => [expression?.[0], diagnostics]),
];
const deviations = ({ extension = [] }: MedicationAdministration) =>
  extension
    .filter(({ url }) => url === extensions.deviation)
    .map((one) => one.extension!.map(({ valueCode, valueString }) => valueCode ?? valueString));

describe('Before it is given', () => {
  it('the five rights are checked, and every reason is told', async () => {
    const { stated } = await screened('BEFORE');
    const check = (overrides: Partial<MedicationAdministration>) =>
      service.send('POST', 'MedicationAdministration/$check', stated({ status: 'in-progress', ...overrides }, 'C'));
    expect((await check({})).status).toBe(200);
    const [status, issues] = outcome(
      await check({
        contained: drug('iohexol'),
        subject: { identifier: { value: 'ANOTHER' } },
        effectiveDateTime: minutesAgo(-60),
      }),
    );
    expect(status).toBe(409);
    expect(issues).toEqual([
      ['MedicationAdministration.subject.identifier', expect.stringContaining("not one of the patient's")],
      [
        'MedicationAdministration.medicationReference',
        expect.stringContaining('iohexol is not what was planned and screened, iopromide'),
      ],
      ['MedicationAdministration.effectiveDateTime', expect.stringContaining('future')],
    ]);
    expect(
      (await check({ contained: drug('iohexol'), extension: [said('agent', 'iopromide is out of stock')] })).status,
    ).toBe(200);
    expect((await check({ subject: { identifier: { value: 'BEFORE' } } })).status).toBe(200);
  });

  it('an administration that begins is refused in the same way', async () => {
    const { person, all } = await screened('BEGINS');
    expect((await person({ status: 'in-progress', contained: drug('iohexol', 'L') })).status).toBe(409);
    expect(await all()).toEqual([]);
    expect((await person({ status: 'in-progress' })).status).toBe(201);
  });
});

describe('After it was given', () => {
  it('a person is asked for a reason where the policy says so, and it is recorded and flagged with it', async () => {
    const { person, issues, told } = await screened('REASON');
    const contained = drug('iohexol', 'L');
    const [status, refused] = outcome(await person({ contained }));
    expect([status, refused]).toEqual([
      409,
      [['MedicationAdministration.medicationReference', expect.stringContaining('send it again with a reason')]],
    ]);
    expect((await person({ contained, extension: [said('agent', 'iopromide ran out')] })).status).toBe(201);
    expect(await issues()).toEqual([
      expect.objectContaining({
        severity: 'high',
        mitigation: [expect.objectContaining({ action: { text: 'iopromide ran out' } })],
      }),
    ]);
    expect(await told()).toHaveLength(1);
  });

  it('an injector is never refused for it, but for the wrong patient', async () => {
    const { injector, issues } = await screened('INJECTOR');
    expect((await injector({ subject: { identifier: { value: 'ANOTHER' } } }, 'X')).status).toBe(409);
    expect((await injector({ contained: drug('iohexol') })).status).toBe(201);
    expect((await issues()).map(({ code }) => code!.coding![0]!.code)).toEqual(['agent']);
  });

  it('what was corrected to be right is flagged no more', async () => {
    const { person, issues, all } = await screened('RIGHTED');
    await person({ contained: drug('iohexol', 'L'), extension: [said('agent', 'ran out')] });
    const [recorded] = await all();
    const put = await service.send(
      'PUT',
      `MedicationAdministration/${recorded!.id}`,
      { ...recorded, contained: drug('iopromide', 'L') },
      { 'if-match': 'W/"1"' },
    );
    expect(put.status).toBe(200);
    expect(await issues()).toEqual([]);
  });
});

describe('What a person and an injector say', () => {
  it.each([
    ['the injector first', true],
    ['the person first', false],
  ])('of one injection is one administration: %s', async (_, injectorFirst) => {
    const { person, injector, all, told } = await screened(injectorFirst ? 'BOTH1' : 'BOTH2');
    const byPerson = () => person({ dosage: { ...anAdministration({ id: 'x', subject: {} }).dosage, dose: mL(80) } });
    const byInjector = () => injector({ effectiveDateTime: minutesAgo(3), dosage: { dose: mL(62.5) } });
    const first = await (injectorFirst ? byInjector() : byPerson());
    const second = await (injectorFirst ? byPerson() : byInjector());
    expect([first.status, second.status]).toEqual([201, 200]);
    const id = (first.body as MedicationAdministration).id!;
    const [one, ...more] = await all();
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      id,
      dosage: { dose: { value: 62.5 }, route: { text: 'Intravenous route' } },
      contained: [{ batch: { lotNumber: 'LOT7' } }],
    });
    expect(one!.identifier!.map(({ value }) => value!.at(-1))).toEqual(injectorFirst ? ['I', 'P'] : ['P', 'I']);
    expect(deviations(one!)).toEqual([
      ['stated-dose', 'the injector says 62.5 mL, the person 80 mL'],
      ['dose', 'planned 80 mL, given 62.5 mL'],
    ]);
    // Others heard it corrected, not twice; and each again is the same.
    expect(
      (await told()).map((event) => event.find(({ resourceType }) => resourceType === 'MedicationAdministration')!.id),
    ).toEqual([id, id]);
    const { statements } = await service.get<{ statements: { by: string }[] }>(`/administrations/${id}/statements`);
    expect(statements.map(({ by }) => by)).toEqual(injectorFirst ? ['injector', 'person'] : ['person', 'injector']);
    const history = await service.get<Bundle>(`/fhir/MedicationAdministration/${id}/_history`);
    expect(history.total).toBe(2);
  });

  it('again is the same, and of two injections stays two', async () => {
    const { person, injector, stated, all, told } = await screened('TWO');
    const test = { dosage: { ...stated({}, '').dosage, dose: mL(20) }, effectiveDateTime: minutesAgo(9) };
    const main = { dosage: { ...stated({}, '').dosage, dose: mL(60) }, effectiveDateTime: minutesAgo(5) };
    expect((await injector(test, 'I1')).status).toBe(201);
    expect((await person(main, 'P2')).status).toBe(200);
    // Nearer to it than the first one: it is the person's, and the test bolus stands alone again.
    expect((await injector(main, 'I2')).status).toBe(200);
    expect((await person(test, 'P1')).status).toBe(200);
    expect((await injector(main, 'I2')).status).toBe(200);
    const standing = (await all()).map(({ identifier, status, dosage }) => [
      status,
      dosage!.dose!.value,
      identifier!.map(({ value }) => value!.slice(-2)).sort(),
    ]);
    expect(standing.sort()).toEqual([
      ['completed', 20, ['I1', 'P1']],
      ['completed', 60, ['I2', 'P2']],
    ]);
    const before = (await told()).length;
    expect((await person(test, 'P1')).status).toBe(200);
    expect(await told()).toHaveLength(before);
  });

  it('is corrected by who saw both, and stays so', async () => {
    const { person, injector, all } = await screened('SETTLED');
    await person({});
    await injector({});
    const [both] = await all();
    const corrected = { ...both, dosage: { ...both!.dosage, dose: mL(70) } };
    expect(
      (await service.send('PUT', `MedicationAdministration/${both!.id}`, corrected, { 'if-match': 'W/"2"' })).status,
    ).toBe(200);
    expect((await injector({})).status).toBe(409);
    const [one, ...more] = await all();
    expect([one!.dosage!.dose!.value, one!.identifier!.length, more.length]).toEqual([70, 2, 0]);
    const { statements } = await service.get<{ statements: { replaced: boolean }[] }>(
      `/administrations/${one!.id}/statements`,
    );
    expect(statements.map(({ replaced }) => replaced)).toEqual([true, false, false]);
  });
});

describe('A file of an injector', () => {
  const send = async (text: string, injector = 'CT1') => {
    const response = await fetch(`${service.url}/injector-reports?injector=${injector}`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: text,
    });
    return { status: response.status, body: (await response.json()) as { lines: Record<string, unknown>[] } };
  };
  it('is taken line by line, each told of, and again is the same', async () => {
    const { all } = await screened('CSV');
    const file = [
      'Injection ID;Accession;start;Contrast (mL);status;rate;planned-volume;saline-volume;peak-pressure;pressure-limit;Vendor Column',
      `1;CSV;${minutesAgo(5)};75.5;Done;3;80;40;290;290;x`,
      `2;NOBODY;${minutesAgo(5)};75.5;Done;;;;;;`,
      `3;CSV;yesterday;75.5;Done;;;;;;`,
      `4;CSV;${minutesAgo(5)};75,5;Done;;;;;;`,
      `5;CSV;${minutesAgo(300)};0;Done;;;;;;`,
    ].join('\r\n');
    const { status, body } = await send(file);
    expect(status).toBe(200);
    expect(body.lines).toEqual([
      expect.objectContaining({ line: 2, number: '1', outcome: 'new' }),
      expect.objectContaining({ line: 3, number: '2', outcome: 'refused', code: 'unknown-key', field: 'order' }),
      expect.objectContaining({ line: 4, number: '3', outcome: 'refused', field: 'start' }),
      expect.objectContaining({ line: 5, number: '4', outcome: 'refused', field: 'volume' }),
      expect.objectContaining({ line: 6, number: '5', outcome: 'new' }),
    ]);
    const given = (await all()).find(({ status }) => status === 'completed')!;
    expect(given).toMatchObject({ dosage: { dose: mL(75.5) }, identifier: [{ system: 'urn:test:ct1', value: '1' }] });
    expect(given.extension!.filter(({ url }) => url === extensions.injectionPhase)).toHaveLength(2);
    expect(deviations(given)).toContainEqual(['pressure', 'phase 1: the pressure reached its limit']);
    const again = await send(file);
    expect(again.body.lines.map(({ outcome }) => outcome)).toEqual(['same', 'refused', 'refused', 'refused', 'same']);
  });
  it('of an unknown injector, or without its columns, is refused whole', async () => {
    expect((await send('x', 'NONE')).status).toBe(422);
    expect((await send('a,b\n1,2')).status).toBe(400);
  });
});

describe('A barcode', () => {
  it('is read for a console, with the product the policy knows', async () => {
    const response = await fetch(`${service.url}/barcodes/read`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ barcode: ']d2010952123400001317281200\u001d10ABC' }),
    });
    expect(await response.json()).toMatchObject({
      gtin: '09521234000013',
      lot: 'ABC',
      expiry: '2028-12-31',
      text: '(01)09521234000013(17)281200(10)ABC',
      product: { agent: 'iopromide', volumeMl: 100, kind: 'single-dose' },
    });
  });
  it('completes what was given', async () => {
    const { person } = await screened('BARCODE');
    const barcode = { url: extensions.barcode, valueString: '(01)09521234000013(17)281200(10)ABC' };
    const contained = [{ resourceType: 'Medication', id: 'm', extension: [barcode] } as never];
    expect(await person({ contained })).toMatchObject({
      status: 201,
      body: { contained: [{ batch: { lotNumber: 'ABC', expirationDate: '2028-12-31' } }] },
    });
  });
});
