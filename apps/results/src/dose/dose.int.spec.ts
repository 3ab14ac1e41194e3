import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DetectedIssue, Observation } from 'fhir/r4.js';
import { newUid, sopClasses, type DatasetInput } from '#dicom';
import { systems } from '#fhir';
import { aMerge, aPatient, aServiceRequest, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';
import { aDoseReport, acquisition, ctTotals, text } from './a-dose-report.spec.js';

let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  pacs = await new APacs().start();
  service = await AResultsService.start({
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      aeTitles: ['PACS'],
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
    },
    doseReferenceLevels: [{ procedure: 'CTHEAD', measure: 'dlp', level: 850, unit: 'mGy.cm', source: 'test 2026' }],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await pacs.stop();
});

let studies = 0;
function aCase() {
  const uid = `1.2.840.77.${++studies}`;
  const patient = aPatient({ mrn: `ZZCANARY${studies}` });
  const order = aServiceRequest({ placerOrderNumber: uid, accessionNumber: `A${studies}`, patient });
  const images = [`${uid}.1.1`];
  pacs.studies.set(uid, images);
  const exam = (status: 'completed' | 'stopped') => anExam(`${uid}.9`, status, patient, [order]);
  return {
    uid,
    patient,
    report: (dlp: number, events = [acquisition(`${uid}.3.1`, 'Head', 50, dlp)], changes: DatasetInput = {}) =>
      aDoseReport([ctTotals(1, dlp), ...events], {
        StudyInstanceUID: uid,
        PatientID: patient.identifier![0]!.value!,
        ...changes,
      }),
    /** What an exam of somebody else did in this study. */
    completeAs: (other: typeof patient, performed: typeof order) =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.8`, 'completed', other, [performed]),
        other,
        performed,
        anExpectedStudy(uid, other, [performed], images),
      ),
    wrongEntry: () =>
      service.tell(
        'imaging.schedule.exam-discontinued.v1',
        { ...exam('stopped'), statusReason: { coding: [{ system: systems.dicomCode, code: '110514' }] } },
        patient,
        order,
        anExpectedStudy(uid, patient, [order], images),
      ),
    complete: () =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        exam('completed'),
        patient,
        order,
        anExpectedStudy(uid, patient, [order], images),
      ),
    told: (count: number, what: 'recorded' | 'exceeded' = 'recorded') =>
      until(
        async () => {
          const found = await service.published(`imaging.result.dose-${what}.v1`, patient.id);
          return found.length === count && found;
        },
        { within: 20_000, what: `${count} doses to be ${what}` },
      ),
  };
}

const store = (document: DatasetInput, caller?: string) => service.store(document, caller);
const dlpOf = (observation: unknown) =>
  (observation as Observation).component!.find(({ code }) => code.coding![0]!.code === '113813')!.valueQuantity!.value;
const waiting = async ({ uid }: { uid: string }) =>
  (
    await service.get<{ reports: { studyInstanceUid: string; state: string }[] }>('/dose/waiting-reports')
  ).reports.filter(({ studyInstanceUid }) => studyInstanceUid === uid);

describe('A radiation dose report', () => {
  it('stored before its exam is known waits for it, and above a reference level is told as exceeded', async () => {
    const one = aCase();
    const report = one.report(900);
    expect([await store(report), await store(report)]).toEqual([0, 0]);
    expect(await waiting(one)).toMatchObject([{ state: 'waiting' }]);
    const kept = await service.sql(
      'SELECT caller, length(bytes) > 500 AS whole FROM dose_report WHERE study_instance_uid = $1',
      [one.uid],
    );
    expect(kept).toEqual([{ caller: 'CT01', whole: true }]);
    await one.complete();
    const [[observation, ...others]] = (await one.told(1)) as [[Observation]];
    expect([observation.status, dlpOf(observation), observation.subject!.reference]).toEqual([
      'final',
      900,
      `Patient/${one.patient.id}`,
    ]);
    expect(others.map(({ resourceType }) => resourceType).sort()).toEqual([
      'DetectedIssue',
      'ImagingStudy',
      'Patient',
      'ServiceRequest',
    ]);
    const [[issue]] = (await one.told(1, 'exceeded')) as unknown as [[DetectedIssue]];
    expect(issue.detail).toContain('above the reference level of 850 mGy.cm');
    expect(await waiting(one)).toEqual([]);

    // What is corrected under the same UID is a new version, and exceeds nothing any more.
    expect(await store({ ...one.report(400), SOPInstanceUID: report.SOPInstanceUID })).toBe(0);
    const [, [corrected, ...more]] = (await one.told(2)) as unknown as [unknown, [Observation]];
    expect([corrected.status, dlpOf(corrected)]).toEqual(['corrected', 400]);
    expect(more).toContainEqual(expect.objectContaining({ resourceType: 'DetectedIssue', status: 'cancelled' }));
    expect(await store({ ...one.report(400), SOPInstanceUID: report.SOPInstanceUID })).toBe(0);
    expect(await one.told(1, 'exceeded')).toHaveLength(1);
    expect(await one.told(2)).toHaveLength(2);
  }, 60_000);

  it('made under the wrong worklist entry is not that of the entry, but of the exam that says it made the images', async () => {
    const [wrong, right] = [aCase(), aCase()];
    expect(await store(wrong.report(300))).toBe(0);
    await wrong.wrongEntry();
    await service.handled(wrong.patient);
    await wrong.completeAs(right.patient, aServiceRequest({ placerOrderNumber: right.uid, patient: right.patient }));
    const [[filed]] = (await right.told(1)) as [[Observation]];
    expect([filed.status, dlpOf(filed), filed.subject!.reference]).toEqual([
      'final',
      300,
      `Patient/${right.patient.id}`,
    ]);
    expect(await wrong.told(0)).toEqual([]);
  }, 60_000);

  it("made under a number that is not its patient's is listed and counts for nobody, until a merge makes it one", async () => {
    const [one, prior] = [aCase(), aCase()];
    await one.complete();
    await service.handled(one.patient);
    expect(await store(one.report(300, undefined, { PatientID: prior.patient.identifier![0]!.value! }))).toBe(0);
    expect(await waiting(one)).toMatchObject([{ state: 'disagrees' }]);
    await one.told(0);
    await service.tell('imaging.patient.merged.v1', ...aMerge(prior.patient, one.patient));
    const [[filed]] = (await one.told(1)) as [[Observation]];
    expect(dlpOf(filed)).toBe(300);
    expect(await waiting(one)).toEqual([]);
  }, 60_000);

  it('whose images are rejected as made under the wrong worklist entry is in error, and in no statistic', async () => {
    const one = aCase();
    await one.complete();
    expect(await store(one.report(900, undefined, { StudyDate: '20250701' }))).toBe(0);
    await one.told(1);
    const note: DatasetInput = {
      SOPClassUID: sopClasses.keyObjectSelection,
      SOPInstanceUID: `${one.uid}.8.1`,
      StudyInstanceUID: one.uid,
      ConceptNameCodeSequence: [{ CodeValue: '113038', CodingSchemeDesignator: 'DCM' }],
      ContentSequence: [{ ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: `${one.uid}.1.1` }] }],
    };
    expect(await store(note, 'PACS')).toBe(0);
    const [, told] = await one.told(2);
    expect(told).toContainEqual(expect.objectContaining({ resourceType: 'Observation', status: 'entered-in-error' }));
    expect(told).toContainEqual(expect.objectContaining({ resourceType: 'DetectedIssue', status: 'cancelled' }));
    const { statistics } = await service.get<{ statistics: object[] }>(
      '/dose/statistics?from=2025-07-01&to=2025-07-01',
    );
    expect(statistics).toEqual([]);
  }, 60_000);

  it('in the PACS is read with its study, once; one that cannot be read is listed', async () => {
    const one = aCase();
    const uid = pacs.keepDoseReport(one.uid, one.report(300));
    pacs.keepDoseReport(one.uid, one.report(300, [acquisition(`${one.uid}.3.1`, 'Head', 50, 300)]));
    pacs.keepDoseReport(one.uid, {
      ...one.report(1),
      ContentSequence: [text('121106', 'x')],
      ConceptNameCodeSequence: [],
    });
    await one.complete();
    const [[observation]] = (await one.told(1)) as [[Observation]];
    expect([dlpOf(observation), observation.derivedFrom!.length]).toEqual([300, 2]);
    expect(await waiting(one)).toMatchObject([{ state: 'unreadable' }]);
    expect(pacs.read.get(uid)).toBe(1);
  }, 60_000);

  it('is in the statistics of its room and in the export, without anything of its patient', async () => {
    const values = [100, 200, 600];
    for (const value of values) {
      const one = aCase();
      await one.complete();
      expect(await store(one.report(value, undefined, { StudyDate: '20250601' }))).toBe(0);
      await one.told(1);
    }
    const days = 'from=2025-06-01&to=2025-06-01';
    const { statistics } = await service.get<{ statistics: object[] }>(`/dose/statistics?${days}`);
    expect(statistics).toContainEqual({
      room: 'CT room 1',
      procedure: 'CTHEAD',
      protocol: 'Head',
      measure: 'dlp',
      exams: 3,
      median: 200,
      p75: 400,
      unit: 'mGy.cm',
    });
    const response = await fetch(`${service.url}/dose/export?${days}`);
    const csv = await response.text();
    expect([response.headers.get('content-type'), csv.trim().split('\r\n').length]).toEqual([
      'text/csv; charset=utf-8',
      4,
    ]);
    expect(csv).toContain('2025-06,ct,CT room 1,CTHEAD,Head,50-59,female');
    expect(csv).not.toContain('ZZCANARY');
    expect((await fetch(`${service.url}/dose/statistics?from=2025-06-02&to=2025-06-01`)).status).toBe(400);
    expect((await fetch(`${service.url}/dose/export?from=yesterday`)).status).toBe(400);
  }, 60_000);

  it('that is none is refused, and one of a stranger is not taken', async () => {
    expect(await store(aDoseReport([], { ConceptNameCodeSequence: [] }))).toBe(0xc000);
    await expect(store(aDoseReport([], { SOPInstanceUID: newUid() }), 'STRANGER')).rejects.toMatchObject({
      code: 'peer-denied',
    });
    expect(service.log.join('')).not.toContain('ZZCANARY');
  });
});
