import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  Appointment,
  Bundle,
  DetectedIssue,
  Encounter,
  FhirResource,
  Observation,
  OperationOutcome,
  Patient,
  ServiceRequest,
  Task,
} from 'fhir/r4.js';
import { contrastScreeningIdOf, extensions, uuidFrom } from '#fhir';
import { aMerge, anAllergy, anObservation, aPatient, aServiceRequest, until } from '#testing';
import { AContrastService, signedPolicyFile } from '../a-contrast-service.spec.js';
import { ruleIssueIdOf } from './detected-issue.js';

const HOUR = 60 * 60 * 1000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();

let service: AContrastService;
beforeAll(async () => (service = await AContrastService.start(signedPolicyFile())), 60_000);
afterAll(() => service?.stop());

const question = (code: string, patient: Patient, answer = 'N') =>
  anObservation('', {
    patient,
    id: uuidFrom('Observation', patient.id!, code, answer),
    code: { coding: [{ system: 'urn:collimator:code-system:99CONTRAST', code }] },
    effectiveDateTime: inHours(-1),
    valueCodeableConcept: { coding: [{ code: answer }] },
  });
const egfr = (value: number, patient: Patient, effectiveDateTime = inHours(-24)): Observation =>
  anObservation('62238-1', { patient, effectiveDateTime, valueQuantity: { value, unit: 'mL/min/{1.73_m2}' } });

/** An order for contrast of a patient of whom all is known, and what screening says of it. */
async function screened(name: string, clinical: (patient: Patient) => FhirResource[] = () => []) {
  const patient = aPatient({ mrn: name, gender: 'male' });
  const visit: Encounter = {
    resourceType: 'Encounter',
    id: uuidFrom('Encounter', name),
    status: 'arrived',
    class: { code: 'AMB' },
    subject: { reference: `Patient/${patient.id}` },
  };
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' },
    encounter: { reference: `Encounter/${visit.id}` },
  });
  const known = ['KIDNEY', 'METFORMIN', 'REACTION'].map((code) => question(code, patient));
  await service.tell('imaging.order.placed.v1', order, patient, visit, ...known, ...clinical(patient));
  return { patient, order, ...watching(order) };
}

function watching(order: ServiceRequest) {
  const examId = contrastScreeningIdOf(order.id!);
  const outcome = (wanted: string) =>
    until(
      async () => {
        const issue = await service.get<DetectedIssue>(`/fhir/DetectedIssue/${examId}`);
        return issue.status === 'final' && issue.code?.coding?.[0]?.code === wanted && issue;
      },
      { what: `the screening to say ${wanted}` },
    );
  const issueOf = (rule: string) => service.get<DetectedIssue>(`/fhir/DetectedIssue/${ruleIssueIdOf(order.id!, rule)}`);
  const tasks = async () =>
    ((await service.get<Bundle<Task>>(`/fhir/Task?focus=${order.id}`)).entry ?? []).map(({ resource }) => resource!);
  const patientId = order.subject.reference!.replace('Patient/', '');
  return { outcome, issueOf, tasks, told: () => service.published('imaging.contrast.screened.v1', patientId) };
}

function booked(order: ServiceRequest, start: string, status: Appointment['status'] = 'booked'): Appointment {
  return {
    resourceType: 'Appointment',
    id: uuidFrom('Appointment', order.id!),
    status,
    start,
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    participant: [{ status: 'accepted' }],
  };
}

const renal = 'iodinated-renal-intravenous';
const mitigation = [{ action: { text: 'cannot wait' }, author: { display: 'Dr. Duty' }, date: inHours(-0.1) }];

