import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, ServiceRequest, Task } from 'fhir/r4.js';
import { Dataset, type DatasetInput } from '#dicom';
import type { EventType } from '#events';
import { extensions, studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

const SUCCESS = 0;
const DUPLICATE_INSTANCE = 0x0111;
const NO_SUCH_INSTANCE = 0x0112;
const PROCESSING_FAILURE = 0x0110;
const MAY_NO_LONGER_BE_UPDATED = 0xa710;

let uids = 0;
const newUid = () => `1.2.826.0.1.3680043.9.${process.pid}.${++uids}`;
const completed: DatasetInput = {
  PerformedProcedureStepStatus: 'COMPLETED',
  PerformedProcedureStepEndDate: '20260302',
  PerformedProcedureStepEndTime: '091500',
  PerformedSeriesSequence: [
    {
      SeriesInstanceUID: '1.5',
      ReferencedImageSequence: [
        { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: '1.6' },
      ],
    },
  ],
};
const discontinued = (code: string): DatasetInput => ({
  PerformedProcedureStepStatus: 'DISCONTINUED',
  PerformedProcedureStepDiscontinuationReasonCodeSequence: [
    { CodeValue: code, CodingSchemeDesignator: 'DCM', CodeMeaning: 'given up' },
  ],
});

/** An order of a patient of its own, known by one word, on the worklist. */
async function aListed(name: string, overrides: NonNullable<Parameters<typeof aServiceRequest>[0]> = {}) {
  const patient = overrides.patient ?? aPatient({ mrn: name });
  const order = aServiceRequest({ ...overrides, placerOrderNumber: name, accessionNumber: name, patient });
  await service.tell('imaging.order.placed.v1', order, patient);
  return { patient, order, item: await service.listed(name) };
}
const cancel = ({ order, patient }: { order: ServiceRequest; patient: ReturnType<typeof aPatient> }) =>
  service.tell('imaging.order.cancelled.v1', { ...order, status: 'revoked' }, patient);
const appointmentOf = async ({ order }: { order: ServiceRequest }) =>
  (await service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`))[0]!;
const orderOf = async ({ order }: { order: ServiceRequest }) =>
  (await service.read<ServiceRequest>('ServiceRequest', `_id=${order.id}`))[0]!;
const unscheduled = async () =>
  ((await (await fetch(`${service.url}/unscheduled`)).json()) as { exams: { mppsSopInstanceUid: string }[] }).exams;
const eventsOf = async (type: 'started' | 'completed' | 'discontinued', id: string) =>
  (await service.published(`imaging.schedule.exam-${type}.v1`)).filter((one) => one.some((some) => some.id === id));

describe('An exam', () => {
  it('leaves the worklist when it begins, and is told with what the modality says it made', async () => {
    const one = await aListed('EXAM');
    const uid = newUid();
    expect((await service.create(uid, [one.item])).status).toBe(SUCCESS);
    expect(await service.find({ AccessionNumber: 'EXAM' })).toEqual([]);
    expect(await service.find({ AccessionNumber: 'EXAM' }, { ScheduledProcedureStepStatus: 'STARTED' })).toHaveLength(
      1,
    );
    expect((await appointmentOf(one)).status).toBe('arrived');

    expect((await service.set(uid, completed)).status).toBe(SUCCESS);
    expect(await service.find({ AccessionNumber: 'EXAM' }, { ScheduledProcedureStepStatus: 'STARTED' })).toEqual([]);
    expect((await appointmentOf(one)).status).toBe('fulfilled');
    expect((await orderOf(one)).status).toBe('completed');
    const [procedure] = await service.procedures(uid);
    expect(procedure).toMatchObject({
      status: 'completed',
      performedPeriod: { start: '2026-03-02T09:00:00+01:00', end: '2026-03-02T09:15:00+01:00' },
      basedOn: [{ reference: `ServiceRequest/${one.order.id}` }],
    });
    expect(await eventsOf('started', one.order.id!)).toHaveLength(1);
    const [told] = await eventsOf('completed', one.order.id!);
    expect(told!.map((resource) => resource.resourceType)).toEqual([
      'Procedure',
      'Patient',
      'ServiceRequest',
      'Appointment',
      'ImagingStudy',
    ]);
    expect(told!.at(-1)).toMatchObject({ status: 'registered', numberOfInstances: 1 });
    expect(told![2]).toMatchObject({ status: 'completed' });
    const ids = [(await appointmentOf(one)).id];
    expect(await service.sql('SELECT 1 FROM station_booking WHERE appointment_id = ANY($1)', [ids])).toEqual([]);
  });

  it('that is over can no longer be changed', async () => {
    const one = await aListed('FINAL');
    const uid = newUid();
    await service.create(uid, [one.item]);
    await service.set(uid, completed);
    const late = await service.set(uid, discontinued('110514'));
    expect(late.status).toBe(PROCESSING_FAILURE);
    expect(late.command.number('ErrorID')).toBe(MAY_NO_LONGER_BE_UPDATED);
    expect((await appointmentOf(one)).status).toBe('fulfilled');
    expect(await eventsOf('discontinued', one.order.id!)).toEqual([]);
  });

  it('is created once, and set only where it was created', async () => {
    const one = await aListed('TWICE');
    const uid = newUid();
    await service.create(uid, [one.item]);
    expect((await service.create(uid, [one.item])).status).toBe(DUPLICATE_INSTANCE);
    expect(await eventsOf('started', one.order.id!)).toHaveLength(1);
    expect((await service.set(newUid(), completed)).status).toBe(NO_SUCH_INSTANCE);
  });

  it('gets a UID where the modality gives none', async () => {
    const one = await aListed('NOUID');
    const created = await service.create(undefined, [one.item]);
    expect(created.status).toBe(SUCCESS);
    const uid = created.command.text('AffectedSOPInstanceUID')!;
    expect((await service.set(uid, completed)).status).toBe(SUCCESS);
    expect((await appointmentOf(one)).status).toBe('fulfilled');
  });

  it('is acknowledged only if it was committed', async () => {
    const one = await aListed('COMMIT');
    await service.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`);
    await service.sql(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON performed_procedure_step
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const uid = newUid();
    const refused = await service.create(uid, [one.item]);
    await service.sql('DROP TRIGGER refuse ON performed_procedure_step');
    expect(refused.status).toBe(PROCESSING_FAILURE);
    expect(await service.find({ AccessionNumber: 'COMMIT' })).toHaveLength(1);
    expect(await eventsOf('started', one.order.id!)).toEqual([]);
    expect((await service.create(uid, [one.item])).status).toBe(SUCCESS);
  });

  it('of several steps and orders is that of each of them', async () => {
    const patient = aPatient({ mrn: 'GROUP' });
    const orders = ['GROUP1', 'GROUP2'].map((name) =>
      aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient }),
    );
    const items: Dataset[] = [];
    for (const order of orders) {
      await service.tell('imaging.order.placed.v1', order, patient);
      items.push(await service.listed(order.identifier![1]!.value!));
    }
    const uid = newUid();
    await service.create(uid, items);
    await service.set(uid, completed);
    for (const order of orders) expect((await orderOf({ order })).status).toBe('completed');
    const [told] = await eventsOf('completed', orders[0]!.id!);
    expect(told!.filter(({ resourceType }) => resourceType === 'ServiceRequest')).toHaveLength(2);
  });

  it('of one of two steps leaves the other on the worklist and the order open', async () => {
    const steps = ['A', 'B'].map((value) => ({
      url: extensions.scheduledProcedureStep,
      extension: [{ url: 'stepId', valueString: `STEP-${value}` }],
    }));
    const one = await aListed('STEPS', { extension: steps });
    const items = await service.find({ AccessionNumber: 'STEPS' });
    expect(items).toHaveLength(2);
    const uid = newUid();
    await service.create(uid, [items[0]!]);
    await service.set(uid, completed);
    expect(await service.find({ AccessionNumber: 'STEPS' })).toHaveLength(1);
    expect((await orderOf(one)).status).toBe('active');
  });
});

