import { describe, expect, it } from '@jest/globals';
import type { Appointment } from 'fhir/r4.js';
import type { PerformedProcedureStep } from '#dicom';
import { patientIdOf, studyInstanceUidOf, uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, given, site as aSite } from '#testing';
import { orderAfter } from '../booking/appointment.decider.js';
import { appointmentAfter, expectedStudy, patientOfUnscheduled, placeOfExam, procedureOf } from './exam.decider.js';

const site = aSite();
const order = aServiceRequest();
const subject = { patient: aPatient(), orders: [order], appointments: [] };
const mpps = (overrides: Partial<PerformedProcedureStep> = {}): PerformedProcedureStep => ({
  status: 'IN PROGRESS',
  modality: 'CT',
  performedStationAeTitle: 'CT01',
  startedAt: '2026-03-02T09:00:00',
  scheduledSteps: [],
  performers: [],
  performedSeries: [],
  ...overrides,
});
const discontinued = (code: string) => mpps({ status: 'DISCONTINUED', discontinuationReason: { code } });
const appointment = (status: Appointment['status'] = 'arrived'): Appointment => ({
  resourceType: 'Appointment',
  status,
  participant: [],
});
const after =
  (step: PerformedProcedureStep, others: string[] = [], of = order) =>
  (one: Appointment) =>
    appointmentAfter(one, step, of, others);

describe('An exam', () => {
  it('has its times in the zone of the site, winter and summer', () => {
    expect(procedureOf('1.2', mpps(), subject, site).performedPeriod).toEqual({ start: '2026-03-02T09:00:00+01:00' });
    const summer = mpps({ startedAt: '2026-07-02T09:00:00', endedAt: '2026-07-02T09:20:00' });
    expect(procedureOf('1.2', summer, subject, site).performedPeriod).toEqual({
      start: '2026-07-02T09:00:00+02:00',
      end: '2026-07-02T09:20:00+02:00',
    });
  });

  it('has no time where the modality gives none that exists', () => {
    const { performedPeriod } = procedureOf('1.2', mpps({ startedAt: '2026-13-45T09:00:00' }), subject, site);
    expect(performedPeriod).toBeUndefined();
  });

  it('belongs to every order it performs', () => {
    const second = aServiceRequest({ placerOrderNumber: 'ORD2' });
    const group = { ...subject, orders: [order, second] };
    const references = [`ServiceRequest/${order.id}`, `ServiceRequest/${second.id}`];
    expect(procedureOf('1.2', mpps(), group, site).basedOn!.map((one) => one.reference)).toEqual(references);
    const study = expectedStudy(mpps({ studyInstanceUid: '1.2.3' }), group)!;
    expect(study.basedOn!.map((one) => one.reference)).toEqual(references);
  });

  it('expects the images the modality says it made, in the study of its order where it names none', () => {
    const instances = ['1.5.1', '1.5.2'].map((sopInstanceUid) => ({ sopClassUid: '1.2', sopInstanceUid }));
    const study = expectedStudy(mpps({ performedSeries: [{ seriesInstanceUid: '1.5', instances }] }), subject)!;
    expect(study).toMatchObject({ status: 'registered', numberOfSeries: 1, numberOfInstances: 2 });
    expect(study.id).toBe(uuidFrom('ImagingStudy', studyInstanceUidOf(order)!));
  });
});

describe('The place of an exam', () => {
  const [ct] = site.stations;
  const mobile = { ...ct!, aeTitle: 'MOBILE', name: 'Mobile', portable: true };
  const ward = aSite({ stations: [...site.stations, mobile] });
  const at = (aeTitle: string, bed: string | undefined, before?: ReturnType<typeof procedureOf>) =>
    placeOfExam(before, mpps({ performedStationAeTitle: aeTitle }), subject, bed, ward).location?.display;
  const examined = (display: string, patient = subject.patient) => ({
    ...procedureOf('1.2', mpps(), { ...subject, patient }, ward),
    location: { display },
  });

  it('is the room of its station, or the bed its unit came to', () => {
    expect([at('CT01', 'W3 1'), at('MOBILE', 'W3 1'), at('MOBILE', undefined)]).toEqual([
      'CT room 1',
      'W3 1',
      undefined,
    ]);
  });

  it('stays where it began, unless it turns out to be of somebody else', () => {
    expect(at('MOBILE', 'W5 2', examined('W3 1'))).toBe('W3 1');
    expect(at('MOBILE', 'W5 2', examined('W3 1', aPatient({ mrn: 'OTHER' })))).toBe('W5 2');
  });
});

describe('An unscheduled exam', () => {
  it('is of the patient whose number the modality gives', () => {
    const patient = patientOfUnscheduled('1.2', mpps({ patientId: 'P7' }), site);
    expect(patient.id).toBe(patientIdOf({ system: 'urn:oid:2.25.1001', value: 'P7' }));
  });

  it('is of nobody known where it gives none, and each is of another', () => {
    const [one, same, other] = ['1.2', '1.2', '1.3'].map((uid) => patientOfUnscheduled(uid, mpps(), site));
    expect(one!.identifier).toBeUndefined();
    expect(one!.id).toBe(same!.id);
    expect(one!.id).not.toBe(other!.id);
  });
});

describe('The Appointment of an exam', () => {
  it('follows it', () => {
    given(appointment('booked')).when(after(mpps())).then({ status: 'arrived' });
    given(appointment())
      .when(after(mpps({ status: 'COMPLETED' })))
      .then({ status: 'fulfilled' });
    given(appointment())
      .when(after(discontinued('110501')))
      .then({ status: 'cancelled' });
  });

  it('says why it was given up, and no longer once it is done after all', () => {
    const given = after(discontinued('110501'))(appointment());
    expect(given.cancelationReason!.coding![0]!.code).toBe('110501');
    expect(after(mpps({ status: 'COMPLETED' }))(given).cancelationReason).toBeUndefined();
  });

  it('is booked again after a wrong worklist entry (110514), unless its order wants it no more', () => {
    given(appointment())
      .when(after(discontinued('110514')))
      .then({ status: 'booked' });
    const revoked = aServiceRequest({ status: 'revoked' });
    given(appointment())
      .when(after(discontinued('110514'), [], revoked))
      .then({
        status: 'cancelled',
        cancelationReason: expect.objectContaining({ text: 'the order was cancelled' }) as object,
      });
  });

  it('stays done, or under way, where another exam of the step is', () => {
    given(appointment())
      .when(after(discontinued('110514'), ['COMPLETED']))
      .then({ status: 'fulfilled' });
    given(appointment())
      .when(after(discontinued('110501'), ['IN PROGRESS']))
      .then({ status: 'arrived' });
    // An exam whose modality never ended it does not keep the step open for ever.
    given(appointment())
      .when(after(mpps({ status: 'COMPLETED' }), ['IN PROGRESS']))
      .then({ status: 'fulfilled' });
  });
});

describe('An order', () => {
  it.each([
    [['fulfilled'], 'completed'],
    [['fulfilled', 'booked'], 'active'],
    [['fulfilled', 'cancelled'], 'completed'],
    [['cancelled'], 'active'],
    [[], 'active'],
  ] as const)('with steps %j is %s', (statuses, status) => {
    expect(
      orderAfter(
        order,
        statuses.map((one) => appointment(one)),
      ).status,
    ).toBe(status);
  });

  it('that was cancelled while its exam went on to the end is completed: it was done', () => {
    expect(orderAfter(aServiceRequest({ status: 'revoked' }), [appointment('fulfilled')]).status).toBe('completed');
  });
});