describe('An exam with contrast', () => {
  it('is screened with its order and told once, and again when something of its patient changes', async () => {
    const { patient, order, outcome, told } = await screened('LABS');
    await outcome('proceed');
    expect((await told())[0]!.map((one) => one.resourceType)).toEqual([
      'DetectedIssue',
      'ServiceRequest',
      'Patient',
      'MedicationRequest',
    ]);
    // A laboratory value by ORU or FHIR comes as news of the patient.
    await service.tell('imaging.patient.updated.v1', patient, egfr(21, patient));
    const issue = await outcome('proceed-with-preparation');
    expect(issue.extension).toContainEqual(expect.objectContaining({ url: extensions.readyFrom }));
    const metformin = question('METFORMIN', patient, 'Y');
    await service.tell('imaging.patient.updated.v1', patient, metformin);
    await outcome('needs-decision');
    // The same once more changes nothing.
    const count = (await told()).length;
    await service.tell('imaging.patient.updated.v1', patient, metformin);
    await service.tell('imaging.order.cancelled.v1', { ...order, status: 'revoked' }, patient);
    await until(async () => (await told()).length > count, { what: 'the cancelled exam to be told' });
    expect((await told()).length).toBe(count + 1);
    expect((await told()).at(-1)![0]).toMatchObject({ id: contrastScreeningIdOf(order.id!), status: 'cancelled' });
  });

  it('and every other one of its patient is screened again', async () => {
    const { patient, outcome } = await screened('SEVERAL');
    const other = aServiceRequest({
      placerOrderNumber: 'SEVERAL2',
      accessionNumber: 'SEVERAL2',
      patient,
      procedure: { code: 'CTCHESTC', display: 'CT' },
    });
    const second = watching(other);
    await service.tell('imaging.order.placed.v1', other, patient);
    await Promise.all([outcome('proceed'), second.outcome('proceed')]);
    await service.tell(
      'imaging.order.changed.v1',
      other,
      patient,
      anAllergy('iohexol', { patient, reaction: [{ severity: 'severe', manifestation: [{ text: 'shock' }] }] }),
    );
    await Promise.all([outcome('stop'), second.outcome('stop')]);
    const found = await service.get<Bundle>(`/fhir/DetectedIssue?patient=${patient.id}&status=final`);
    expect(found.total).toBe(4);
    expect((await service.get<Bundle>(`/fhir/DetectedIssue?implicated=ServiceRequest/${other.id}`)).total).toBe(2);
  });

  it('is screened for the time it is booked for, and again when that is another', async () => {
    const { patient, order, outcome } = await screened('STALE', (patient) => [
      question('KIDNEY', patient, 'Y'),
      egfr(60, patient, inHours(-24 * 80)),
    ]);
    await outcome('proceed');
    await service.tell('imaging.schedule.booked.v1', booked(order, inHours(24 * 20)), order, patient);
    await outcome('needs-decision');
    await service.tell('imaging.schedule.moved.v1', booked(order, inHours(24 * 5)), order, patient);
    await outcome('proceed');
  });

  it('has the steps of its preparation as tasks, and needs a decision where they do not fit', async () => {
    const { patient, order, outcome, tasks, issueOf } = await screened('PREPARE', (patient) => [
      anAllergy('iohexol', { patient, reaction: [{ severity: 'mild', manifestation: [{ text: 'hives' }] }] }),
    ]);
    await outcome('proceed-with-preparation');
    expect((await tasks()).map(({ restriction }) => restriction)).toEqual([undefined, undefined, undefined]);
    await service.tell('imaging.schedule.booked.v1', booked(order, inHours(2)), order, patient);
    await outcome('needs-decision');
    expect(await issueOf('lead-time')).toMatchObject({ status: 'final', severity: 'moderate' });
    await service.tell('imaging.schedule.moved.v1', booked(order, inHours(30)), order, patient);
    await outcome('proceed-with-preparation');
    expect((await tasks()).every(({ restriction }) => restriction?.period?.start)).toBe(true);

    // At the start the steps must be recorded as done.
    await service.tell(
      'imaging.schedule.exam-started.v1',
      { resourceType: 'Procedure', id: 'p', status: 'in-progress', subject: order.subject },
      booked(order, inHours(30), 'arrived'),
      order,
      patient,
    );
    await outcome('needs-decision');
    for (const task of await tasks()) {
      const { status } = await service.send(
        'PUT',
        `Task/${task.id}`,
        { ...task, status: 'completed' },
        { 'if-match': `W/"${task.meta!.versionId}"` },
      );
      expect(status).toBe(200);
    }
    await outcome('proceed-with-preparation');
  });
});

describe('An exam whose patient is here', () => {
  it('is screened again before it begins: what was to be done by now must be recorded as done', async () => {
    const { patient, order, outcome, tasks, told } = await screened('HERE', (patient) => [
      anAllergy('iohexol', { patient, reaction: [{ severity: 'mild', manifestation: [{ text: 'hives' }] }] }),
    ]);
    await service.tell('imaging.schedule.booked.v1', booked(order, inHours(30)), order, patient);
    await until(async () => (await tasks()).every(({ restriction }) => restriction?.period?.start), {
      what: 'the times of its preparation',
    });
    await outcome('proceed-with-preparation');
    const before = (await told()).length;
    await service.tell('imaging.schedule.moved.v1', booked(order, inHours(30), 'checked-in'), order, patient);
    await outcome('needs-decision');
    expect((await told()).length).toBeGreaterThan(before);
    // Sent away again: the preparation can still be done.
    await service.tell('imaging.schedule.moved.v1', booked(order, inHours(30), 'booked'), order, patient);
    await outcome('proceed-with-preparation');
  });
});