describe('An exam that is given up', () => {
  it('because the wrong line was chosen (110514) puts the step back where it was', async () => {
    const one = await aListed('WRONG');
    const before = await appointmentOf(one);
    const uid = newUid();
    await service.create(uid, [one.item]);
    expect((await service.set(uid, discontinued('110514'))).status).toBe(SUCCESS);
    const [again] = await service.find({ AccessionNumber: 'WRONG' });
    expect(again!.text('PatientName')).toBe('Tester^Tilda');
    expect(await appointmentOf(one)).toMatchObject({ status: 'booked', start: before.start });
    expect(await eventsOf('discontinued', one.order.id!)).toHaveLength(1);
    // And may be chosen rightly now.
    const second = newUid();
    await service.create(second, [again!]);
    await service.set(second, completed);
    expect((await orderOf(one)).status).toBe('completed');
  });

  it('because the wrong line was chosen follows what its order became in the meantime', async () => {
    const one = await aListed('WRONGMOVED');
    const uid = newUid();
    await service.create(uid, [one.item]);
    const stat: ServiceRequest = { ...one.order, priority: 'stat', occurrenceDateTime: '2026-03-20T10:00:00+01:00' };
    await service.tell('imaging.order.changed.v1', stat, one.patient);
    await until(async () => (await orderOf(one)).priority === 'stat', { what: 'the change' });
    await service.set(uid, discontinued('110514'));
    const [item] = await service.find({ AccessionNumber: 'WRONGMOVED' });
    expect(item!.text('RequestedProcedurePriority')).toBe('STAT');
    expect((await appointmentOf(one)).start).toBe('2026-03-20T09:00:00.000Z');
  });

  it('for another reason is off the worklist, says why, and leaves the order open', async () => {
    const one = await aListed('BROKEN');
    const uid = newUid();
    await service.create(uid, [one.item]);
    await service.set(uid, discontinued('110501'));
    expect(await service.find({ AccessionNumber: 'BROKEN' })).toEqual([]);
    expect((await service.procedures(uid))[0]).toMatchObject({
      status: 'stopped',
      statusReason: { coding: [{ code: '110501' }] },
    });
    expect((await appointmentOf(one)).cancelationReason!.coding![0]!.code).toBe('110501');
    expect((await orderOf(one)).status).toBe('active');
  });
});

