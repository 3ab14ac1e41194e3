import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DiagnosticReport, FhirResource, Observation, Procedure, ServiceRequest } from 'fhir/r4.js';
import { anOrmMessage, anOruMessage, peerSuite, until } from '#testing';
import { freePorts } from '../../deploy/local/ports.mjs';
import { acknowledgedAs, Department } from '../department.js';
import { SandboxTechnologist } from '../sandbox/technologist.js';
import { ask, hapiPeer, startHapi, type Hapi } from './hapi.js';

/** What the EMR holds of an exam that was reported. */
const told = [
  'ServiceRequest',
  'Procedure',
  'MedicationAdministration',
  'ImagingStudy',
  'Observation',
  'DiagnosticReport',
] as const;

interface Delivery {
  state: string;
  code: string | null;
  reason: string | null;
}

// HAPI refuses references that do not resolve and content that is no valid R4: what it takes, an EMR can take.
peerSuite('HAPI FHIR as EMR', hapiPeer, () => {
  let department: Department;
  let hapi: Hapi;
  let port: number;
  beforeAll(async () => {
    [port] = (await freePorts(1)) as [number];
    const emrFhir = { url: `http://127.0.0.1:${port}/fhir`, timeoutSeconds: 30 };
    department = await Department.start(undefined, { hospital: { emrFhir } });
  }, 120_000);
  afterAll(async () => {
    await department?.stop();
    await hapi?.stop();
  });

  const order = (number: string) => ({ mrn: number, placerOrderNumber: number, procedure: 'CTCHESTC' });
  const place = async (number: string) => {
    expect(acknowledgedAs(await department.send(anOrmMessage(order(number))))).toBe('AA');
    return department.onWorklist(number);
  };
  const report = async (number: string, status: 'P' | 'F' | 'C', text: string) => {
    const message = anOruMessage({ ...order(number), status, text });
    expect(acknowledgedAs(await department.send(message, department.results))).toBe('AA');
  };
  const deliveries = (fact?: string) =>
    department
      .rows<Delivery & { fact: string }>(
        'results',
        `SELECT state, code, reason, body->>'fact' AS fact FROM delivery WHERE destination = 'emr-fhir' ORDER BY seq`,
      )
      .then((all) => all.filter((one) => !fact || one.fact === fact));
  const allDone = (count: number) =>
    until(async () => (await deliveries()).filter(({ state }) => state === 'done').length === count, {
      within: 60_000,
      what: `${count} deliveries done`,
    });

  it('is down while an exam is ordered, done and documented; nothing is lost', async () => {
    const line = await place('H1');
    const exam = await department.scanner().start(line);
    const technologist = new SandboxTechnologist(department.contrast.url);
    const plan = await until(() => technologist.planOf('H1'), { what: 'the contrast record' });
    await technologist.record(plan, 'INJ-H1');
    await department.scanner().storeImages(exam, department.pacsAddress);
    await department.scanner().complete(exam);
    await until(async () => (await deliveries('result.study-available')).length === 1, { what: 'the study found' });
    const to = { host: '127.0.0.1', port: department.results.dicomPort, aeTitle: 'COLLIMATOR' };
    await department.scanner().storeDoseReport(exam, to, { ctdiVolMgy: 6.2, dlpMgyCm: 240.5 });
    expect((await deliveries()).map(({ state }) => state)).toEqual(Array(5).fill('waiting'));
  }, 60_000);

  it('is up again and is told everything, in the order it happened, so that each refers to what is there', async () => {
    hapi = await startHapi(port);
    await report('H1', 'P', 'Probably no nodule.');
    await report('H1', 'F', 'No nodule.');
    await allDone(7);
    const statuses = async (type: 'Procedure' | 'DiagnosticReport') =>
      (await ask<Procedure | DiagnosticReport>(hapi, `${type}/_history`)).map(({ status }) => status).reverse();
    expect(await statuses('Procedure')).toEqual(['in-progress', 'completed']);
    expect(await statuses('DiagnosticReport')).toEqual(['preliminary', 'final']);
  }, 300_000);

  it('holds one of each, true to the exam, with references that lead to them', async () => {
    const [patient, ...namesakes] = await ask(hapi, 'Patient?identifier=H1');
    expect(namesakes).toEqual([]);
    const [request, ...others] = await ask<ServiceRequest>(hapi, 'ServiceRequest?identifier=H1');
    expect(others).toEqual([]);
    expect(request).toMatchObject({ status: 'completed', subject: { reference: `Patient/${patient!.id}` } });
    for (const type of told) {
      const all = await ask<FhirResource>(hapi, `${type}?subject=Patient/${patient!.id}`);
      expect([type, all.length]).toEqual([type, 1]);
      expect(all[0]).toMatchObject({
        status:
          { ImagingStudy: 'available', DiagnosticReport: 'final', Observation: 'final' }[type as string] ?? 'completed',
      });
      if (type !== 'ServiceRequest') expect(JSON.stringify(all[0])).toContain(`"ServiceRequest/${request!.id}"`);
    }
    const [study] = await ask<FhirResource>(hapi, 'ImagingStudy');
    const [dose] = await ask<Observation>(hapi, 'Observation');
    const theirs = { reference: `ImagingStudy/${study!.id}` };
    expect(dose).toMatchObject({
      focus: [theirs],
      partOf: [theirs],
      valueString: expect.stringContaining('240.5 mGy.cm'),
    });
  });

  it('has one report still when it is corrected, the version before in its history', async () => {
    await report('H1', 'C', 'A nodule after all.');
    await allDone(8);
    const [filed, ...others] = await ask<DiagnosticReport>(hapi, 'DiagnosticReport');
    expect(others).toEqual([]);
    expect(filed).toMatchObject({ status: 'corrected', meta: { versionId: '3' } });
    expect(Buffer.from(filed!.presentedForm![0]!.data!, 'base64').toString()).toBe('A nodule after all.');
  });

  it('refuses one exam, whose order it holds twice: that patient waits with the reason, others go on', async () => {
    const [request] = await ask<ServiceRequest>(hapi, 'ServiceRequest?identifier=H1');
    const identifier = request!.identifier!.filter(({ value }) => value === 'H1');
    const twin = {
      ...request!,
      id: undefined,
      meta: undefined,
      identifier: identifier.map((one) => ({ ...one, value: 'H2' })),
    };
    for (let times = 0; times < 2; times++) {
      const created = await fetch(`${hapi.url}/ServiceRequest`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(twin),
      });
      expect(created.status).toBe(201);
    }
    await department.scanner().start(await place('H2'));
    const parked = await until(async () => (await deliveries()).find(({ state }) => state === 'parked'), {
      within: 30_000,
      what: 'the refused delivery',
    });
    expect(parked).toMatchObject({ fact: 'schedule.exam-started', code: 'peer-refused' });
    expect(parked.reason).toMatch(/412/);

    await department.scanner().start(await place('H3'));
    await allDone(9);
    expect(await ask<Procedure>(hapi, 'Procedure?status=in-progress')).toHaveLength(1);
  }, 60_000);
});
