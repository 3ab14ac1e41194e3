import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { anAdministration, aMergeMessage, anAdtMessage, anOrmMessage, anOruMessage, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import { fieldOf } from '../sandbox/hl7.js';
import type { RunningExam, WorklistLine } from '../sandbox/scanner.js';

/** domain.md, journey 2: nobody knows who it is; the exam is done in seconds, and the identity comes later. */
journey('the trauma journey', (start) => {
  let department: Department;
  let line: WorklistLine;
  let exam: RunningExam;
  beforeAll(async () => (department = await start()), 120_000);
  afterAll(() => department?.stop());

  const unknown = { mrn: 'TRAUMA9', familyName: 'UNKNOWN', givenName: 'Trauma' };
  const known = { mrn: 'KNOWN9', familyName: 'Tester', givenName: 'Tilda' };
  const order = { placerOrderNumber: 'T9', procedure: 'CTCHESTC' };
  /** A service's resources about a patient of that number. */
  const numberOf = async (service: 'orders' | 'scheduling' | 'contrast' | 'results', type: string) => {
    const { entry = [] } = (await (await fetch(`${department[service].url}/fhir/${type}`)).json()) as {
      entry?: { resource: ServiceRequest }[];
    };
    const numbers = entry.map(async ({ resource }) => {
      const patient = await fetch(`${department[service].url}/fhir/${resource.subject.reference}`);
      return ((await patient.json()) as { identifier: { value: string }[] }).identifier[0]!.value;
    });
    return Promise.all(numbers);
  };

  it('has an unidentified patient first on the worklist', async () => {
    await department.send(anOrmMessage({ mrn: 'OTHER9', placerOrderNumber: 'OTHER9' }));
    await department.onWorklist('OTHER9');
    await department.send(anAdtMessage({ ...unknown, event: 'A01', patientClass: 'E', visitNumber: 'V9' }));
    expect(acknowledgedAs(await department.send(anOrmMessage({ ...unknown, ...order, priority: 'S' })))).toBe('AA');
    line = await department.onWorklist('T9');
    expect((await department.worklist())[0]).toMatchObject({ patientId: 'TRAUMA9', patientName: 'UNKNOWN^Trauma' });
  });

  it('goes on under the temporary number: exam, contrast, images', async () => {
    exam = await department.scanner().start(line);
    const plans = (await (await fetch(`${department.contrast.url}/fhir/MedicationRequest`)).json()) as {
      entry: { resource: { id: string; subject: object } }[];
    };
    const given = await fetch(`${department.contrast.url}/fhir/MedicationAdministration`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(anAdministration(plans.entry[0]!.resource)),
    });
    expect(given.status).toBe(201);
    await department.scanner().storeImages(exam, department.pacsAddress);
  });

  it('learns who it is while the exam goes on, and everything follows', async () => {
    await department.send(anAdtMessage({ ...known, event: 'A28' }));
    expect(acknowledgedAs(await department.send(aMergeMessage({ ...known, prior: 'TRAUMA9' })))).toBe('AA');
    for (const [service, type] of [
      ['orders', 'ServiceRequest'],
      ['orders', 'Encounter'],
      ['scheduling', 'Procedure'],
      ['scheduling', 'ServiceRequest'],
      ['contrast', 'MedicationAdministration'],
      ['contrast', 'MedicationRequest'],
      ['results', 'ServiceRequest'],
      ['results', 'Procedure'],
    ] as const)
      await until(async () => (await numberOf(service, type)).every((number) => number !== 'TRAUMA9'), {
        what: `${type} in ${service} to follow`,
        within: 15_000,
      });
  });

  it('ends as the identified patient’s, though the scanner still has the old number', async () => {
    await department.scanner().complete(exam);
    const study = await until(async () => (await department.inEmrOf(known.mrn, 'ImagingStudy'))[0], {
      what: 'the study in the EMR',
      within: 30_000,
    });
    expect(study).toMatchObject({ status: 'available', numberOfInstances: 2 });
    const last = () => department.emr.messages.at(-1)!;
    await until(() => department.emr.messages.some((one) => one.includes('|completed|')), { what: 'the end by HL7' });
    expect(fieldOf(last(), 'PID', 3)).toMatch(/^KNOWN9\^/);
    expect(fieldOf(last(), 'PID', 5)).toBe('Tester^Tilda');
  });

  it('has its report filed, under whichever number it was dictated', async () => {
    const report = anOruMessage({ ...unknown, ...order, accessionNumber: line.accessionNumber, text: 'No bleeding.' });
    expect(acknowledgedAs(await department.send(report, department.results))).toBe('AA');
    const told = () => department.emr.messages.find((one) => one.includes('No bleeding.'));
    expect(fieldOf(await until(told, { what: 'the report by ORU' }), 'PID', 3)).toMatch(/^KNOWN9\^/);
    const filed = () => department.inEmrOf(known.mrn, 'DiagnosticReport');
    await until(async () => (await filed()).length > 0, { what: 'the report in the EMR', within: 30_000 });
    expect(await filed()).toHaveLength(1);
  });

  it('has parked nothing', async () => {
    for (const service of Object.values(department.services))
      expect(await (await fetch(`${service.url}/parked`)).json()).toEqual({ parked: [] });
  });
});