describe('A cancellation', () => {
  it('that comes while the exam runs leaves it to the modality, and tells nothing false', async () => {
    const one = await aListed('LATE');
    const uid = newUid();
    await service.create(uid, [one.item]);
    await cancel(one);
    await until(async () => (await orderOf(one)).status === 'revoked', { what: 'the order to be revoked' });
    expect((await appointmentOf(one)).status).toBe('arrived');
    const cancelled = (await service.published('imaging.schedule.cancelled.v1')).flat();
    expect(cancelled.filter(({ id }) => id === one.order.id)).toEqual([]);

    await service.set(uid, discontinued('110514'));
    expect(await service.find({ AccessionNumber: 'LATE' })).toEqual([]);
    expect(await appointmentOf(one)).toMatchObject({
      status: 'cancelled',
      cancelationReason: { text: 'the order was cancelled' },
    });
  });

  it('that comes after the exam is done changes nothing', async () => {
    const one = await aListed('TOOLATE');
    const uid = newUid();
    await service.create(uid, [one.item]);
    await service.set(uid, completed);
    await cancel(one);
    await aListed('AFTER', { patient: one.patient });
    expect((await orderOf(one)).status).toBe('completed');
    expect((await appointmentOf(one)).status).toBe('fulfilled');
  });

  it('of an exam that begins all the same does not hide it', async () => {
    const one = await aListed('RACE');
    await cancel(one);
    await service.unlisted('RACE');
    const uid = newUid();
    expect((await service.create(uid, [one.item])).status).toBe(SUCCESS);
    expect((await appointmentOf(one)).status).toBe('arrived');
    const [told] = await eventsOf('started', one.order.id!);
    expect(told!.find(({ id }) => id === one.order.id)).toMatchObject({ status: 'revoked' });
  });
});

