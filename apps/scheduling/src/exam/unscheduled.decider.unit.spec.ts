import { describe, expect, it } from '@jest/globals';
import type { Appointment } from 'fhir/r4.js';
import type { PerformedProcedureStep } from '#dicom';
import { extensions, systems } from '#fhir';
import { aServiceRequest, failureOf } from '#testing';
import { candidatesFor, stepMatching, stepToLink } from './unscheduled.decider.js';

const exam: PerformedProcedureStep = {
  status: 'COMPLETED',
  modality: 'CT',
  scheduledSteps: [],
  performers: [],
  performedSeries: [],
};
const step = {
  appointmentId: 'a',
  patientId: 'p',
  dicomPatientId: 'P',
  studyInstanceUid: '1.2',
  accessionNumber: 'ACC',
  stepId: 'S1',
  modality: 'CT',
  stationAeTitle: 'CT01',
  status: 'SCHEDULED',
};

describe('An exam without an order', () => {
  it('is that of the one waiting step of its patient and modality', () => {
    expect(stepMatching(exam, 'p', [step])).toBe(step);
    expect(stepMatching({ ...exam, status: 'IN PROGRESS' }, 'p', [step])).toBe(step);
  });

  it.each<[string, typeof exam, Partial<typeof step>]>([
    ['of another patient', exam, { patientId: 'q' }],
    ['of another modality', exam, { modality: 'MR' }],
    ['that has begun', exam, { status: 'STARTED' }],
    ['that was withdrawn', exam, { status: 'CANCELLED' }],
    ['if it was given up', { ...exam, status: 'DISCONTINUED' }, {}],
    ['if it says no modality', { ...exam, modality: undefined }, {}],
  ])('is not that of a step %s', (_what, of, is) => {
    expect(stepMatching(of, 'p', [{ ...step, ...is }])).toBeUndefined();
  });

  it('is that of the step it names of several, and of none where it names none', () => {
    const other = { ...step, stepId: 'S2' };
    expect(stepMatching(exam, 'p', [step, other])).toBeUndefined();
    expect(stepMatching({ ...exam, scheduledSteps: [{ scheduledProcedureStepId: 'S2' }] }, 'p', [step, other])).toBe(
      other,
    );
  });
});

const appointment = (stepId: string, is: Partial<Appointment> = {}, modality = 'CT'): Appointment => ({
  resourceType: 'Appointment',
  id: stepId,
  status: 'booked',
  identifier: [{ system: systems.scheduledProcedureStepId, value: stepId }],
  extension: [{ url: extensions.modality, valueCode: modality }],
  basedOn: [{ reference: 'ServiceRequest/o' }],
  start: '2026-03-02T12:00:00Z',
  participant: [],
  ...is,
});

describe('What it may be', () => {
  const unscheduled = {
    mppsSopInstanceUid: '1',
    patientId: 'p',
    status: 'COMPLETED',
    modality: 'CT',
    createdAt: new Date('2026-03-02T10:00:00Z'),
  };
  const found = (is: Appointment, hours: number | undefined = 2, patientId = 'p') =>
    candidatesFor(unscheduled, [{ patientId, appointment: is }], hours).length;
  it('is a step of its patient and modality within the time of the site, before or after', () => {
    const early = appointment('S1', { start: '2026-03-02T08:00:00Z' });
    expect([found(appointment('S1')), found(early), found(appointment('S1'), 1.9), found(early, 1.9)]).toEqual([
      1, 1, 0, 0,
    ]);
    expect([
      found(appointment('S1', {}, 'MR')),
      found(appointment('S1', { status: 'arrived' })),
      found(appointment('S1'), 2, 'q'),
    ]).toEqual([0, 0, 0]);
    expect(candidatesFor(unscheduled, [{ patientId: 'p', appointment: appointment('S1') }], undefined)).toEqual([]);
  });
});

describe('The step a person means', () => {
  const order = aServiceRequest();
  const meant = (steps: Appointment[], stepId?: string, of = order) => stepToLink(exam, of, steps, stepId).id;
  it('is the one they name, else the one of the modality that waits, else the one that is over', () => {
    const [waiting, over, other] = [
      appointment('S1'),
      appointment('S2', { status: 'cancelled' }),
      appointment('S3', {}, 'MR'),
    ];
    expect([meant([over, waiting, other]), meant([over, other]), meant([waiting, other], 'S3')]).toEqual([
      'S1',
      'S2',
      'S3',
    ]);
  });
  it('is asked for where it is not clear, and refused where there is none', () => {
    const two = [appointment('S1'), appointment('S2')];
    const failing = (...given: Parameters<typeof meant>) => failureOf(() => meant(...given)).code;
    expect([
      failing(two),
      failing(two, 'S9'),
      failing([]),
      failing(two, 'S1', aServiceRequest({ status: 'entered-in-error' })),
    ]).toEqual(['field-missing', 'value-unknown', 'state-conflict', 'state-conflict']);
  });
});
