import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Dataset, DicomServer, DicomStatus, performedProcedureStepFrom, type DatasetInput } from '#dicom';
import { peerSuite } from '#testing';
import { pynetdicom, reportMpps, type MppsStep } from './pynetdicom.js';

const begun: DatasetInput = {
  SpecificCharacterSet: 'ISO_IR 100',
  PatientName: 'Müller^Jörg',
  PatientID: '700002',
  Modality: 'CT',
  PerformedStationAETitle: 'CT01',
  PerformedProcedureStepID: 'PPS1',
  PerformedProcedureStepStartDate: '20240305',
  PerformedProcedureStepStartTime: '093012',
  PerformedProcedureStepStatus: 'IN PROGRESS',
  ScheduledStepAttributesSequence: [
    { StudyInstanceUID: '2.25.1', AccessionNumber: 'SGH00000001', ScheduledProcedureStepID: 'STEP1' },
  ],
  PerformedSeriesSequence: [],
};
const completed: DatasetInput = {
  PerformedProcedureStepStatus: 'COMPLETED',
  PerformedProcedureStepEndDate: '20240305',
  PerformedProcedureStepEndTime: '094500',
  PerformedSeriesSequence: [
    {
      SeriesInstanceUID: '2.25.2',
      ReferencedImageSequence: [
        { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: '2.25.3' },
      ],
    },
  ],
};

peerSuite('pynetdicom as a modality', pynetdicom, () => {
  let server: DicomServer;
  let port: number;
  let exams: Map<string, Dataset>;
  beforeEach(async () => {
    exams = new Map();
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    server.provideMpps({
      async create(uid, dataset) {
        if (exams.has(uid)) throw new DicomStatus(0x0111, 'the instance is there already');
        exams.set(uid, dataset);
      },
      async set(uid, modification) {
        const known = exams.get(uid);
        if (!known) throw new DicomStatus(0x0112, 'no such instance');
        if (known.text('PerformedProcedureStepStatus') !== 'IN PROGRESS')
          throw new DicomStatus(0x0110, 'the instance is final', 0xa710);
        exams.set(uid, known.modifiedBy(modification));
      },
    });
    port = await server.start();
  });
  afterEach(() => server.stop());

  const report = (...steps: MppsStep[]) => reportMpps(port, ...steps);

  it('reports an exam from its begin to its end', async () => {
    const answers = await report(
      { operation: 'create', uid: '2.25.7', attributes: begun },
      { operation: 'set', uid: '2.25.7', attributes: completed },
    );
    expect(answers.map(({ Status }) => Status)).toEqual([0, 0]);
    expect(exams.get('2.25.7')!.text('PatientName')).toBe('Müller^Jörg');
    expect(performedProcedureStepFrom(exams.get('2.25.7')!)).toMatchObject({
      status: 'COMPLETED',
      performedStationAeTitle: 'CT01',
      patientId: '700002',
      startedAt: '2024-03-05T09:30:12',
      endedAt: '2024-03-05T09:45:00',
      studyInstanceUid: '2.25.1',
      scheduledSteps: [{ accessionNumber: 'SGH00000001', scheduledProcedureStepId: 'STEP1' }],
      performedSeries: [{ seriesInstanceUid: '2.25.2', instances: [{ sopInstanceUid: '2.25.3' }] }],
    });
  });

  it('is told why where it may not: twice, unknown, final', async () => {
    const answers = await report(
      { operation: 'create', uid: '2.25.7', attributes: begun },
      { operation: 'create', uid: '2.25.7', attributes: begun },
      { operation: 'set', uid: '2.25.8', attributes: completed },
      { operation: 'set', uid: '2.25.7', attributes: completed },
      { operation: 'set', uid: '2.25.7', attributes: { PerformedProcedureStepStatus: 'DISCONTINUED' } },
    );
    expect(answers.map(({ Status }) => Status)).toEqual([0, 0x0111, 0x0112, 0, 0x0110]);
    expect(answers.at(-1)).toMatchObject({ ErrorID: `${0xa710}`, ErrorComment: 'the instance is final' });
    expect(exams.get('2.25.7')!.text('PerformedProcedureStepStatus')).toBe('COMPLETED');
  });

  it('is told which attributes are missing', async () => {
    const attributes = { ...begun, PerformedStationAETitle: '' };
    const [answer] = await report({ operation: 'create', uid: '2.25.7', attributes });
    expect(answer).toMatchObject({ Status: 0x0120, ErrorComment: 'missing PerformedStationAETitle' });
    expect(exams.size).toBe(0);
  });

  it('may leave the instance UID to the server', async () => {
    const [answer] = await report({ operation: 'create', uid: null, attributes: begun });
    expect(answer!.Status).toBe(0);
    expect([...exams.keys()]).toEqual([expect.stringMatching(/^2\.25\.\d+$/)]);
  });
});