describe('A room', () => {
  const stopped = (name: string) => service.published(`imaging.schedule.exam-stop-${name}.v1` as EventType);
  const toldOf = async (name: string, { order }: { order: ServiceRequest }) =>
    (await stopped(name)).filter((one) => one.some(({ id }) => id === order.id)).map(([task]) => task as Task);
  const askedOf = async ({ order }: { order: ServiceRequest }) => {
    const { tasks } = await service.get<{ tasks: Task[] }>('/room-tasks?aeTitle=CT01');
    return tasks.filter(({ basedOn }) => basedOn![0]!.reference === `ServiceRequest/${order.id}`);
  };
  const isAsked = (one: { order: ServiceRequest }) =>
    until(async () => (await askedOf(one))[0], { what: 'the room to be asked' });
  const isNoLongerAsked = (one: { order: ServiceRequest }) =>
    until(async () => (await askedOf(one)).length === 0, { what: 'nothing to be asked any more' });
  const taskOf = async ({ order }: { order: ServiceRequest }) =>
    (await service.read<Task>('Task', `based-on=ServiceRequest/${order.id}`))[0]!;
  /** An exam under way whose order then came to this status. */
  async function anUnwanted(name: string, status: ServiceRequest['status'] = 'revoked') {
    const one = await aListed(name);
    const uid = newUid();
    await service.create(uid, [one.item]);
    const type = status === 'revoked' ? 'imaging.order.cancelled.v1' : 'imaging.order.changed.v1';
    const reason = { url: extensions.statusReason, valueCodeableConcept: { text: 'wrong patient' } };
    await service.tell(type, { ...one.order, status, extension: [reason] }, one.patient);
    return { ...one, uid, task: await isAsked(one) };
  }

  it('is asked to stop an exam whose order was cancelled: which, where, why', async () => {
    const one = await anUnwanted('STOP1');
    const [procedure] = await service.procedures(one.uid);
    expect(one.task).toMatchObject({
      status: 'requested',
      intent: 'order',
      code: { coding: [{ code: 'stop-exam' }] },
      description: 'Stop CT head without contrast (accession number STOP1): the order was cancelled.',
      focus: { reference: `Appointment/${(await appointmentOf(one)).id}` },
      for: { reference: `Patient/${one.patient.id}` },
      reasonCode: { text: 'wrong patient' },
      input: [{ valueReference: { reference: `Procedure/${procedure!.id}` } }],
    });
    const [told] = await stopped('requested').then((all) => all.filter(([task]) => task!.id === one.task.id));
    expect(told!.map(({ resourceType }) => resourceType)).toEqual([
      'Task',
      'Appointment',
      'ServiceRequest',
      'Patient',
      'Procedure',
    ]);
    const { roomTasks } = await service.get<{ roomTasks: Task[] }>('/worklist?aeTitle=CT01');
    expect(roomTasks).toContainEqual(one.task);
    expect((await service.get<{ tasks: Task[] }>('/room-tasks?aeTitle=MR01')).tasks).toEqual([]);
  });

  it('has done it when the modality stops', async () => {
    const one = await anUnwanted('STOP2');
    await service.set(one.uid, discontinued('110500'));
    await isNoLongerAsked(one);
    expect(await taskOf(one)).toMatchObject({ status: 'completed', statusReason: { text: 'the exam was stopped' } });
    expect((await toldOf('settled', one)).map(({ status }) => status)).toEqual(['completed']);
  });

  it('could not do it where the exam goes on to its end', async () => {
    const one = await anUnwanted('STOP3');
    await service.set(one.uid, completed);
    expect(await taskOf(one)).toMatchObject({
      status: 'failed',
      statusReason: { text: 'the exam was done before it could be stopped' },
    });
    expect((await orderOf(one)).status).toBe('completed');
  });

  it('need not do it where the order is released again, and is asked once more if it is not', async () => {
    const one = await anUnwanted('STOP4', 'on-hold');
    expect(one.task.description).toMatch(/the order was put on hold\.$/);
    await service.tell('imaging.order.changed.v1', one.order, one.patient);
    await isNoLongerAsked(one);
    expect((await taskOf(one)).status).toBe('cancelled');
    await cancel(one);
    expect((await isAsked(one)).id).toBe(one.task.id);
    expect((await toldOf('requested', one)).map(({ status }) => status)).toEqual(['requested', 'requested']);
    expect((await toldOf('settled', one)).map(({ status }) => status)).toEqual(['cancelled']);
  });

  it('stops an exam for an order on hold, which is done when that is released', async () => {
    const one = await anUnwanted('STOP5', 'on-hold');
    await service.set(one.uid, discontinued('110500'));
    expect((await appointmentOf(one)).status).toBe('cancelled');
    await service.tell('imaging.order.changed.v1', one.order, one.patient);
    await service.listed('STOP5');
  });

  it('that goes on although the order is on hold has the order done', async () => {
    const one = await anUnwanted('STOP6', 'on-hold');
    await service.set(one.uid, completed);
    expect((await orderOf(one)).status).toBe('completed');
  });

  it('is asked to stop an exam that begins after its order was cancelled', async () => {
    const one = await aListed('STOP7');
    await cancel(one);
    await service.unlisted('STOP7');
    await service.create(newUid(), [one.item]);
    expect(await askedOf(one)).toHaveLength(1);
  });

  it('is told more, and is not asked anew, where the reason changes', async () => {
    const one = await anUnwanted('STOP8', 'on-hold');
    await service.send('PUT', `Task/${one.task.id}`, { ...one.task, status: 'accepted' });
    await cancel(one);
    const what = 'the other reason';
    const task = await until(
      async () => (await askedOf(one)).find(({ description }) => description!.endsWith('the order was cancelled.')),
      { what },
    );
    expect(task).toMatchObject({ status: 'accepted', authoredOn: one.task.authoredOn });
  });

  it('says that it was seen, of the version it saw, and who said so is recorded', async () => {
    const one = await anUnwanted('STOP9');
    const say = (status: string, ifMatch = `W/"${one.task.meta!.versionId}"`) =>
      service.send('PUT', `Task/${one.task.id}`, { ...one.task, status }, { 'if-match': ifMatch });
    expect((await say('completed')).status).toBe(400);
    expect((await say('received', 'W/"77"')).status).toBe(412);
    const { status, body } = await say('received');
    expect([status, (body as Task).status]).toEqual([200, 'received']);
    const audited = await service.sql(
      `SELECT 1 FROM audit_event WHERE body->'subtype'->0->>'code' = 'update' AND body->>'entity' LIKE $1`,
      [`%Task/${one.task.id}%`],
    );
    expect(audited).toHaveLength(1);
    await service.set(one.uid, discontinued('110500'));
    expect((await say('accepted', 'W/"3"')).status).toBe(409);
    expect((await service.send('PUT', 'Task/none', { ...one.task, id: 'none' })).status).toBe(404);
  });
});

