import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { MedicationRequest } from 'fhir/r4.js';
import { anAdministration, anOrmMessage, anOruMessage, until } from '#testing';
import { acknowledgedAs, dicomOf, type Department } from '../department.js';
import { journey } from '../journey.js';
import type { RunningExam, WorklistLine } from '../sandbox/scanner.js';

/** domain.md, journey 1: order, worklist, exam, images, report, and an EMR that knows it all. */
journey('the routine journey of a CT with contrast', (start) => {
  let department: Department;
  let line: WorklistLine;
  let exam: RunningExam;
  beforeAll(async () => (department = await start()), 120_000);
  afterAll(() => department?.stop());

  const order = { mrn: 'ROUTINE1', placerOrderNumber: 'R1', procedure: 'CTCHESTC' };
  const stored = <
    T extends 'ServiceRequest' | 'ImagingStudy' | 'DiagnosticReport' | 'MedicationAdministration' | 'Observation',
  >(
    type: T,
  ) => department.inEmrOf(order.mrn, type);

  it("takes the physician's order and acknowledges it", async () => {
    expect(acknowledgedAs(await department.send(anOrmMessage(order)))).toBe('AA');
  });

  it('has it on the right scanner and on no other', async () => {
    line = await department.onWorklist('R1');
    expect(line).toMatchObject({ patientId: 'ROUTINE1', patientName: 'Tester^Tilda' });
    expect(line.accessionNumber).toMatch(/^TST\d{8}$/);
    expect(await department.worklist('DX01')).toEqual([]);
  });

  it('opens a contrast record with the planned agent', async () => {
    const [plan] = await until(
      async () => {
        const response = await fetch(`${department.contrast.url}/fhir/MedicationRequest?status=active`);
        return ((await response.json()) as { entry: { resource: { id: string } }[] }).entry.map((one) => one.resource);
      },
      { what: 'the contrast record' },
    );
    expect(plan).toMatchObject({ intent: 'plan', medicationCodeableConcept: { text: 'iopromide' } });
  });

  it('follows the exam: it leaves the worklist when it begins', async () => {
    exam = await department.scanner().start(line);
    expect(await department.worklist()).toEqual([]);
  });

  it('records the contrast given, and refuses one without its lot number', async () => {
    const without = await postAdministration(department, line, {
      contained: undefined,
      medicationReference: undefined,
      medicationCodeableConcept: { text: 'iopromide' },
    });
    expect(without.status).toBe(400);
    expect(await without.json()).toMatchObject({ issue: [{ expression: ['MedicationAdministration.contained'] }] });
    expect((await postAdministration(department, line)).status).toBe(201);
    expect((await postAdministration(department, line)).status).toBe(200);
  });

  it('finds the images in the PACS and tells the EMR', async () => {
    await department.scanner().storeImages(exam, department.pacsAddress);
    await department.scanner().complete(exam);
    const study = await until(async () => (await stored('ImagingStudy'))[0], {
      what: 'the study in the EMR',
      within: 30_000,
    });
    expect(study).toMatchObject({ status: 'available', numberOfInstances: 2 });
  });

  it('records the dose that the scanner reports, and tells the EMR of which study it is', async () => {
    await department.scanner().storeDoseReport(exam, dicomOf(department.results), { ctdiVolMgy: 6.2, dlpMgyCm: 240.5 });
    const dose = await until(async () => (await stored('Observation'))[0], {
      what: 'the dose in the EMR',
      within: 30_000,
    });
    const study = { reference: `ImagingStudy/${(await stored('ImagingStudy'))[0]!.id}` };
    expect(dose).toMatchObject({ status: 'final', focus: [study], partOf: [study], basedOn: [{}] });
    expect(dose.component!.map(({ valueQuantity }) => valueQuantity!.value)).toEqual([240.5, 6.2]);
  });

  it('files the report and tells the EMR', async () => {
    const report = anOruMessage({ ...order, accessionNumber: line.accessionNumber, text: 'No nodule.' });
    expect(acknowledgedAs(await department.send(report, department.results))).toBe('AA');
    const filed = await until(async () => (await stored('DiagnosticReport'))[0], {
      what: 'the report in the EMR',
      within: 30_000,
    });
    expect(filed).toMatchObject({ status: 'final' });
    expect(Buffer.from(filed.presentedForm![0]!.data!, 'base64').toString()).toBe('No nodule.');
  });

  it('leaves the EMR with the order completed, one of each, and the same by HL7', async () => {
    await until(async () => (await stored('ServiceRequest'))[0]?.status === 'completed', {
      what: 'the order completed in the EMR',
      within: 30_000,
    });
    for (const type of [
      'ServiceRequest',
      'ImagingStudy',
      'DiagnosticReport',
      'MedicationAdministration',
      'Observation',
    ] as const)
      expect(await stored(type)).toHaveLength(1);
    await until(() => department.emr.messages.some((message) => message.includes('No nodule.')), {
      what: 'the report by ORU',
    });
    const messages = department.emr.messages.join('\n');
    for (const said of ['|completed|', '|started|', 'CONTRASTLOT', 'VIEWER', '|240.5|mGy.cm^'])
      expect(messages).toContain(said);
  });

  it('has parked nothing, and left no patient data in any log', async () => {
    for (const service of Object.values(department.services)) {
      expect(await (await fetch(`${service.url}/parked`)).json()).toEqual({ parked: [] });
      for (const canary of ['Tester', 'Tilda', 'ROUTINE1', '19700131', 'No nodule'])
        expect(service.output()).not.toContain(canary);
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      for (const canary of ['Tester', 'ROUTINE1']) expect(metrics).not.toContain(canary);
    }
  });
});

async function postAdministration(
  department: Department,
  line: WorklistLine,
  overrides: object = {},
): Promise<Response> {
  const found = await fetch(`${department.contrast.url}/fhir/MedicationRequest`);
  const [entry] = ((await found.json()) as { entry: { resource: MedicationRequest }[] }).entry;
  const identifier = [{ system: 'urn:test:injector', value: `INJ-${line.accessionNumber}` }];
  return fetch(`${department.contrast.url}/fhir/MedicationAdministration`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(anAdministration(entry!.resource, { identifier, ...overrides })),
  });
}
