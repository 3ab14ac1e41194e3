import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, Patient, ServiceRequest } from 'fhir/r4.js';
import type { Dataset } from '#dicom';
import { aPatient, aServiceRequest, aSiuMessage, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let service: ASchedulingService;
beforeAll(async () => {
  service = await ASchedulingService.start({
    stations: [
      { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1' },
      { aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'CT room 2' },
      { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
    ],
  });
}, 60_000);
afterAll(() => service?.stop());

/** An order of a patient of its own, both known by one word, and what the RIS says of it. */
function aCase(name: string, overrides: Parameters<typeof aServiceRequest>[0] = {}) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, ...overrides });
  const siu = (parts: Parameters<typeof aSiuMessage>[0] = {}) =>
    service.take(aSiuMessage({ mrn: name, placerOrderNumber: name, ...parts }));
  return { name, patient, order, siu };
}
type ACase = ReturnType<typeof aCase>;
async function place(one: ACase): Promise<void> {
  await service.tell('imaging.order.placed.v1', one.order, one.patient);
  await handled(one.patient);
}
/** Waits until what was told of a patient so far has been handled. */
async function handled({ id }: Patient): Promise<void> {
  const open = `SELECT FROM outbox WHERE aggregateid = $1 AND aggregatetype = 'imaging.order' AND NOT EXISTS
    (SELECT FROM inbox WHERE event_id = outbox.id::text)`;
  await until(async () => (await service.sql(open, [id])).length === 0, {
    within: 20_000,
    what: 'events to be handled',
  });
}
const accepted = async (answer: Promise<string[]>) => expect((await answer)[1]).toMatch(/^MSA\|AA\|/);
const appointmentOf = async ({ order }: { order: ServiceRequest }) =>
  (await service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`))[0];
const listed = async ({ name }: ACase) => service.find({ AccessionNumber: name });
const slotOf = (item: Dataset | undefined) => {
  const step = item?.items('ScheduledProcedureStepSequence')[0];
  const text = (key: Parameters<Dataset['text']>[0]) => step?.text(key);
  return `${text('ScheduledStationAETitle')} ${text('ScheduledProcedureStepStartDate')} ${text('ScheduledProcedureStepStartTime')}`;
};
const told = async (event: 'booked' | 'moved' | 'cancelled', { patient }: ACase) =>
  (await service.published(`imaging.schedule.${event}.v1`, patient.id)).length;
const withoutOrder = async ({ patient }: ACase) => {
  const { appointments } = await service.get<{ appointments: { patientId: string }[] }>('/unmatched-appointments');
  return appointments.filter(({ patientId }) => patientId === patient.id);
};

describe('An appointment of a RIS', () => {
  it('moves the order to its time and station, on the worklist too, and is told once', async () => {
    const one = aCase('BOOKED');
    await place(one);
    await accepted(one.siu({ start: '20260303093000', minutes: 25, room: 'CT room 2', extra: [] }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT02 20260303 093000']);
    const appointment = await appointmentOf(one);
    expect(appointment).toMatchObject({
      status: 'booked',
      start: '2026-03-03T08:30:00.000Z',
      end: '2026-03-03T08:55:00.000Z',
    });
    expect(appointment!.identifier).toContainEqual(expect.objectContaining({ value: 'APP-BOOKED' }));
    expect(JSON.stringify(appointment!.extension)).toContain('at the time of the RIS');
    expect([await told('booked', one), await told('moved', one)]).toEqual([1, 1]);
    expect(await withoutOrder(one)).toEqual([]);
  });

  it('is kept also where the station is taken then, with the reason', async () => {
    const [first, second] = [aCase('FIRST'), aCase('SECOND')];
    for (const one of [first, second]) {
      await place(one);
      await accepted(one.siu({ start: '20270303110000', room: 'CT room 1' }));
    }
    expect((await listed(second)).map(slotOf)).toEqual(['CT01 20270303 110000']);
    expect(JSON.stringify(await appointmentOf(second))).toContain('although the station is taken then');
  });

  it('that comes before its order waits, is listed, and is followed when the order comes', async () => {
    const one = aCase('BEFORE', { occurrenceDateTime: '2026-03-02T08:00:00+01:00' });
    await accepted(one.siu({ start: '20260304100000', room: 'CT room 2' }));
    await accepted(one.siu({ event: 'S14', status: 'Arrived' }));
    expect(await withoutOrder(one)).toHaveLength(1);
    await place(one);
    expect((await listed(one)).map(slotOf)).toEqual(['CT02 20260304 100000']);
    expect(await appointmentOf(one)).toMatchObject({ status: 'checked-in' });
    expect(await withoutOrder(one)).toEqual([]);
    expect([await told('booked', one), await told('moved', one)]).toEqual([1, 0]);
  });

  it('that was cancelled before its order comes leaves the order waiting for the RIS', async () => {
    const one = aCase('BEFOREOFF');
    await accepted(one.siu({ start: '20260304100000' }));
    await accepted(one.siu({ event: 'S15' }));
    await place(one);
    expect([await listed(one), await appointmentOf(one)]).toEqual([[], undefined]);
    await accepted(one.siu({ start: '20260304113000' }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260304 113000']);
  });

  it('is found by the accession number as filler order number', async () => {
    const one = aCase('FILLER');
    await place(one);
    await accepted(one.siu({ placerOrderNumber: '', fillerOrderNumber: 'FILLER', start: '20260304123000' }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260304 123000']);
  });
});

describe('An appointment that changes', () => {
  it('is moved, and stays where the RIS put it when the order changes but asks for no other time', async () => {
    const one = aCase('MOVE', { occurrenceDateTime: '2026-03-05T08:00:00+01:00' });
    await place(one);
    await accepted(one.siu({ start: '20260305093000' }));
    await accepted(one.siu({ event: 'S13', start: '20260305141500', room: 'CT room 2' }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT02 20260305 141500']);
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'asap' }, one.patient);
    await handled(one.patient);
    const [item] = await listed(one);
    expect([slotOf(item), item!.text('RequestedProcedurePriority')]).toEqual(['CT02 20260305 141500', 'HIGH']);
  });

  it('gives way to another time the order asks for later', async () => {
    const one = aCase('ORDERWINS', { occurrenceDateTime: '2026-03-05T08:00:00+01:00' });
    await place(one);
    await accepted(one.siu({ start: '20260305153000' }));
    const later = { ...one.order, occurrenceDateTime: '2026-03-06T10:00:00+01:00' };
    await service.tell('imaging.order.changed.v1', later, one.patient);
    await handled(one.patient);
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260306 100000']);
  });

  it('is told once, and does no more, when it comes again', async () => {
    const one = aCase('AGAIN');
    await place(one);
    const parts = { start: '20260306113000', controlId: 'SIU-AGAIN' };
    await accepted(one.siu(parts));
    await accepted(one.siu(parts));
    // The same under a control id of its own says nothing new either.
    await accepted(one.siu({ ...parts, controlId: 'SIU-AGAIN-2' }));
    expect([await told('booked', one), await told('moved', one)]).toEqual([1, 1]);
    expect((await one.siu({ ...parts, start: '20260306120000' }))[1]).toMatch(/^MSA\|AE\|/);
  });

  it('says that the patient is here, who stays on the worklist', async () => {
    const one = aCase('HERE');
    await place(one);
    await accepted(one.siu({ start: '20260306130000' }));
    await accepted(one.siu({ event: 'S14', status: 'Arrived', extra: [] }));
    expect(await appointmentOf(one)).toMatchObject({ status: 'checked-in', start: '2026-03-06T12:00:00.000Z' });
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260306 130000']);
    expect(await told('moved', one)).toBe(2);
  });

  it.each([
    ['S15', 'cancelled', 'Patient asked'],
    ['S17', 'entered-in-error', undefined],
    ['S26', 'noshow', 'Patient asked'],
  ])('%s leaves the worklist as %s, its order stays, and only the RIS books it again', async (event, status, text) => {
    const one = aCase(`OFF${event}`);
    await place(one);
    await accepted(one.siu({ start: '20260309093000' }));
    await accepted(one.siu({ event, reason: 'PAT^Patient asked^L' }));
    expect(await listed(one)).toEqual([]);
    const appointment = await appointmentOf(one);
    expect([appointment!.status, appointment!.cancelationReason?.text]).toEqual([status, text]);
    expect(await service.sql('SELECT FROM station_booking WHERE appointment_id = $1', [appointment!.id])).toEqual([]);
    expect(await told('cancelled', one)).toBe(1);
    // A change of the order does not have it booked.
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'urgent' }, one.patient);
    await handled(one.patient);
    expect(await listed(one)).toEqual([]);
    const [order] = await service.read<ServiceRequest>('ServiceRequest', `_id=${one.order.id}`);
    expect(order).toMatchObject({ status: 'active', priority: 'urgent' });
    await accepted(one.siu({ start: '20260310093000' }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260310 093000']);
  });

  it('cancelled after its successor was booked leaves the successor', async () => {
    const one = aCase('SUCCESSOR');
    await place(one);
    await accepted(one.siu({ start: '20260311093000', appointmentNumber: 'OLD' }));
    await accepted(one.siu({ start: '20260312093000', appointmentNumber: 'NEW' }));
    await accepted(one.siu({ event: 'S15', appointmentNumber: 'OLD' }));
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260312 093000']);
  });
});

describe('An exam that has begun', () => {
  it('is not moved or called off: refused with the field; what changes nothing is accepted', async () => {
    const one = aCase('BEGUN');
    await place(one);
    await accepted(one.siu({ start: '20260313093000' }));
    const uid = '2.25.7770001';
    await service.create(uid, await listed(one));
    const refused = async (parts: Parameters<typeof aSiuMessage>[0], place: string) => {
      const [, msa, err] = await one.siu(parts);
      expect(msa).toMatch(/^MSA\|AE\|/);
      expect(err).toContain(place);
      expect(err).toContain('207');
    };
    await refused({ event: 'S13', start: '20260313120000' }, 'AIS^1^4');
    await refused({ event: 'S15', status: 'Cancelled' }, 'SCH^1^25');
    await refused({ event: 'S26' }, 'MSH^1^9^1^2');
    await refused({ event: 'S14', start: '20260313093000', room: 'CT room 2' }, 'AIL^1^3');
    expect(await appointmentOf(one)).toMatchObject({ status: 'arrived', start: '2026-03-13T08:30:00.000Z' });
    await accepted(one.siu({ event: 'S14', status: 'Started' }));
    // What was refused left nothing behind: after the wrong choice at the scanner the step is back at its time.
    const wrongEntry = {
      CodeValue: '110514',
      CodingSchemeDesignator: 'DCM',
      CodeMeaning: 'Incorrect worklist entry selected',
    };
    await service.set(uid, {
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: [wrongEntry],
    });
    expect((await listed(one)).map(slotOf)).toEqual(['CT01 20260313 093000']);
    expect(await appointmentOf(one)).toMatchObject({ status: 'checked-in' });
  });
});

describe('An appointment that names', () => {
  it('no order, an order of another patient, or no time is refused with the field', async () => {
    const [one, other] = [aCase('MINE'), aCase('THEIRS')];
    await place(other);
    const errorOf = async (parts: Parameters<typeof aSiuMessage>[0]) =>
      (await one.siu({ start: '20260316093000', ...parts }))[2];
    expect(await errorOf({ placerOrderNumber: '', appointmentNumber: 'X' })).toMatch(/SCH\^1\^26.*\|101/);
    expect(await errorOf({ placerOrderNumber: 'THEIRS' })).toMatch(/SCH\^1\^26.*\|204/);
    expect(await errorOf({ start: '' })).toMatch(/SCH\^1\^11.*\|101/);
    expect(await withoutOrder(one)).toEqual([]);
  });

  it('a patient who was merged is of the one who stands for them, told before or after', async () => {
    const [prior, survivor] = [aPatient({ mrn: 'PRIOR' }), aPatient({ mrn: 'SURVIVOR' })];
    const one = {
      ...aCase('MERGED'),
      patient: prior,
      order: aServiceRequest({ placerOrderNumber: 'MERGED', accessionNumber: 'MERGED', patient: prior }),
    };
    await place(one);
    const siu = (parts: Parameters<typeof aSiuMessage>[0]) =>
      service.take(aSiuMessage({ mrn: 'PRIOR', placerOrderNumber: 'MERGED', ...parts }));
    await accepted(siu({ start: '20260317093000' }));
    const link = { other: { reference: `Patient/${survivor.id}` }, type: 'replaced-by' as const };
    await service.tell('imaging.patient.merged.v1', survivor, { ...prior, active: false, link: [link] });
    await service.listed('MERGED', (item) => item.text('PatientID') === 'SURVIVOR');
    await accepted(siu({ event: 'S13', start: '20260317103000' }));
    const [item] = await listed(one);
    expect([slotOf(item), item!.text('PatientID')]).toEqual(['CT01 20260317 103000', 'SURVIVOR']);
  });

  it('an order under the number the patient had before meets it when the two are merged', async () => {
    const [prior, survivor] = [aPatient({ mrn: 'EARLIER' }), aPatient({ mrn: 'NOW' })];
    const order = aServiceRequest({ placerOrderNumber: 'MEETS', accessionNumber: 'MEETS', patient: survivor });
    const one = { ...aCase('MEETS'), patient: survivor, order };
    await accepted(service.take(aSiuMessage({ mrn: 'EARLIER', placerOrderNumber: 'MEETS', start: '20260318093000' })));
    await place(one);
    const link = { other: { reference: `Patient/${survivor.id}` }, type: 'replaced-by' as const };
    await service.tell('imaging.patient.merged.v1', survivor, { ...prior, active: false, link: [link] });
    await service.listed('MEETS', (item) => slotOf(item) === 'CT01 20260318 093000');
  });

  it('fields, tells what each of them makes', async () => {
    const response = await fetch(`${service.url}/hl7-messages/explain`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: new Uint8Array(aSiuMessage({ start: '20260303093000' })),
    });
    const { fields } = (await response.json()) as { fields: { place: string; makes: string[]; required?: string }[] };
    const of = (place: string) => fields.find((one) => one.place === place);
    expect(of('AIS-3')!.makes).toContain('Appointment.serviceType.text');
    expect(of('SCH-26')!.required).toContain('SCH-26');
  });
});