describe('An exam without an order', () => {
  const reference = (scheduled: DatasetInput): DatasetInput => ({ ScheduledStepAttributesSequence: [scheduled] });

  it.each([
    ['refers to no step', { StudyInstanceUID: '1.2.3.4' }],
    [
      'refers to no known step',
      { AccessionNumber: 'NONE', StudyInstanceUID: '1.2.3.5', ScheduledProcedureStepID: 'X' },
    ],
  ])('that %s is taken, kept, listed and told, under a patient of its own', async (reason, scheduled) => {
    const uid = newUid();
    expect((await service.create(uid, [], reference(scheduled))).status).toBe(SUCCESS);
    expect(await unscheduled()).toContainEqual(expect.objectContaining({ mppsSopInstanceUid: uid, reason }));
    expect((await service.set(uid, completed)).status).toBe(SUCCESS);
    const [procedure] = await service.procedures(uid);
    expect(procedure).toMatchObject({ status: 'completed' });
    expect(procedure!.basedOn).toBeUndefined();
    const [told] = await eventsOf('completed', procedure!.id!);
    expect(told!.map(({ resourceType }) => resourceType)).toEqual(['Procedure', 'Patient', 'ImagingStudy']);
  });

  it('is of the patient whose number it gives, by the name their registration told', async () => {
    const patient = aPatient({ mrn: 'WALKIN' });
    await service.tell('imaging.patient.registered.v1', patient);
    await until(async () => (await service.read('Patient', `_id=${patient.id}`)).length, { what: 'the patient' });
    const uid = newUid();
    await service.create(uid, [], { PatientID: 'WALKIN', ...reference({ StudyInstanceUID: '1.2.3.6' }) });
    const [procedure] = await service.procedures(uid);
    expect(procedure!.subject.reference).toBe(`Patient/${patient.id}`);
    const [told] = await eventsOf('started', procedure!.id!);
    expect(told![1]).toMatchObject({ name: [{ family: 'Tester' }] });
  });

  it('never takes the step of another patient', async () => {
    const one = await aListed('OTHERS');
    const uid = newUid();
    expect((await service.create(uid, [one.item], { PatientID: 'SOMEBODY' })).status).toBe(SUCCESS);
    expect(await service.find({ AccessionNumber: 'OTHERS' })).toHaveLength(1);
    expect((await appointmentOf(one)).status).toBe('booked');
    const [exam] = (await unscheduled()).filter(({ mppsSopInstanceUid }) => mppsSopInstanceUid === uid);
    expect(exam).toMatchObject({ reason: "refers to another patient's step" });
    expect((await service.procedures(uid))[0]!.subject.reference).not.toBe(`Patient/${one.patient.id}`);
  });

  it('belongs to the order after all where it has its study UID from the worklist', async () => {
    const one = await aListed('BYSTUDY');
    const uid = newUid();
    const studyUid = studyInstanceUidOf(one.order);
    await service.create(uid, [], { PatientID: 'BYSTUDY', ...reference({ StudyInstanceUID: studyUid }) });
    expect((await appointmentOf(one)).status).toBe('arrived');
  });
});

describe('Many exams at once', () => {
  it('end without waiting for each other', async () => {
    const listed = [];
    for (let index = 0; index < 12; index++) listed.push(await aListed(`PARALLEL${index}`));
    const exams = listed.map(({ item }) => ({ item, uid: newUid() }));
    for (const { item, uid } of exams) await service.create(uid, [item]);
    // More transactions at once than there are connections: one that wanted a second would wait for ever.
    const provider = service.app.get(FollowExamWhenMppsArrives);
    await Promise.all(exams.map(({ uid }) => provider.set(uid, Dataset.of(completed), { aeTitle: 'CT01' })));
    for (const one of listed) expect((await orderOf(one)).status).toBe('completed');
  });
});
