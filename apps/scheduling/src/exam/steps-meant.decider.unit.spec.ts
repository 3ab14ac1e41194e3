import { describe, expect, it } from '@jest/globals';
import type { PerformedProcedureStep } from '#dicom';
import { stepsMeant, type KnownStep } from './steps-meant.decider.js';

const step = (overrides: Partial<KnownStep> = {}): KnownStep => ({
  appointmentId: 'a1',
  patientId: 'uuid-1',
  dicomPatientId: 'P1',
  studyInstanceUid: '1.1',
  accessionNumber: 'ACC1',
  stepId: 'S1',
  modality: 'CT',
  stationAeTitle: 'CT01',
  ...overrides,
});
const mpps = (overrides: Partial<PerformedProcedureStep>): PerformedProcedureStep => ({
  status: 'IN PROGRESS',
  modality: 'CT',
  performedStationAeTitle: 'CT01',
  patientId: 'P1',
  scheduledSteps: [],
  performers: [],
  performedSeries: [],
  ...overrides,
});
const two = [step(), step({ appointmentId: 'a2', stepId: 'S2', modality: 'MR', stationAeTitle: 'MR01' })];
const meant = (reported: Partial<PerformedProcedureStep>, known: KnownStep[], reportedPatient?: string) => {
  const { steps, reason } = stepsMeant(mpps(reported), reportedPatient, known);
  return [steps.map(({ appointmentId }) => appointmentId), reason];
};

describe('The steps an MPPS means', () => {
  it.each([
    ['study and step', { studyInstanceUid: '1.1', scheduledProcedureStepId: 'S2' }, ['a2']],
    ['accession and step', { accessionNumber: 'ACC1', scheduledProcedureStepId: 'S2' }, ['a2']],
    [
      'a study of its own, but our accession',
      { studyInstanceUid: '9.9', accessionNumber: 'ACC1', scheduledProcedureStepId: 'S1' },
      ['a1'],
    ],
    ['the accession, and its modality tells', { accessionNumber: 'ACC1' }, ['a1']],
  ])('are found by %s', (_, reference, expected) => {
    expect(meant({ scheduledSteps: [reference] }, two)).toEqual([expected, null]);
  });

  it('may be several', () => {
    const both = two.map(({ studyInstanceUid, stepId }) => ({ studyInstanceUid, scheduledProcedureStepId: stepId }));
    expect(meant({ scheduledSteps: both }, two)).toEqual([['a1', 'a2'], null]);
  });

  it('are found by our study UID alone', () => {
    expect(meant({ studyInstanceUid: '1.1' }, [step()])).toEqual([['a1'], null]);
  });

  it('are those at the station where it cannot be told otherwise, and none if that does not tell', () => {
    const alike = [step(), step({ appointmentId: 'a2', stepId: 'S2', stationAeTitle: 'CT02' })];
    expect(meant({ scheduledSteps: [{ accessionNumber: 'ACC1' }] }, alike)).toEqual([['a1'], null]);
    const same = [step(), step({ appointmentId: 'a2', stepId: 'S2' })];
    expect(meant({ scheduledSteps: [{ accessionNumber: 'ACC1' }] }, same)).toEqual([
      [],
      'does not say which of several steps',
    ]);
  });

  it('are never those of another patient', () => {
    const reference = { studyInstanceUid: '1.1', scheduledProcedureStepId: 'S1' };
    expect(meant({ patientId: 'P2', scheduledSteps: [reference] }, two)).toEqual([
      [],
      "refers to another patient's step",
    ]);
    expect(meant({ patientId: undefined, scheduledSteps: [reference] }, two)).toEqual([['a1'], null]);
  });

  it('are those of whom the number stands for since a merge, though the item says another', () => {
    const reference = { studyInstanceUid: '1.1', scheduledProcedureStepId: 'S1' };
    const reported = { patientId: 'TRAUMA7', scheduledSteps: [reference] };
    expect(meant(reported, two, two[0]!.patientId)).toEqual([['a1'], null]);
    expect(meant(reported, two, 'somebody else')[0]).toEqual([]);
  });

  it('are none where it names none that is known', () => {
    expect(meant({ scheduledSteps: [{ accessionNumber: 'NONE' }] }, [])).toEqual([[], 'refers to no known step']);
    expect(meant({ scheduledSteps: [{ accessionNumber: 'ACC1', scheduledProcedureStepId: 'S9' }] }, two)).toEqual([
      [],
      'refers to no known step',
    ]);
    expect(meant({}, [])).toEqual([[], 'refers to no step']);
  });
});
