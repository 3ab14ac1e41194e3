import { describe, expect, it } from '@jest/globals';
import type { StudyInPacs } from '#dicom';
import { studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest, site as aSite } from '#testing';
import { anExam } from '../a-results-service.spec.js';
import { decideWatch, hasAccessionNumber, patientOfImages, type Known } from './study-watch.decider.js';

const site = aSite();
const since = new Date('2026-03-02T10:00:00Z');
const after = (hours: number) => new Date(since.getTime() + hours * 3_600_000);
const patient = aPatient({ mrn: 'A1' });
const order = aServiceRequest({ patient, accessionNumber: 'ACC1' });
const ownUid = studyInstanceUidOf(order)!;
const known = (parts: Partial<Known> = {}): Known => ({ orders: [{ order, patient }], exams: [], ...parts });
const listed = (parts: Partial<StudyInPacs> = {}): StudyInPacs => ({
  studyInstanceUid: ownUid,
  modalities: [],
  patientId: 'A1',
  ...parts,
});
const decide = (study: StudyInPacs | undefined, what = known(), hours = 1) =>
  decideWatch(study?.studyInstanceUid ?? ownUid, study, what, site, since, after(hours));

describe('A study no exam told of', () => {
  it('that the PACS does not have is asked for hourly for a day', () => {
    expect(decide(undefined)).toEqual({ is: 'not-there', next: after(2) });
    expect(decide(undefined, known(), 24)).toEqual({ is: 'not-there' });
  });

  it('is that of the order with its Study Instance UID, also where the images name no patient', () => {
    for (const patientId of ['A1', undefined])
      expect(decide(listed({ patientId }))).toMatchObject({ is: 'without-mpps', order });
  });

  it('is that of the order with its accession number only where the images are under its patient', () => {
    const other = { studyInstanceUid: '1.2.3', accessionNumber: 'ACC1' };
    expect(decide(listed(other))).toMatchObject({ is: 'without-mpps', order });
    expect(decide(listed({ ...other, patientId: undefined }))).toMatchObject({ is: 'without-order' });
  });

  it('is nobody’s where the images are under another patient’s number, whatever else fits', () => {
    const decision = decide(listed({ patientId: 'B2' }));
    expect(decision).toMatchObject({
      is: 'without-order',
      detail: expect.stringContaining('another patient'),
      next: after(2),
    });
    expect(JSON.stringify(decision)).not.toMatch(/A1|B2/);
  });

  it('without any order waits a week for one', () => {
    expect(decide(listed(), known({ orders: [] }))).toMatchObject({ is: 'without-order', next: after(2) });
    expect(decide(listed(), known({ orders: [] }), 7 * 24)).not.toHaveProperty('next');
  });

  it('is told apart by whether its exam was begun', () => {
    const exams = [anExam('1.9', 'in-progress', patient, [order])];
    expect(decide(listed())).toMatchObject({ detail: expect.stringContaining('no MPPS') });
    expect(decide(listed(), known({ exams }))).toMatchObject({ detail: expect.stringContaining('never ended') });
  });
});

it('an accession number is none of the other numbers of an order', () => {
  expect(hasAccessionNumber(order, 'ACC1')).toBe(true);
  expect(hasAccessionNumber(order, 'ORD1')).toBe(false);
});

it('images are of the patient with their number, or of nobody known', () => {
  expect(patientOfImages(site.authorities[site.patientAuthority]!, 'A1', '1.2')).toBe(patient.id);
  expect(patientOfImages('s', undefined, '1.2')).not.toBe(patientOfImages('s', undefined, '1.3'));
});
