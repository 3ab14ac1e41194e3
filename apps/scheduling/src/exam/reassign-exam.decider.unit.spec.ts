import { describe, expect, it } from '@jest/globals';
import { Dataset, performedProcedureStepFrom } from '#dicom';
import { extensions, studyInstanceUidOf } from '#fhir';
import { aServiceRequest, failureOf } from '#testing';
import { wasWrongWorklistEntry } from './exam.decider.js';
import type { PerformedProcedureStepRow } from './performed-procedure-steps.store.js';
import {
  asWrongWorklistEntry,
  isReassignedTo,
  reopened,
  underRightEntry,
  uidUnderRightEntry,
} from './reassign-exam.decider.js';

const row = (changes: Partial<PerformedProcedureStepRow> = {}): PerformedProcedureStepRow => ({
  sopInstanceUid: '1.2.3',
  status: 'COMPLETED',
  patientId: 'a',
  appointmentIds: ['step'],
  reason: null,
  attributes: Buffer.alloc(0),
  ...changes,
});
const done = Dataset.of({
  PatientID: 'A',
  Modality: 'CT',
  PerformedProcedureStepStatus: 'COMPLETED',
  PerformedStationAETitle: 'CT01',
  ScheduledStepAttributesSequence: [
    { StudyInstanceUID: '1.9', AccessionNumber: 'ACC-A', ScheduledProcedureStepID: '1' },
  ],
  PerformedSeriesSequence: [
    {
      SeriesInstanceUID: '1.5',
      ReferencedImageSequence: [{ ReferencedSOPClassUID: '1.2', ReferencedSOPInstanceUID: '1.5.1' }],
    },
  ],
});

describe('An exam that was done for another order', () => {
  it('may be given to it when it is over, and is so already where that was said before', () => {
    expect(isReassignedTo('right', row(), ['wrong'])).toBe(false);
    expect(isReassignedTo('right', row({ status: 'DISCONTINUED' }), ['wrong'])).toBe(false);
    expect(isReassignedTo('right', row({ reassignedTo: 'right', status: 'DISCONTINUED' }), ['wrong'])).toBe(true);
  });

  it.each([
    ['goes on', row({ status: 'IN PROGRESS' }), ['wrong'], 'goes on'],
    ['is of no order', row({ appointmentIds: [] }), [], '/unscheduled/'],
    ['is that of this order', row(), ['right'], 'of this order already'],
    ['was given to a third', row({ reassignedTo: 'third' }), ['wrong'], 'third order'],
  ])('is refused where it %s', (_what, of, orders, says) => {
    const failure = failureOf(() => isReassignedTo('right', of, orders));
    expect(failure.code).toBe('state-conflict');
    expect(failure.message).toContain(says);
  });

  it('is what its modality says of a wrong worklist entry', () => {
    const reported = performedProcedureStepFrom(done.modifiedBy(Dataset.of(asWrongWorklistEntry)));
    expect(wasWrongWorklistEntry(reported)).toBe(true);
    expect(reported.performedSeries).toHaveLength(1);
  });

  it('is under the right entry an exam of that order alone, whose images the PACS knows', () => {
    const order = aServiceRequest({ placerOrderNumber: 'R', accessionNumber: 'ACC-B' });
    const reported = performedProcedureStepFrom(done.modifiedBy(Dataset.of(underRightEntry(order, '7', 'B'))));
    expect(reported).toMatchObject({ status: 'COMPLETED', patientId: 'B', performedStationAeTitle: 'CT01' });
    expect(reported.performedSeries).toEqual([]);
    expect(reported.scheduledSteps).toEqual([
      { studyInstanceUid: studyInstanceUidOf(order), accessionNumber: 'ACC-B', scheduledProcedureStepId: '7' },
    ]);
    expect(reported.studyInstanceUid ?? studyInstanceUidOf(order)).toBe(studyInstanceUidOf(order));
    const uid = uidUnderRightEntry('1.2.3', order.id!);
    expect(uid).toMatch(/^2\.25\.\d{1,39}$/);
    expect([uidUnderRightEntry('1.2.3', order.id!), uidUnderRightEntry('1.2.3', 'x') === uid]).toEqual([uid, false]);
  });
});

it('The order of the wrong entry is as it was before, and says when it was reopened, once', () => {
  const now = new Date('2026-03-02T10:00:00Z');
  const order = aServiceRequest();
  const first = reopened({ ...order, status: 'completed' }, 'revoked', now);
  expect(first.status).toBe('revoked');
  const again = reopened(first, 'active', new Date('2026-03-03T10:00:00Z'));
  expect(again.extension!.filter(({ url }) => url === extensions.reopened)).toEqual([
    { url: extensions.reopened, valueInstant: '2026-03-03T10:00:00.000Z' },
  ]);
});
