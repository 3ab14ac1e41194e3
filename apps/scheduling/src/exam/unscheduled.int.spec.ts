import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, OperationOutcome, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { extensions } from '#fhir';
import { aMerge, aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import type { Candidate } from './unscheduled.decider.js';

let service: ASchedulingService;
beforeAll(
  async () => (service = await ASchedulingService.start({ unscheduled: { matchWithinHours: 24 * 14 } })),
  60_000,
);
afterAll(() => service?.stop());

let uids = 0;
const newUid = () => `1.2.826.0.1.3680043.9.7.${process.pid}.${++uids}`;
/** An exam that began without an order, of the patient with that number. */
async function anExam(mrn: string, scheduled: DatasetInput = {}, overrides: DatasetInput = {}): Promise<string> {
  const uid = newUid();
  const reference = { StudyInstanceUID: `1.9.${uid}`, ...scheduled };
  await service.create(uid, [], { PatientID: mrn, ScheduledStepAttributesSequence: [reference], ...overrides });
  return uid;
}
const end = (uid: string, status = 'COMPLETED') =>
  service.set(uid, { PerformedProcedureStepStatus: status, PerformedSeriesSequence: [] });
function anOrder(mrn: string, accessionNumber: string, overrides: Partial<ServiceRequest> = {}) {
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: accessionNumber, accessionNumber, patient, ...overrides });
  return { patient, order, place: () => service.tell('imaging.order.placed.v1', order, patient) };
}
const orderOf = async ({ order }: { order: ServiceRequest }) =>
  (await service.read<ServiceRequest>('ServiceRequest', `_id=${order.id}`))[0];
const becomes = (one: { order: ServiceRequest }, status: ServiceRequest['status']) =>
  until(async () => (await orderOf(one))?.status === status, { what: `the order to be ${status}` });
const stepsOf = ({ order }: { order: ServiceRequest }) =>
  service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`);
const listed = async (uid: string) =>
  (await service.get<{ exams: { mppsSopInstanceUid: string; candidates: Candidate[] }[] }>('/unscheduled')).exams.find(
    (one) => one.mppsSopInstanceUid === uid,
  );
const toldOf = async (type: 'started' | 'completed', { order }: { order: ServiceRequest }) =>
  (await service.published(`imaging.schedule.exam-${type}.v1`)).filter((one) => one.some(({ id }) => id === order.id));
async function link(uid: string, body: object): Promise<{ status: number; body: Procedure & OperationOutcome }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${service.url}/unscheduled/${uid}/link`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as never };
}

