import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DatasetInput } from '#dicom';
import { anOrmMessage, peerSuite, until } from '#testing';
import { acknowledgedAs, Department } from '../department.js';
import { newUid } from '../sandbox/scanner.js';
import { dcmtk, dump2dcm, findscu, storescu } from './dcmtk.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { pynetdicom, reportMpps, type MppsStep } from './pynetdicom.js';

const peers = [dcmtk('findscu'), dcmtk('storescu'), dcmtk('dump2dcm'), pynetdicom, orthancPeer];
const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
const step = 'ScheduledProcedureStepSequence[0]';

/** What the scanner knows of an exam from its worklist. */
interface Line {
  patientName: string;
  patientId: string;
  accessionNumber: string;
  studyInstanceUid: string;
  stepId: string;
}

/** What the scanner makes: series with their images. */
type Images = { seriesInstanceUid: string; sopInstanceUids: string[] }[];

// What journeys-with-real-programs does not tell: DCMTK at the scanner, an archive that is late, and its commitment.
peerSuite('an exam with dcmtk and pynetdicom at the scanner and Orthanc as PACS', peers, () => {
  let orthanc: Orthanc;
  let department: Department;
  const folder = mkdtempSync(join(tmpdir(), 'collimator-images-'));
  beforeAll(async () => {
    orthanc = await startOrthanc();
    const { aeTitle, dicomPort, dicomWebUrl } = orthanc;
    department = await Department.start(undefined, {
      site: {
        pacs: {
          name: 'orthanc',
          qidoUrl: dicomWebUrl,
          storageCommitment: { host: '127.0.0.1', port: dicomPort, aeTitle },
          lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
        },
      },
    });
    await orthanc.knows('collimator', { aeTitle: 'COLLIMATOR', port: department.results.dicomPort });
  }, 120_000);
  afterAll(async () => {
    await department?.stop();
    await orthanc?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ordered = async (number: string, name: { familyName?: string; givenName?: string } = {}): Promise<Line> => {
    const order = anOrmMessage({ mrn: number, placerOrderNumber: number, ...name });
    expect(acknowledgedAs(await department.send(order))).toBe('AA');
    return until(async () => (await worklist([`PatientID=${number}`])).lines[0], { what: 'the order on the worklist' });
  };
  const worklist = async (keys: string[], called?: string) => {
    const returned = ['PatientName', 'AccessionNumber', 'StudyInstanceUID', `${step}.ScheduledProcedureStepID`];
    const { said, matches } = await findscu(department.scheduling.dicomPort, [...keys, ...returned], { called });
    const lines = matches.map((match): Line => {
      const [patientName, patientId, accessionNumber, studyInstanceUid, stepId] = [
        '0010,0010',
        '0010,0020',
        '0008,0050',
        '0020,000d',
        '0040,0009',
      ].map((tag) => match.get(tag) ?? '');
      return { patientName, patientId, accessionNumber, studyInstanceUid, stepId } as Line;
    });
    return { said, lines };
  };
  const report = async (...steps: MppsStep[]) =>
    (await reportMpps(department.scheduling.dicomPort, ...steps)).map(({ Status }) => Status);
  const store = async (line: Line, images: Images) => {
    const files: string[] = [];
    for (const { seriesInstanceUid, sopInstanceUids } of images)
      for (const uid of sopInstanceUids)
        files.push(
          await dump2dcm(folder, uid, [
            ['0008,0005', 'CS', 'ISO_IR 192'],
            ['0008,0016', 'UI', '=CTImageStorage'],
            ['0008,0018', 'UI', uid],
            ['0008,0050', 'SH', line.accessionNumber],
            ['0008,0060', 'CS', 'CT'],
            ['0010,0010', 'PN', line.patientName],
            ['0010,0020', 'LO', line.patientId],
            ['0020,000d', 'UI', line.studyInstanceUid],
            ['0020,000e', 'UI', seriesInstanceUid],
          ]),
        );
    await storescu(orthanc, files);
  };
  /** The patient's name in the archive; undefined as long as it has nothing of the study. */
  const nameInOrthanc = async ({ studyInstanceUid }: Line) => {
    const query = `${orthanc.dicomWebUrl}/studies?StudyInstanceUID=${studyInstanceUid}`;
    const answer = await fetch(query, { headers: { accept: 'application/dicom+json' } });
    const [study] = (await answer.json()) as { '00100010': { Value: { Alphabetic: string }[] } }[];
    return study?.['00100010'].Value[0]?.Alphabetic;
  };
  const lookupsOf = async ({ studyInstanceUid }: Line) => {
    const where = `WHERE study_instance_uid = '${studyInstanceUid}'`;
    const [row] = await department.rows<{ attempts: number }>('results', `SELECT attempts FROM study_lookup ${where}`);
    return row?.attempts ?? 0;
  };
  const studiesInEmr = ({ patientId }: Line) => department.inEmrOf(patientId, 'ImagingStudy');
  const statusInEmr = async ({ patientId }: Line) => (await department.inEmrOf(patientId, 'Procedure'))[0]?.status;

  it('is found on the worklist with every letter of its name, under the right called AE title only', async () => {
    const line = await ordered('WL1', { familyName: 'Іваненко', givenName: '太郎' });
    expect(line).toMatchObject({ patientId: 'WL1', patientName: 'Іваненко^太郎' });
    expect(line.accessionNumber).toMatch(/^TST\d{8}$/);
    const stranger = await worklist(['PatientID=WL1'], 'SOMEONE');
    expect(stranger.said).toMatch(/Called AE Title Not Recognized/i);
    expect(stranger.lines).toEqual([]);
  });

  it('is begun and completed, and told to the EMR when Orthanc has its images, which come late', async () => {
    const line = await ordered('LATE1', { familyName: '山田', givenName: '太郎' });
    const images = [
      { seriesInstanceUid: newUid(), sopInstanceUids: [newUid()] },
      { seriesInstanceUid: newUid(), sopInstanceUids: [newUid(), newUid()] },
    ];
    const uid = newUid();
    expect(await report({ operation: 'create', uid, attributes: begun(line) })).toEqual([0]);
    expect((await worklist(['PatientID=LATE1'])).lines).toEqual([]);
    expect(await report({ operation: 'set', uid, attributes: ended('COMPLETED', images) })).toEqual([0]);
    await until(async () => (await statusInEmr(line)) === 'completed', { what: 'the exam completed in the EMR' });
    // One image of three is not the study.
    await store(line, images.slice(0, 1));
    const before = await lookupsOf(line);
    await until(async () => (await lookupsOf(line)) >= before + 2, { what: 'a look-up with one image there' });
    expect(await studiesInEmr(line)).toEqual([]);

    await store(line, images.slice(1));
    await until(async () => (await studiesInEmr(line)).length > 0, { what: 'the study in the EMR' });
    const [study, ...others] = await studiesInEmr(line);
    expect(others).toEqual([]);
    expect(study).toMatchObject({ status: 'available', numberOfSeries: 2, numberOfInstances: 3 });
    expect(study!.identifier).toContainEqual(expect.objectContaining({ value: `urn:oid:${line.studyInstanceUid}` }));
    expect(study!.series!.map((one) => [one.uid, one.numberOfInstances]).sort()).toEqual(
      images.map((one) => [one.seriesInstanceUid, one.sopInstanceUids.length]).sort(),
    );
    expect(await nameInOrthanc(line)).toBe('山田^太郎');
  });

  it('has its images committed by Orthanc, which answers on an association of its own', async () => {
    const line = await ordered('KEPT1');
    const images = [{ seriesInstanceUid: newUid(), sopInstanceUids: [newUid(), newUid()] }];
    const uid = newUid();
    expect(await report({ operation: 'create', uid, attributes: begun(line) })).toEqual([0]);
    await store(line, images);
    expect(await report({ operation: 'set', uid, attributes: ended('COMPLETED', images) })).toEqual([0]);
    const committed = `SELECT uncommitted FROM study_lookup
      WHERE study_instance_uid = '${line.studyInstanceUid}' AND committed_at > commitment_asked_at`;
    const found = () => department.rows<{ uncommitted: object | null }>('results', committed);
    await until(async () => (await found()).length > 0, { within: 20_000, what: "Orthanc's answer" });
    expect(await found()).toEqual([{ uncommitted: null }]);
  });

  it('is refused what may not be: twice, unknown, after its end', async () => {
    const line = await ordered('TWICE1');
    const [uid, unknown] = [newUid(), newUid()];
    const answers = await report(
      { operation: 'create', uid, attributes: begun(line) },
      { operation: 'create', uid, attributes: begun(line) },
      { operation: 'set', uid: unknown, attributes: ended('COMPLETED', []) },
      { operation: 'set', uid, attributes: ended('COMPLETED', []) },
      { operation: 'set', uid, attributes: ended('DISCONTINUED', []) },
    );
    expect(answers).toEqual([0, 0x0111, 0x0112, 0, 0x0110]);
    await until(async () => (await statusInEmr(line)) === 'completed', { what: 'the exam completed in the EMR' });
  });
});

function begun(line: Line): DatasetInput {
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    PatientName: line.patientName,
    PatientID: line.patientId,
    Modality: 'CT',
    PerformedStationAETitle: 'CT01',
    PerformedProcedureStepID: 'PPS1',
    PerformedProcedureStepStartDate: '20260302',
    PerformedProcedureStepStartTime: '093012',
    PerformedProcedureStepStatus: 'IN PROGRESS',
    ScheduledStepAttributesSequence: [
      {
        StudyInstanceUID: line.studyInstanceUid,
        AccessionNumber: line.accessionNumber,
        ScheduledProcedureStepID: line.stepId,
      },
    ],
    PerformedSeriesSequence: [],
  };
}

function ended(status: 'COMPLETED' | 'DISCONTINUED', images: Images): DatasetInput {
  return {
    PerformedProcedureStepStatus: status,
    PerformedProcedureStepEndDate: '20260302',
    PerformedProcedureStepEndTime: '094500',
    PerformedSeriesSequence: images.map(({ seriesInstanceUid, sopInstanceUids }) => ({
      SeriesInstanceUID: seriesInstanceUid,
      ReferencedImageSequence: sopInstanceUids.map((uid) => ({
        ReferencedSOPClassUID: ctImageStorage,
        ReferencedSOPInstanceUID: uid,
      })),
    })),
  };
}
