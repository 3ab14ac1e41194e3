import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, Bundle, Communication, Patient } from 'fhir/r4.js';
import { systems } from '#fhir';
import { anAdministration, aPatient, aServiceRequest } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';
import type { ListedInstruction } from './instructions.store.js';

const [emr, reader] = [new SandboxEmr(), new SandboxEmr()];
let service: AResultsService;
beforeAll(async () => {
  await Promise.all([emr.start(), reader.start()]);
  const preparation = {
    id: 'fasting',
    when: 'preparation',
    procedures: ['CTCHESTC'],
    title: 'Before',
    text: '{date}, {time}',
  } as const;
  service = await AResultsService.start({
    destinations: [
      { name: 'emr', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 0.5, gets: ['instructions'] },
      { name: 'reader', kind: 'fhir', url: reader.fhirUrl, gets: ['instructions'], by: 'updates' },
      { name: 'other', kind: 'fhir', url: reader.fhirUrl, gets: [] },
    ],
    instructions: {
      language: 'en',
      templates: [
        { ...preparation, procedures: ['CTCHESTC'], language: 'en' },
        { ...preparation, procedures: ['CTCHESTC'], language: 'de', title: 'Vorher' },
        { id: 'drink', when: 'after-care', afterContrast: true, language: 'en', title: 'After', text: 'Drink plenty.' },
        { id: 'eat', when: 'after-care', modalities: ['CT'], language: 'en', title: 'After', text: 'You may eat.' },
      ],
    },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([emr.stop(), reader.stop()]);
});

function aCase(name: string, parts: Partial<Patient> = {}) {
  const patient = aPatient({ mrn: name, ...parts });
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT' },
  });
  const appointment = (start: string, status: Appointment['status'] = 'booked'): Appointment => ({
    resourceType: 'Appointment',
    id: `ap-${name}`,
    status,
    start,
    participant: [],
  });
  const kept = async () => {
    const { entry = [] } = await service.get<Bundle<Communication>>(`/fhir/Communication?subject=${patient.id}`);
    return entry.map(({ resource }) => resource!);
  };
  const there = (where: SandboxEmr) =>
    where.store.all('Communication').filter(({ identifier }) => told.includes(identifier![0]!.value!));
  const told: string[] = [];
  const settled = async (count: number) => {
    await service.handled(patient);
    await service.delivered(patient, count);
    told.push(...(await kept()).map(({ id }) => id!));
  };
  const listed = async (state: string) => {
    const { instructions } = await service.get<{ instructions: ListedInstruction[] }>(
      `/patient-instructions?state=${state}`,
    );
    return instructions.filter(({ patientId }) => patientId === patient.id);
  };
  return { patient, order, appointment, kept, there, settled, listed };
}
const words = (all: Communication[]) => all.map(({ payload, status }) => [payload![0]!.contentString, status]);