describe('An exam without an order', () => {
  it('is that of the order that comes later with its accession number, and completes it once', async () => {
    const one = anOrder('UNS1', 'UNSACC1');
    const uid = await anExam('UNS1', { AccessionNumber: 'UNSACC1' });
    await end(uid);
    await one.place();
    await becomes(one, 'completed');
    expect(await listed(uid)).toBeUndefined();
    expect(await service.find({ AccessionNumber: 'UNSACC1' })).toEqual([]);
    expect((await stepsOf(one)).map(({ status }) => status)).toEqual(['fulfilled']);
    expect((await service.procedures(uid))[0]?.basedOn).toEqual([{ reference: `ServiceRequest/${one.order.id}` }]);
    const told = await toldOf('completed', one);
    expect(told).toHaveLength(1);
    expect(told[0]!.find(({ resourceType }) => resourceType === 'ImagingStudy')).toMatchObject({
      basedOn: [{ reference: `ServiceRequest/${one.order.id}` }],
    });
  });

  it('and is still under way, goes on as the exam of the order that comes with its study UID', async () => {
    const one = anOrder('UNS2', 'UNSACC2');
    const uid = await anExam('UNS2', { StudyInstanceUID: one.order.identifier![2]!.value!.replace('urn:oid:', '') });
    await one.place();
    await until(async () => (await stepsOf(one))[0]?.status === 'arrived', { what: 'the step to be under way' });
    expect(await toldOf('started', one)).toHaveLength(1);
    await end(uid);
    expect((await orderOf(one))?.status).toBe('completed');
  });

  it('becomes its order’s when the records of its patient are merged', async () => {
    const [one, trauma] = [anOrder('UNS3', 'UNSACC3'), aPatient({ mrn: 'UNS3T' })];
    await one.place();
    await service.listed('UNSACC3');
    const uid = await anExam('UNS3T', { AccessionNumber: 'UNSACC3' });
    await end(uid);
    expect(await listed(uid)).toMatchObject({ reason: "refers to another patient's step" });
    await service.tell('imaging.patient.merged.v1', ...aMerge(trauma, one.patient));
    await becomes(one, 'completed');
    expect(await listed(uid)).toBeUndefined();
  });

  it.each<[string, DatasetInput, string, DatasetInput]>([
    ['that is of another modality', { AccessionNumber: 'UNSACC4A' }, 'UNSACC4A', { Modality: 'DX' }],
    ['that names neither number', {}, 'UNSACC4B', {}],
  ])('%s stays without, whatever order comes', async (_what, reference, accession, overrides) => {
    const one = anOrder(accession, accession);
    const uid = await anExam(accession, reference, overrides);
    await one.place();
    await service.listed(accession);
    expect(await listed(uid)).toBeDefined();
  });

  it('that was given up takes no order off the worklist', async () => {
    const one = anOrder('UNS5', 'UNSACC5');
    const uid = await anExam('UNS5', { AccessionNumber: 'UNSACC5' });
    await end(uid, 'DISCONTINUED');
    await one.place();
    await service.listed('UNSACC5');
    expect(await listed(uid)).toBeDefined();
  });

  it('is listed with the steps it may be, and is that of the one a person names, who and why kept with it', async () => {
    const one = anOrder('UNS6', 'UNSACC6');
    const uid = await anExam('UNS6');
    await one.place();
    const item = await service.listed('UNSACC6');
    const [step] = await stepsOf(one);
    expect((await listed(uid))!.candidates).toEqual([
      {
        orderId: one.order.id,
        appointmentId: step!.id,
        stepId: item.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepID'),
        start: step!.start,
      },
    ]);
    const asked = { accessionNumber: 'UNSACC6', reason: 'seen with the ward' };
    expect((await link(uid, asked)).status).toBe(200);
    // Said again it is so already, and the exam goes on.
    const { status, body } = await link(uid, asked);
    expect(status).toBe(200);
    await end(uid);
    const [procedure] = await service.procedures(uid);
    expect(body).toMatchObject({
      resourceType: 'Procedure',
      basedOn: [{ reference: `ServiceRequest/${one.order.id}` }],
    });
    expect(procedure).toMatchObject({ status: 'completed', note: [{ text: 'seen with the ward' }] });
    await becomes(one, 'completed');
    const audited = await service.sql(
      "SELECT 1 FROM audit_event WHERE body->'subtype'->0->>'code' = 'update' AND body->>'entity' LIKE $1",
      [`%Procedure/${procedure!.id}%`],
    );
    expect(audited).toHaveLength(2);
  });

  it('of another patient needs a word that it is the same, and is then theirs', async () => {
    const one = anOrder('UNS7', 'UNSACC7');
    await one.place();
    await service.listed('UNSACC7');
    const uid = await anExam('UNS7OTHER');
    const asked = { orderId: one.order.id, reason: 'typed wrongly' };
    const refused = await link(uid, asked);
    expect([refused.status, (await stepsOf(one))[0]?.status]).toEqual([409, 'booked']);
    expect((await link(uid, { ...asked, patientConfirmed: true })).status).toBe(200);
    expect((await service.procedures(uid))[0]?.subject.reference).toBe(`Patient/${one.patient.id}`);
    await end(uid);
    expect((await orderOf(one))?.status).toBe('completed');
    expect(await service.published('imaging.schedule.exam-completed.v1', one.patient.id)).toHaveLength(1);
  });

  it('is not linked by a request that leaves a question open', async () => {
    const steps = ['A', 'B'].map((value) => ({
      url: extensions.scheduledProcedureStep,
      extension: [{ url: 'stepId', valueString: `UNS8-${value}` }],
    }));
    const one = anOrder('UNS8', 'UNSACC8', { extension: steps });
    await one.place();
    await service.listed('UNSACC8');
    const uid = await anExam('UNS8');
    const asked = { orderId: one.order.id, reason: 'why' };
    const rows: [object, number][] = [
      [{ reason: 'why' }, 400],
      [{ orderId: one.order.id }, 400],
      [{ ...asked, accessionNumber: 'UNSACC8' }, 400],
      [{ ...asked, patientConfirmed: 'yes' }, 400],
      [{ accessionNumber: 'NONE', reason: 'why' }, 422],
      [asked, 400],
      [{ ...asked, stepId: 'NONE' }, 422],
    ];
    for (const [body, status] of rows) expect([body, (await link(uid, body)).status]).toEqual([body, status]);
    expect((await link('1.2.3', asked)).status).toBe(404);
    expect((await link(uid, { ...asked, stepId: 'UNS8-B' })).status).toBe(200);
    const other = anOrder('UNS8', 'UNSACC8B');
    await other.place();
    await service.listed('UNSACC8B');
    expect((await link(uid, { orderId: other.order.id, reason: 'why' })).status).toBe(409);
  });
});
