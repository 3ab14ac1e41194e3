import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  AllergyIntolerance,
  Appointment,
  DetectedIssue,
  Encounter,
  Observation,
  ServiceRequest,
} from 'fhir/r4.js';
import type { Dataset } from '#dicom';
import { contrastScreeningIdOf, extensions, systems } from '#fhir';
import { UnitOfWork } from '#messaging';
import { anAllergy, anObservation, aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { CountWorklistItems } from '../worklist/count-worklist-items.js';
import { ScheduleDesk } from './schedule-desk.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

/** An order of a patient of its own, known by one word. */
function anOrder(name: string, overrides: Parameters<typeof aServiceRequest>[0] = {}) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, ...overrides });
  return { patient, order };
}
const place = (
  { order, patient }: ReturnType<typeof anOrder>,
  ...more: (Encounter | AllergyIntolerance | Observation)[]
) => service.tell('imaging.order.placed.v1', order, patient, ...more);
const appointmentsOf = ({ order }: { order: ServiceRequest }) =>
  service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`);
const contrast = { code: 'CTCHESTC', display: 'CT chest with contrast' };

describe('An order that is placed', () => {
  it('is on the worklist of its station with all a technologist needs, and on no other', async () => {
    const placed = anOrder('PLACED', {
      procedure: contrast,
      occurrenceDateTime: '2026-03-05T10:30:00+01:00',
      priority: 'urgent',
    });
    await place(placed);
    const item = await service.listed('PLACED');
    const step = item.items('ScheduledProcedureStepSequence')[0]!;
    expect(item.text('PatientName')).toBe('Tester^Tilda');
    expect(item.text('PatientID')).toBe('PLACED');
    expect(item.text('RequestedProcedurePriority')).toBe('HIGH');
    expect(item.text('RequestedContrastAgent')).toBe('iopromide');
    expect(step.text('ScheduledStationAETitle')).toBe('CT01');
    expect(step.text('ScheduledProcedureStepStartDate')).toBe('20260305');
    expect(step.text('ScheduledProcedureStepStartTime')).toBe('103000');
    expect(step.text('PreMedication')).toBe('Nothing to eat for 4 hours');
    expect(step.items('ScheduledProtocolCodeSequence')[0]!.text('CodeValue')).toBe('CTCHC');
    expect(await service.find({ AccessionNumber: 'PLACED' }, { ScheduledStationAETitle: 'DX01' })).toEqual([]);

    const [appointment] = await appointmentsOf(placed);
    expect(appointment).toMatchObject({ status: 'booked', start: '2026-03-05T09:30:00.000Z' });
    expect(JSON.stringify(appointment!.extension)).toContain('at the time ordered');
    const [booked] = (await service.published('imaging.schedule.booked.v1')).slice(-1);
    expect(booked!.map((one) => one.resourceType)).toEqual(['Appointment', 'ServiceRequest', 'Patient']);
  });

  it('is found by each key a modality may ask by, and by none that is another', async () => {
    await place(anOrder('KEYS', { occurrenceDateTime: '2026-03-06T10:00:00+01:00' }));
    await service.listed('KEYS');
    const day = { ScheduledProcedureStepStartDate: '20260306' };
    const found = async (query: object, step: object = day) =>
      (await service.find(query, step)).some((item) => item.text('AccessionNumber') === 'KEYS');
    for (const query of [
      { PatientName: 'TESTER*' },
      { PatientName: 'tester^t?lda' },
      { PatientID: 'KEYS' },
      { PatientID: 'KE*' },
      { RequestedProcedureID: 'KEYS' },
      { PatientName: 'T%*' },
    ])
      expect([query, await found(query)]).toEqual([query, !JSON.stringify(query).includes('%')]);
    for (const query of [{ PatientName: 'OTHER*' }, { PatientName: 'Tester' }, { PatientID: 'keys' }])
      expect([query, await found(query)]).toEqual([query, false]);
    for (const [range, is] of [
      ['20260306', true],
      ['20260305-20260306', true],
      ['-20260305', false],
      ['20260307-', false],
    ] as const)
      expect([range, await found({}, { ScheduledProcedureStepStartDate: range })]).toEqual([range, is]);
    expect(await found({}, { ...day, Modality: 'CT' })).toBe(true);
    expect(await found({}, { ...day, Modality: 'DX' })).toBe(false);
    expect(await found({}, { ...day, ScheduledProcedureStepStartTime: '0900-1100' })).toBe(true);
    expect(await found({}, { ...day, ScheduledProcedureStepStartTime: '1001-1100' })).toBe(false);
  });

  it('comes first where it is STAT', async () => {
    await place(anOrder('ROUTINE'));
    await service.listed('ROUTINE');
    await place(anOrder('STAT', { priority: 'stat' }));
    await service.listed('STAT');
    expect((await service.find())[0]!.text('AccessionNumber')).toBe('STAT');
  });

  it('on hold waits, and is listed once it is released', async () => {
    const held = anOrder('HELD', { status: 'on-hold' });
    await place(held);
    await service.tell('imaging.order.changed.v1', { ...held.order, status: 'active' }, held.patient);
    await service.listed('HELD');
    expect(await appointmentsOf(held)).toHaveLength(1);
  });

  it('of a procedure the site does not have is parked with its reason, and holds up nobody else', async () => {
    await place(anOrder('UNKNOWN', { procedure: { code: 'NOPE', display: 'Nope' } }));
    await place(anOrder('NEXT'));
    await service.listed('NEXT');
    await until(
      async () => {
        const { parked } = (await (await fetch(`${service.url}/parked`)).json()) as { parked: object[] };
        return JSON.stringify(parked).includes('procedure-unknown');
      },
      { what: 'the order to be parked' },
    );
  });
});

describe('An order that is changed or cancelled', () => {
  it('moves, keeps its Appointment, and tells', async () => {
    const one = anOrder('MOVED', { occurrenceDateTime: '2026-03-09T10:00:00+01:00' });
    await place(one);
    await service.listed('MOVED');
    const later = { ...one.order, occurrenceDateTime: '2026-03-09T11:15:00+01:00' };
    await service.tell('imaging.order.changed.v1', later, one.patient);
    await service.listed(
      'MOVED',
      (item) => item.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepStartTime') === '111500',
    );
    expect(await appointmentsOf(one)).toMatchObject([{ status: 'booked', start: '2026-03-09T10:15:00.000Z' }]);
    const moved = await service.published('imaging.schedule.moved.v1');
    expect(moved.flat().filter((resource) => resource.id === one.order.id)).toHaveLength(1);
  });

  it('leaves the worklist, gives its time back, and tells', async () => {
    const one = anOrder('CANCELLED');
    await place(one);
    await service.listed('CANCELLED');
    await service.tell('imaging.order.cancelled.v1', { ...one.order, status: 'revoked' }, one.patient);
    await service.unlisted('CANCELLED');
    const [appointment] = await appointmentsOf(one);
    expect(appointment).toMatchObject({ status: 'cancelled', cancelationReason: { text: 'the order was cancelled' } });
    expect(await service.sql('SELECT 1 FROM station_booking WHERE appointment_id = $1', [appointment!.id])).toEqual([]);
    const told = (await service.published('imaging.schedule.cancelled.v1')).flat();
    expect(told.filter((resource) => resource.id === one.order.id)).toHaveLength(1);
  });

  it('is parked where it was never placed here', async () => {
    const one = anOrder('NEVER');
    await service.tell('imaging.order.cancelled.v1', { ...one.order, status: 'revoked' }, one.patient);
    await until(
      async () => {
        const { parked } = (await (await fetch(`${service.url}/parked`)).json()) as { parked: object[] };
        return JSON.stringify(parked).includes('order-unknown');
      },
      { what: 'the cancellation to be parked' },
    );
  });
});

describe('A patient', () => {
  it('whose name is corrected has it on the worklist, also when an order brings the old one later', async () => {
    const one = anOrder('RENAMED');
    await place(one);
    await service.listed('RENAMED');
    const renamed = { ...one.patient, name: [{ family: 'Nakamura-Müller', given: ['Ærø'] }] };
    await service.tell('imaging.patient.updated.v1', renamed);
    await service.listed('RENAMED', (item) => item.text('PatientName') === 'Nakamura-Müller^Ærø');

    const second = aServiceRequest({ placerOrderNumber: 'R2', accessionNumber: 'R2', patient: one.patient });
    const old = { ...one.patient, meta: { versionId: '1' } };
    await service.tell('imaging.order.placed.v1', second, old);
    expect((await service.listed('R2')).text('PatientName')).toBe('Nakamura-Müller^Ærø');
    const [found] = await service.find({ PatientName: 'NAKAMURA*', AccessionNumber: 'RENAMED' });
    expect(found!.text('AccessionNumber')).toBe('RENAMED');
  });

  it('whose allergies are told has them on every item, those of before too, whatever brings them', async () => {
    const one = anOrder('ALLERGY');
    const allergies = (item: Dataset) => [...item.texts('Allergies')].sort();
    await place(one, anAllergy('Latex', { patient: one.patient }));
    expect(allergies(await service.listed('ALLERGY'))).toEqual(['Latex']);
    await service.tell('imaging.patient.updated.v1', one.patient, anAllergy('Iodine', { patient: one.patient }));
    await service.listed('ALLERGY', (item) => allergies(item).join() === 'Iodine,Latex');
    const second = aServiceRequest({ placerOrderNumber: 'A2', accessionNumber: 'A2', patient: one.patient });
    await service.tell('imaging.order.placed.v1', second, one.patient);
    expect(allergies(await service.listed('A2'))).toEqual(['Iodine', 'Latex']);
    // What says nothing of allergies takes none away.
    await service.tell('imaging.patient.updated.v1', { ...one.patient, gender: 'other' });
    const item = await service.listed('ALLERGY', (changed) => changed.text('PatientSex') === 'O');
    expect(allergies(item)).toEqual(['Iodine', 'Latex']);
  });

  it('whose contrast is screened has the outcome on the items of that exam, also when they are written anew', async () => {
    const one = anOrder('SCREENED', { note: [{ text: 'Needs an interpreter' }] });
    const other = aServiceRequest({ placerOrderNumber: 'S2', accessionNumber: 'S2', patient: one.patient });
    await place(one);
    await service.tell('imaging.order.placed.v1', other, one.patient);
    await service.listed('SCREENED');
    const screening: DetectedIssue = {
      resourceType: 'DetectedIssue',
      id: contrastScreeningIdOf(one.order.id!),
      status: 'final',
      patient: one.order.subject,
      code: { coding: [{ system: systems.contrastOutcome, code: 'stop' }] },
      implicated: [{ reference: `ServiceRequest/${one.order.id}` }],
    };
    await service.tell('imaging.contrast.screened.v1', screening, one.order, one.patient);
    const alerts = ['CONTRAST: STOP', 'Needs an interpreter'];
    const says = (texts: string[]) => (item: Dataset) => item.texts('MedicalAlerts').join() === texts.join();
    await service.listed('SCREENED', says(alerts));
    expect((await service.listed('S2')).texts('MedicalAlerts')).toEqual([]);
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'stat' }, one.patient);
    const rewritten = await service.listed('SCREENED', (item) => item.text('RequestedProcedurePriority') === 'STAT');
    expect(rewritten.texts('MedicalAlerts')).toEqual(alerts);
    await service.tell('imaging.contrast.screened.v1', { ...screening, status: 'cancelled' }, one.order, one.patient);
    await service.listed('SCREENED', says(['Needs an interpreter']));
  });

  it('whose contrast asks for preparation is moved to when that is done, and stays where it was ordered', async () => {
    const [ours, ordered] = [
      anOrder('PREPARED'),
      anOrder('ASKED', { occurrenceDateTime: new Date(Date.now() + 3_600_000).toISOString() }),
    ];
    for (const one of [ours, ordered]) await place(one);
    for (const name of ['PREPARED', 'ASKED']) await service.listed(name);
    const readyFrom = new Date(Date.now() + 13 * 3_600_000);
    for (const { order, patient } of [ours, ordered]) {
      const screening: DetectedIssue = {
        resourceType: 'DetectedIssue',
        id: contrastScreeningIdOf(order.id!),
        status: 'final',
        patient: order.subject,
        code: { coding: [{ system: systems.contrastOutcome, code: 'proceed-with-preparation' }] },
        extension: [{ url: extensions.readyFrom, valueDateTime: readyFrom.toISOString() }],
      };
      await service.tell('imaging.contrast.screened.v1', screening, order, patient);
    }
    const moved = await until(
      async () => {
        const [one] = await appointmentsOf(ours);
        return one && Date.parse(one.start!) >= readyFrom.getTime() && one;
      },
      { what: 'the exam to wait for its preparation' },
    );
    expect(JSON.stringify(moved.extension)).toContain('after preparation');
    const told = (await service.published('imaging.schedule.moved.v1', ours.patient.id)).at(-1)!;
    expect((told[0] as Appointment).start).toBe(moved.start);
    await service.listed('ASKED', (item) => item.text('MedicalAlerts')?.startsWith('CONTRAST: ONLY AFTER') === true);
    expect((await appointmentsOf(ordered))[0]!.start).toBe(ordered.order.occurrenceDateTime);
  });

  it('who is weighed, or found to be pregnant, is so on every item', async () => {
    const one = anOrder('STATE');
    const { patient } = one;
    const effectiveDateTime = new Date().toISOString();
    const weighed = (value: number) =>
      anObservation('29463-7', { patient, effectiveDateTime, valueQuantity: { value, code: 'kg' } });
    await place(one, weighed(72.5));
    const item = await service.listed('STATE');
    expect([item.text('PatientWeight'), item.number('PregnancyStatus')]).toEqual(['72.5', undefined]);
    const pregnant = { coding: [{ code: '77386006' }] };
    const found = anObservation('82810-3', { patient, effectiveDateTime, valueCodeableConcept: pregnant });
    await service.tell('imaging.patient.updated.v1', patient, found);
    const changed = await service.listed('STATE', (now) => now.number('PregnancyStatus') === 3);
    expect(changed.text('PatientWeight')).toBe('72.5');
  });

  it('who is moved to another bed is found there', async () => {
    const bed = (display: string): Encounter => ({
      resourceType: 'Encounter',
      id: 'visit-1',
      status: 'in-progress',
      class: {},
      location: [{ location: { display } }],
    });
    const one = anOrder('BED', { encounter: { reference: 'Encounter/visit-1' } });
    await place(one, bed('Ward 3'));
    expect((await service.listed('BED')).text('CurrentPatientLocation')).toBe('Ward 3');
    await service.tell('imaging.patient.updated.v1', one.patient, bed('Ward 7'));
    await service.listed('BED', (item) => item.text('CurrentPatientLocation') === 'Ward 7');
    // A change of the order that says nothing of the visit does not lose it.
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'asap' }, one.patient);
    const item = await service.listed('BED', (changed) => changed.text('RequestedProcedurePriority') === 'HIGH');
    expect(item.text('CurrentPatientLocation')).toBe('Ward 7');
  });
});

describe('The times we find', () => {
  it('are never taken twice, however many ask at once', async () => {
    const desk = service.app.get(ScheduleDesk);
    const orders = Array.from({ length: 40 }, (_, index) => anOrder(`MANY${index}`));
    await Promise.all(
      orders.map(({ order, patient }) =>
        service.app.get(UnitOfWork).run(patient.id!, (transaction) => desk.place({ order, patient }, transaction)),
      ),
    );
    const [{ booked }] = (await service.sql(
      "SELECT count(*)::int AS booked FROM worklist_item WHERE accession_number LIKE 'MANY%' AND status = 'SCHEDULED'",
    )) as [{ booked: number }];
    expect(booked).toBe(40);
    const overlapping = await service.sql(
      `SELECT 1 FROM station_booking AS a JOIN station_booking AS b
           ON a.station_ae_title = b.station_ae_title AND a.appointment_id < b.appointment_id AND a.during && b.during
        WHERE a.is_ours AND b.is_ours`,
    );
    expect(overlapping).toEqual([]);
  });

  it('cannot be taken twice even by a program that forgets to look', async () => {
    const insert = (id: string, from: string, to: string) =>
      service.sql(
        `INSERT INTO station_booking (appointment_id, station_ae_title, during, is_ours)
         VALUES ($1, 'CT09', tstzrange($2, $3), true)`,
        [id, from, to],
      );
    await insert('x1', '2026-03-02T10:00Z', '2026-03-02T10:20Z');
    await insert('x2', '2026-03-02T10:20Z', '2026-03-02T10:40Z');
    await expect(insert('x3', '2026-03-02T10:10Z', '2026-03-02T10:15Z')).rejects.toMatchObject({
      driverError: { code: '23P01' },
    });
  });
});

describe('The worklist over HTTP', () => {
  it('is the one modalities see, by station and day, and who saw it is recorded', async () => {
    await place(anOrder('HTTP', { occurrenceDateTime: '2026-03-12T08:00:00+01:00' }));
    await service.listed('HTTP');
    const get = async (query: string) => fetch(`${service.url}/worklist?${query}`);
    const { items } = (await (await get('aeTitle=CT01&date=2026-03-12')).json()) as { items: { attributes: object }[] };
    expect(items.map(({ attributes }) => attributes)).toMatchObject([{ AccessionNumber: 'HTTP' }]);
    expect((await get('date=12.3.2026')).status).toBe(400);
    const [audit] = await service.sql<{ body: object }>('SELECT body FROM audit_event ORDER BY recorded DESC LIMIT 1');
    expect(JSON.stringify(audit!.body)).toContain(`Patient/${anOrder('HTTP').patient.id}`);
  });
});

describe('The metrics', () => {
  it('say how many steps wait at each station', async () => {
    await place(anOrder('COUNTED'));
    await service.listed('COUNTED');
    await service.app.get(CountWorklistItems).count();
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    const items = (await service.find({}, { ScheduledStationAETitle: 'CT01' })).length;
    expect(metrics).toContain(`collimator_worklist_items{station="CT01",status="SCHEDULED"} ${items}`);
    expect(metrics).toMatch(
      /collimator_dimse_duration_seconds_count\{peer="CT01",operation="C-FIND",status="0x0000"\} [1-9]/,
    );
  });
});
