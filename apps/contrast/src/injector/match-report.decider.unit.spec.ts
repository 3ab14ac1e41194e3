import { describe, expect, it } from '@jest/globals';
import { studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest } from '#testing';
import { matchReport, type Candidate } from './match-report.decider.js';

const patient = aPatient({ mrn: '700001' });
const order = aServiceRequest({ accessionNumber: 'ACC1', patient });
const candidate: Candidate = { order, patient, scheduledStepIds: ['STEP1'], performedStepUids: ['2.25.5'] };
const right = {
  patientId: '700001',
  accessionNumbers: ['ACC1'],
  studyUids: [studyInstanceUidOf(order)!],
  scheduledStepIds: ['STEP1'],
  performedStepUids: ['2.25.5'],
};

describe('which order a report of an injector is of', () => {
  it('is the one whose numbers it has, all or some', () => {
    expect(matchReport(right, [candidate])).toEqual({ state: 'matched', order });
    const some = { ...right, studyUids: [], scheduledStepIds: [], performedStepUids: [] };
    expect(matchReport(some, [candidate])).toEqual({ state: 'matched', order });
    expect(matchReport(right, [{ ...candidate, scheduledStepIds: [], performedStepUids: [] }]).state).toBe('matched');
  });
  it('is not known yet where no order has one of its numbers', () => {
    expect(matchReport(right, [])).toEqual({ state: 'waiting' });
  });
  it.each([
    ['patient id', { patientId: '700002' }],
    ['patient id', { patientId: undefined }],
    ['accession number', { accessionNumbers: ['ACC2'] }],
    ['study instance uid', { studyUids: ['2.25.99'] }],
    ['scheduled procedure step id', { scheduledStepIds: ['STEP2'] }],
    ['performed procedure step', { performedStepUids: ['2.25.6'] }],
  ])('is never guessed where its %s is not that of the exam', (disagreement, changes) => {
    expect(matchReport({ ...right, ...changes }, [candidate])).toEqual({
      state: 'disagrees',
      disagreements: [disagreement],
    });
  });
  it('is for a person to say where two fit, and sure where the other one does not', () => {
    const other = aServiceRequest({ placerOrderNumber: 'P2', accessionNumber: 'ACC1', patient });
    const without = { ...right, studyUids: [] };
    expect(matchReport(without, [candidate, { ...candidate, order: other }])).toEqual({ state: 'ambiguous' });
    const anothers = { ...candidate, order: other, patient: aPatient({ mrn: '700002' }) };
    expect(matchReport(without, [candidate, anothers])).toEqual({ state: 'matched', order });
  });
});