describe('Instructions for a patient', () => {
  it('come with the booking in their language, once, move with it, and are taken back with it', async () => {
    const one = aCase('COURSE', { communication: [{ language: { coding: [{ code: 'de-AT' }] } }] });
    const { patient, order, appointment } = one;
    await service.tell('imaging.schedule.booked.v1', appointment('2026-03-02T09:00:00Z'), order, patient);
    await one.settled(2);
    const first = [['2. März 2026, 10:00', 'in-progress']];
    expect(words(await one.kept())).toEqual(first);
    expect(words(one.there(emr))).toEqual(first);
    expect(words(one.there(reader))).toEqual(first);
    expect(one.there(emr)).toMatchObject([
      {
        recipient: [{ reference: expect.stringMatching(/^Patient\//) }],
        about: [{ reference: expect.stringMatching(/^ServiceRequest\//) }],
        topic: { text: 'Vorher' },
      },
    ]);

    await service.tell('imaging.schedule.moved.v1', appointment('2026-03-03T09:00:00Z'), order, patient);
    await one.settled(4);
    for (const where of [emr, reader])
      expect(words(one.there(where))).toEqual([['3. März 2026, 10:00', 'in-progress']]);
    await service.tell('imaging.schedule.moved.v1', appointment('2026-03-03T09:00:00Z', 'arrived'), order, patient);
    await one.settled(4);

    await service.tell(
      'imaging.schedule.cancelled.v1',
      appointment('2026-03-03T09:00:00Z', 'cancelled'),
      order,
      patient,
    );
    await one.settled(6);
    for (const where of [emr, reader]) expect(words(one.there(where))).toEqual([['3. März 2026, 10:00', 'stopped']]);
    expect(await one.listed('withdrawn')).toMatchObject([
      {
        instruction: 'fasting',
        language: 'de',
        deliveries: [
          { destination: 'emr', state: 'done' },
          { destination: 'reader', state: 'done' },
        ],
      },
    ]);
    expect(await service.published('imaging.result.instruction-changed.v1', patient.id)).toHaveLength(3);
  });

  it('come after the exam and its contrast, and are withdrawn where that was never given', async () => {
    const one = aCase('AFTER');
    const { patient, order } = one;
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam('1.2.77', 'completed', patient, [order]),
      patient,
      order,
    );
    const given = anAdministration({ id: 'plan', subject: { reference: `Patient/${patient.id}` } }, { id: 'm-after' });
    await service.tell('imaging.contrast.administered.v1', given, patient, order);
    await one.settled(4);
    expect(words(await one.kept()).sort()).toEqual([
      ['Drink plenty.', 'in-progress'],
      ['You may eat.', 'in-progress'],
    ]);
    await service.tell('imaging.contrast.administered.v1', { ...given, status: 'entered-in-error' }, patient, order);
    await one.settled(6);
    expect(words(one.there(emr)).sort()).toEqual([
      ['Drink plenty.', 'stopped'],
      ['You may eat.', 'in-progress'],
    ]);
  });

  it('are read where a portal says so of the words that stand, by id or by number, and it is kept', async () => {
    const one = aCase('READ');
    const { patient, order, appointment } = one;
    await service.tell('imaging.schedule.booked.v1', appointment('2026-03-02T09:00:00Z'), order, patient);
    await one.settled(2);
    const [told] = await one.kept();
    const path = `Communication/${told!.id}`;
    const read = { ...told!, status: 'completed', received: '2026-03-01T10:00:00Z' };
    expect((await service.send('PUT', path, told!)).status).toBe(400);
    expect((await service.send('PUT', path, { ...read, payload: [{ contentString: 'other' }] })).status).toBe(409);
    expect((await service.send('PUT', path, read, { 'if-match': 'W/"7"' })).status).toBe(412);
    expect((await service.send('PUT', 'Communication/nobody', { ...read, id: 'nobody' })).status).toBe(404);
    expect(await one.listed('unread')).toHaveLength(1);
    // As the EMR has it, under an id of its own.
    const [theirs] = one.there(emr);
    const answer = await service.send('PUT', `Communication?identifier=${systems.instruction}|${told!.id}`, {
      ...theirs!,
      status: 'completed',
      received: '2026-03-01T10:00:00Z',
    });
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { id: told!.id, status: 'completed', received: '2026-03-01T10:00:00Z' },
    ]);
    expect((await service.send('PUT', path, read)).headers.get('etag')).toBe('W/"2"');
    expect(await one.listed('read')).toMatchObject([
      { received: '2026-03-01T10:00:00Z', deliveries: [{ state: 'done' }, { state: 'done' }] },
    ]);
    const audited = await service.sql(`SELECT FROM audit_event WHERE body::text LIKE '%' || $1 || '%'`, [path]);
    expect(audited.length).toBeGreaterThanOrEqual(2);

    await service.tell('imaging.schedule.moved.v1', appointment('2026-03-04T09:00:00Z'), order, patient);
    await one.settled(4);
    expect((await one.kept())[0]).toMatchObject({ status: 'in-progress' });
    expect((await one.kept())[0]!.received).toBeUndefined();
    expect((await service.send('PUT', path, read)).status).toBe(409);
  });

  it('are listed as undelivered while the EMR does not take them', async () => {
    const one = aCase('AWAY');
    emr.fhirFault = { kind: 'status', status: 422, about: 'AWAY' };
    await service.tell('imaging.schedule.booked.v1', one.appointment('2026-03-02T09:00:00Z'), one.order, one.patient);
    await service.handled(one.patient);
    const [parked] = await service.delivered(one.patient, 1, 'parked');
    expect(await one.listed('undelivered')).toMatchObject([
      { deliveries: [{ destination: 'emr', state: 'parked' }, { destination: 'reader' }] },
    ]);
    emr.fhirFault = undefined;
    await service.post(`/deliveries/${parked!.id}/retry`);
    await one.settled(2);
    expect(await one.listed('undelivered')).toEqual([]);
    expect((await service.get<{ code: string }>('/patient-instructions?state=lost')).code).toBe('field-invalid');
  });
});
