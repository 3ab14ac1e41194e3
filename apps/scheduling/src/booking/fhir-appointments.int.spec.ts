import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, OperationOutcome, Patient, ServiceRequest } from 'fhir/r4.js';
import { DateTime } from 'luxon';
import { DataSource } from 'typeorm';
import { extensions, uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, aSiuMessage, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { fieldOf } from '../../../../test/sandbox/hl7.js';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { StationBookings } from './station-bookings.store.js';

let ris: SandboxEmr;
let service: ASchedulingService;
beforeAll(async () => {
  ris = await new SandboxEmr().start();
  service = await ASchedulingService.start({
    stations: [
      { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1', opens: '07:00', closes: '19:00' },
      { aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'CT room 2', opens: '07:00', closes: '19:00' },
      { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
    ],
    destinations: [
      {
        name: 'ris',
        kind: 'mllp',
        host: '127.0.0.1',
        port: ris.mllpPort,
        application: 'RIS',
        facility: 'SGH',
        gets: ['appointments'],
      },
    ],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await ris?.stop();
});

/** A working day far enough ahead that no free time found for other tests falls on it; each test has its own. */
const day = (at: string, weeks = 0) =>
  DateTime.fromISO(`2039-03-07T${at}`, { zone: 'Europe/Berlin' }).plus({ weeks }).toJSDate().toISOString();
/** An order of a patient of its own, both known by one word, placed; without a time it has the next free one. */
async function placed(name: string, overrides: Parameters<typeof aServiceRequest>[0] = {}) {
  const { patient = aPatient({ mrn: name }) } = overrides;
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, ...overrides, patient });
  await service.tell('imaging.order.placed.v1', order, patient);
  await handled(patient);
  return { name, patient, order, appointment: await appointmentOf(order) };
}
async function handled({ id }: Patient): Promise<void> {
  const open = `SELECT FROM outbox WHERE aggregateid = $1 AND aggregatetype = 'imaging.order' AND NOT EXISTS
    (SELECT FROM inbox WHERE event_id = outbox.id::text)`;
  await until(async () => (await service.sql(open, [id])).length === 0, {
    within: 20_000,
    what: 'events to be handled',
  });
}
const appointmentOf = async ({ id }: ServiceRequest) =>
  (await service.read<Appointment>('Appointment', `based-on=ServiceRequest/${id}`))[0]!;
const put = (one: Appointment, change: Partial<Appointment>, { query = '', ...headers }: Record<string, string> = {}) =>
  service.send('PUT', `Appointment/${one.id}${query}`, { ...one, ...change }, headers);
const at = (one: Appointment, aeTitle: string): Partial<Appointment> => ({
  participant: one.participant.map((other) =>
    other.actor?.reference?.startsWith('Device/')
      ? { actor: { reference: `Device/${uuidFrom('Device', aeTitle)}` }, status: 'accepted' }
      : other,
  ),
});
const said = ({ body }: { body: OperationOutcome }) => body.issue[0]!;
const told = async (event: 'booked' | 'moved' | 'cancelled', { patient }: { patient: Patient }) =>
  (await service.published(`imaging.schedule.${event}.v1`, patient.id)).length;
const listed = async (name: string) =>
  (await service.find({ AccessionNumber: name })).map((item) => {
    const step = item.items('ScheduledProcedureStepSequence')[0]!;
    return [
      step.text('ScheduledStationAETitle'),
      step.text('ScheduledProcedureStepStartDate'),
      step.text('ScheduledProcedureStepStartTime'),
    ].join(' ');
  });
const reasonOf = (one: Appointment) =>
  one.extension?.find(({ url }) => url === extensions.schedulingReason)?.valueString;

describe('A person who changes an appointment', () => {
  it('moves it in time and to another station; worklist, event, history and audit say so', async () => {
    const one = await placed('MOVE');
    const { status, headers, body } = await put(
      one.appointment,
      { start: day('10:00'), end: day('10:25'), ...at(one.appointment, 'CT02') },
      { 'if-match': 'W/"1"' },
    );
    expect([status, headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(body).toMatchObject({ status: 'booked', start: day('10:00'), end: day('10:25') });
    expect(reasonOf(body)).toBe('at the time a person chose; at the station a person chose');
    expect(await listed('MOVE')).toEqual(['CT02 20390307 100000']);
    expect([await told('booked', one), await told('moved', one)]).toEqual([1, 1]);
    const audit = await service.sql<{ body: { action: string } }>(
      "SELECT body FROM audit_event WHERE body->>'action' = 'U' AND body::text LIKE $1",
      [`%Appointment/${one.appointment.id}%`],
    );
    expect(audit).toHaveLength(1);
  });

  it('has it stay there when the order changes but asks for no other time, and gives way to one it asks for later', async () => {
    const one = await placed('STAY', { occurrenceDateTime: day('08:00', 1) });
    await put(one.appointment, { start: day('09:00', 1), end: day('09:15', 1) });
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'urgent' }, one.patient);
    await handled(one.patient);
    expect(await listed('STAY')).toEqual(['CT01 20390314 090000']);
    await service.tell('imaging.order.changed.v1', { ...one.order, occurrenceDateTime: day('11:00', 1) }, one.patient);
    await handled(one.patient);
    expect(await listed('STAY')).toEqual(['CT01 20390314 110000']);
  });

  it('says the same twice and it is told once; an older version, or another id, changes nothing', async () => {
    const one = await placed('TWICE');
    const first = await put(one.appointment, { start: day('09:00', 2), end: day('09:15', 2) });
    const again = await put(first.body, {});
    expect([again.status, again.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(await told('moved', one)).toBe(1);
    const late = await put(one.appointment, { start: day('12:00', 2), end: day('12:15', 2) }, { 'if-match': 'W/"1"' });
    expect([late.status, said(late).code]).toEqual([412, 'conflict']);
    expect(await listed('TWICE')).toEqual(['CT01 20390321 090000']);
    expect((await service.send('PUT', 'Appointment/nobody', { ...one.appointment, id: 'nobody' })).status).toBe(404);
  });

  it('cancels it with a reason, which takes it off, and books it again', async () => {
    const one = await placed('CANCEL');
    const off = await put(one.appointment, {
      status: 'cancelled',
      cancelationReason: { text: 'Patient has a cold' },
      comment: 'calls back',
    });
    expect(off.body).toMatchObject({
      status: 'cancelled',
      cancelationReason: { text: 'Patient has a cold' },
      comment: 'calls back',
    });
    expect(await listed('CANCEL')).toEqual([]);
    expect(await service.sql('SELECT FROM station_booking WHERE appointment_id = $1', [one.appointment.id])).toEqual(
      [],
    );
    // Only who takes it back, or another time the order asks for, books it.
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'urgent' }, one.patient);
    await handled(one.patient);
    expect(await listed('CANCEL')).toEqual([]);
    const { body } = await put(off.body, {
      status: 'booked',
      start: day('13:00'),
      end: day('13:15'),
      cancelationReason: undefined,
    });
    expect((body as Appointment).cancelationReason).toBeUndefined();
    expect(await listed('CANCEL')).toEqual(['CT01 20390307 130000']);
    expect([await told('booked', one), await told('cancelled', one)]).toEqual([2, 1]);
  });

  it('says that the patient is here, and takes it back; or that they did not come', async () => {
    const one = await placed('HERE');
    const here = await put(one.appointment, { status: 'checked-in' });
    expect(here.body).toMatchObject({ status: 'checked-in', start: one.appointment.start });
    expect(await listed('HERE')).toHaveLength(1);
    const back = await put(here.body, { status: 'booked' });
    expect(back.body).toMatchObject({ status: 'booked', start: one.appointment.start });
    const missed = await put(back.body, { status: 'noshow' });
    expect(missed.body).toMatchObject({ status: 'noshow' });
    expect(await listed('HERE')).toEqual([]);
  });

  it('is refused what cannot be said, with the element', async () => {
    const { appointment: one } = await placed('WRONG');
    const refused = async (change: Partial<Appointment>) => {
      const answer = await put(one, change);
      return [answer.status, said(answer).expression?.[0]];
    };
    expect(await refused({ status: 'fulfilled' })).toEqual([400, 'Appointment.status']);
    expect(await refused({ status: 'cancelled' })).toEqual([400, 'Appointment.cancelationReason']);
    expect(await refused({ start: 'tomorrow' })).toEqual([400, 'Appointment.start']);
    expect(await refused({ start: day('10:00'), end: day('09:00') })).toEqual([400, 'Appointment.end']);
    expect(await refused({ start: '2020-03-02T08:00:00Z', end: '2020-03-02T09:00:00Z' })).toEqual([
      400,
      'Appointment.start',
    ]);
    expect(await refused({ basedOn: [{ reference: 'ServiceRequest/other' }] })).toEqual([400, 'Appointment.basedOn']);
    expect(await refused(at(one, 'DX01'))).toEqual([422, 'Appointment.participant']);
    expect(await refused(at(one, 'NOWHERE'))).toEqual([422, 'Appointment.participant']);
    const created = await service.send('POST', 'Appointment', one);
    expect([created.status, said(created).diagnostics]).toEqual([405, expect.stringContaining('come from orders')]);
    expect(
      (await appointmentOf({ id: one.basedOn![0]!.reference!.split('/')[1] } as ServiceRequest)).meta!.versionId,
    ).toBe('1');
    const metadata = await service.get<{ rest: { resource: { type: string; interaction: { code: string }[] }[] }[] }>(
      '/fhir/metadata',
    );
    expect(metadata.rest[0]!.resource.find(({ type }) => type === 'Appointment')!.interaction).toContainEqual({
      code: 'update',
    });
  });
});

describe('A time that is taken', () => {
  it('is refused with the next free one, unless the person insists; then it is kept', async () => {
    const [first, second] = [await placed('FIRST'), await placed('SECOND')];
    const time = { start: day('10:00', 3), end: day('10:15', 3) };
    expect((await put(first.appointment, { ...time, ...at(first.appointment, 'CT01') })).status).toBe(200);
    const wanted = { ...time, ...at(second.appointment, 'CT01') };
    const refused = await put(second.appointment, wanted);
    expect([refused.status, said(refused).expression]).toEqual([409, ['Appointment.start']]);
    expect(said(refused).diagnostics).toMatch(
      /taken then; the next free time is 2039-03-28T10:15.*there, 2039-03-28T10:00.*at CT02/,
    );
    expect((await appointmentOf(second.order)).meta!.versionId).toBe('1');
    const insisted = await put(second.appointment, wanted, { query: '?force=true' });
    expect(reasonOf(insisted.body)).toMatch(/^at the time a person chose, although the station is taken then/);
    // What nobody forces still finds it taken.
    const third = await placed('THIRD', { occurrenceDateTime: '2039-03-28' });
    expect((await put(third.appointment, { ...time, ...at(third.appointment, 'CT01') })).status).toBe(409);
  });

  it('is given to one of several who want it at once; nobody else is put there, nor are they moved from it', async () => {
    const names = ['A', 'B', 'C', 'D', 'E', 'F'].map((name) => `RACE${name}`);
    const cases = await Promise.all(names.map((name) => placed(name)));
    const time = { start: day('10:00', 4), end: day('10:15', 4) };
    const answers = await Promise.all(cases.map(({ appointment: one }) => put(one, { ...time, ...at(one, 'CT02') })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    const booked = await service.sql(
      "SELECT is_ours, is_chosen FROM station_booking WHERE station_ae_title = 'CT02' AND during && tstzrange($1, $2)",
      [time.start, time.end],
    );
    expect(booked).toEqual([{ is_ours: true, is_chosen: true }]);
    const bookings = service.app.get(StationBookings);
    const { manager } = service.app.get(DataSource);
    expect(await bookings.upcoming(manager, ['CT02'], new Date(time.start), new Date(time.end), [])).toMatchObject([
      { isOurs: false },
    ]);
    await expect(
      service.sql(
        "INSERT INTO station_booking (appointment_id, station_ae_title, during, is_ours) VALUES ('x', 'CT02', tstzrange($1, $2), true)",
        [time.start, time.end],
      ),
    ).rejects.toThrow(/exclusion/);
  });

  it('when the station is not open, or the patient is elsewhere, is refused as well', async () => {
    const [one, other] = [await placed('SAME1'), await placed('SAME2', { patient: aPatient({ mrn: 'SAME1' }) })];
    const night = await put(one.appointment, { start: day('22:00', 5), end: day('22:15', 5) });
    expect([night.status, said(night).diagnostics]).toEqual([
      409,
      expect.stringMatching(/not open then; the next free time is 2039-04-12T07:00/),
    ]);
    expect(
      (await put(one.appointment, { start: day('10:00', 5), end: day('10:15', 5), ...at(one.appointment, 'CT01') }))
        .status,
    ).toBe(200);
    const twice = await put(other.appointment, {
      start: day('10:00', 5),
      end: day('10:15', 5),
      ...at(other.appointment, 'CT02'),
    });
    expect([twice.status, said(twice).diagnostics]).toEqual([
      409,
      expect.stringContaining('the patient has another exam then'),
    ]);
  });

  it('is offered by the free times of the appointment, which are recorded as seen', async () => {
    const one = await placed('OFFER');
    const blocking = await placed('BLOCK');
    await put(blocking.appointment, {
      start: day('07:00', 6),
      end: day('08:00', 6),
      ...at(blocking.appointment, 'CT01'),
    });
    const path = `/appointments/${one.appointment.id}/free-times?from=2039-04-18T06:00&until=2039-04-18T08:30`;
    const { freeTimes } = await service.get<{ freeTimes: Record<string, string>[] }>(`${path}&aeTitle=CT01`);
    expect(freeTimes.map(({ start, stationAeTitle }) => `${start} ${stationAeTitle}`)).toEqual([
      '2039-04-18T08:00:00+02:00 CT01',
      '2039-04-18T08:15:00+02:00 CT01',
    ]);
    const all = await service.get<{ freeTimes: { start: string; stationAeTitle: string }[] }>(`${path}&limit=3`);
    expect(all.freeTimes.map(({ start, stationAeTitle }) => `${start.slice(11, 16)} ${stationAeTitle}`)).toEqual([
      '07:00 CT02',
      '07:15 CT02',
      '07:30 CT02',
    ]);
    const [first] = all.freeTimes;
    expect(
      (await put(one.appointment, { start: first!.start, end: undefined, ...at(one.appointment, 'CT02') })).status,
    ).toBe(200);
    const seen = await service.sql("SELECT FROM audit_event WHERE body->>'action' = 'R' AND body::text LIKE $1", [
      `%Appointment/${one.appointment.id}%`,
    ]);
    expect(seen).toHaveLength(2);
    expect((await fetch(`${service.url}/appointments/nobody/free-times`)).status).toBe(404);
    expect((await fetch(`${service.url}${path}&limit=0`)).status).toBe(400);
  });
});

describe('An exam that has begun', () => {
  it('is not moved or called off by anybody', async () => {
    const { appointment } = await placed('BEGUN', { occurrenceDateTime: day('09:00', 7) });
    await service.create('2.25.8880001', await service.find({ AccessionNumber: 'BEGUN' }));
    const begun = await appointmentOf({ id: appointment.basedOn![0]!.reference!.split('/')[1] } as ServiceRequest);
    for (const change of [{ start: day('12:00', 7), end: day('12:15', 7) }, { status: 'noshow' as const }]) {
      const refused = await put(begun, change);
      expect([refused.status, said(refused).code]).toEqual([409, 'business-rule']);
    }
    expect((await put(begun, {})).status).toBe(200);
  });

  it('and was given up is booked again by a person, at the same time even', async () => {
    const one = await placed('GIVENUP', { occurrenceDateTime: day('10:00', 7) });
    await service.create('2.25.8880002', await service.find({ AccessionNumber: 'GIVENUP' }));
    const refusal = {
      CodeValue: '110505',
      CodingSchemeDesignator: 'DCM',
      CodeMeaning: 'Patient refused to continue procedure',
    };
    await service.set('2.25.8880002', {
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: [refusal],
    });
    const off = await appointmentOf(one.order);
    expect(off.status).toBe('cancelled');
    expect((await put(off, { status: 'booked', cancelationReason: undefined })).body).toMatchObject({
      status: 'booked',
    });
    expect(await listed('GIVENUP')).toEqual(['CT01 20390425 100000']);
  });

  it('is booked by nobody while its order is on hold', async () => {
    const one = await placed('HELD', { occurrenceDateTime: day('11:00', 7) });
    await service.tell('imaging.order.changed.v1', { ...one.order, status: 'on-hold' }, one.patient);
    await handled(one.patient);
    const held = await appointmentOf(one.order);
    const refused = await put(held, { status: 'booked', cancelationReason: undefined });
    expect([refused.status, said(refused).diagnostics]).toEqual([409, expect.stringContaining('on-hold')]);
  });
});

describe('An appointment of a RIS that a person changes', () => {
  const siu = (name: string, parts: Parameters<typeof aSiuMessage>[0]) =>
    service.take(aSiuMessage({ mrn: name, placerOrderNumber: name, ...parts }));
  const newsOf = (name: string) =>
    ris.messages
      .filter((one) => fieldOf(one, 'PID', 3).startsWith(`${name}^`))
      .map((one) => fieldOf(one, 'MSH', 9).split('^')[1]);

  it('is that appointment still: the RIS is told, and what it says later counts', async () => {
    const one = await placed('BOTH');
    await siu('BOTH', { start: '20390502093000', room: 'CT room 2' });
    const [following] = [await appointmentOf(one.order)];
    const moved = await put(following, { start: day('12:00', 8), end: day('12:15', 8) });
    expect(moved.body).toMatchObject({ start: day('12:00', 8), identifier: following.identifier });
    await siu('BOTH', { event: 'S14', status: 'Arrived' });
    expect(await appointmentOf(one.order)).toMatchObject({ status: 'checked-in', start: day('12:00', 8) });
    await until(() => newsOf('BOTH').length >= 2, { what: 'news of BOTH' });
    await siu('BOTH', { event: 'S15', reason: 'PAT^Patient asked^L' });
    expect(await listed('BOTH')).toEqual([]);
    expect(newsOf('BOTH')).toEqual(['S12', 'S13']);
  });

  it('is cancelled for good by a person, whatever older appointment of the RIS there is', async () => {
    const one = await placed('OLDER');
    await siu('OLDER', { start: '20390502103000', appointmentNumber: 'OLD' });
    await siu('OLDER', { start: '20390502113000', appointmentNumber: 'NEW' });
    const off = await put(await appointmentOf(one.order), {
      status: 'cancelled',
      cancelationReason: { text: 'Patient moved away' },
    });
    expect(off.body).toMatchObject({ status: 'cancelled', cancelationReason: { text: 'Patient moved away' } });
    expect(await listed('OLDER')).toEqual([]);
  });
});