describe('An override', () => {
  it('is taken with author, reason and version, is audited and told, and lapses when an input changes', async () => {
    const { patient, outcome, issueOf, told } = await screened('OVERRIDE', (patient) => [
      question('KIDNEY', patient, 'Y'),
    ]);
    await outcome('needs-decision');
    const issue = await issueOf(renal);
    const put = (body: object, headers = {}) => service.send('PUT', `DetectedIssue/${issue.id}`, body, headers);
    const ifMatch = { 'if-match': `W/"${issue.meta!.versionId}"` };
    expect((await put({ ...issue, mitigation })).status).toBe(412);
    expect((await put({ ...issue, mitigation }, { 'if-match': 'W/"99"' })).status).toBe(412);
    const unnamed = await put({ ...issue, mitigation: [{ ...mitigation[0], author: undefined }] }, ifMatch);
    expect(unnamed.status).toBe(400);
    expect((unnamed.body as OperationOutcome).issue[0]!.expression).toEqual(['DetectedIssue.mitigation[0].author']);
    const before = (await told()).length;
    const { status, body, headers } = await put({ ...issue, mitigation }, ifMatch);
    expect({ status, body }).toMatchObject({ status: 200, body: { mitigation, severity: 'moderate' } });
    expect(headers.get('etag')).toBe(`W/"${Number(issue.meta!.versionId) + 1}"`);
    await outcome('proceed');
    expect((await told()).length).toBe(before + 1);
    expect((await told()).at(-1)).toContainEqual(expect.objectContaining({ id: issue.id, mitigation }));
    const audits = await service.sql('SELECT 1 FROM audit_event WHERE body::text LIKE $1 AND body::text LIKE $2', [
      `%${issue.id}%`,
      '%update%',
    ]);
    expect(audits).toHaveLength(1);

    await service.tell('imaging.patient.updated.v1', patient, egfr(60, patient, inHours(-24 * 200)));
    await outcome('needs-decision');
    expect((await issueOf(renal)).mitigation).toBeUndefined();
    const history = await service.get<Bundle<DetectedIssue>>(`/fhir/DetectedIssue/${issue.id}/_history`);
    expect(history.entry!.some(({ resource }) => resource!.mitigation)).toBe(true);
  });
});

describe('After a merge', () => {
  it('the survivor’s exams are screened with what is known of both', async () => {
    const trauma = await screened('TRAUMA9');
    await trauma.outcome('proceed');
    const survivor = aPatient({ mrn: 'REAL9', gender: 'male' });
    await service.tell(
      'imaging.patient.registered.v1',
      survivor,
      question('KIDNEY', survivor, 'Y'),
      egfr(12, survivor),
    );
    await service.tell('imaging.patient.merged.v1', ...aMerge(trauma.patient, survivor));
    await trauma.outcome('proceed-with-preparation');
    const found = await service.get<Bundle>(`/fhir/DetectedIssue?patient=${survivor.id}`);
    expect(found.total).toBeGreaterThan(1);
  });
});

describe('A trial', () => {
  const plan = {
    resourceType: 'MedicationRequest',
    medicationCodeableConcept: { text: 'iopromide' },
    dosageInstruction: [{ route: { coding: [{ system: 'http://snomed.info/sct', code: '47625008' }] } }],
  };
  const patient = aPatient({ mrn: 'TRIAL', gender: 'male' });
  const post = async (body: object) => {
    const response = await fetch(`${service.url}/screening/try`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as never };
  };
  it('says what would come out, and stores nothing', async () => {
    const count = () => service.sql<{ count: string }>("SELECT count(*) FROM resource WHERE type = 'DetectedIssue'");
    const before = await count();
    const { status, body } = await post({ resources: [patient, egfr(12, patient)], plan });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { outcome: 'needs-decision', policy: { version: 'example-1', signedOff: { by: 'Dr. Example' } } },
    });
    expect((body as { findings: unknown[] }).findings).toContainEqual(
      expect.objectContaining({ rule: renal, outcome: 'proceed-with-preparation', source: 'acr' }),
    );
    expect(await count()).toEqual(before);
  });
  it.each([
    ['no patient', { resources: [], plan }, 'resources'],
    ['no plan', { resources: [patient] }, 'plan'],
    ['another resource', { resources: [{ resourceType: 'Device' }], plan }, 'resources[0]'],
    ['a time that is none', { resources: [patient], plan, examAt: 'soon' }, 'examAt'],
    ['a policy with mistakes', { resources: [patient], plan, policy: { version: '1' } }, 'policy'],
  ])('is refused with %s', async (_, body, field) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain(field);
  });
});

describe('Without a policy', () => {
  it('the service starts, and every exam with contrast needs a decision', async () => {
    const signed = service;
    const without = (service = await AContrastService.start());
    try {
      const { outcome } = await screened('NOPOLICY');
      expect((await outcome('needs-decision')).detail).toContain('no-policy');
    } finally {
      service = signed;
      await without.stop();
    }
  });
  it('that can be used, the service does not start, and says why', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
    writeFileSync(path, 'version: x');
    await expect(AContrastService.start(path)).rejects.toThrow(/rules: is missing/);
  });
});
