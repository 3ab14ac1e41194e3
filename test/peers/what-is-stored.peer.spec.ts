import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DatasetInput } from '#dicom';
import { freePort, peerSuite, site, siteFile, startService, until, type RunningService } from '#testing';
import { newUid, SandboxScanner, type RunningExam } from '../sandbox/scanner.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { askStorageCommitment, notifyAvailability, pynetdicom } from './pynetdicom.js';

const ct = '1.2.840.10008.5.1.4.1.1.2';

// Orthanc is the PACS, and a modality as well: it asks and is answered as one. It refuses notifications and sends none.
peerSuite('what is stored, with pynetdicom and Orthanc', [pynetdicom, orthancPeer], () => {
  let orthanc: Orthanc;
  let results: RunningService;
  let listenOn: number;
  beforeAll(async () => {
    [orthanc, listenOn] = await Promise.all([startOrthanc(), freePort()]);
    const station = { name: 'CT', modalities: ['CT'], room: 'CT room' };
    const { procedures, stations } = site();
    const content = site({
      procedures,
      stations: [
        { ...station, aeTitle: 'CT01', dicom: { host: '127.0.0.1', port: listenOn } },
        { ...station, aeTitle: 'ORTHANC', dicom: { host: '127.0.0.1', port: orthanc.dicomPort } },
        ...stations.filter(({ aeTitle }) => aeTitle !== 'CT01'),
      ],
      pacs: {
        name: 'orthanc',
        qidoUrl: orthanc.dicomWebUrl,
        aeTitles: ['PACS'],
        storageCommitment: { host: '127.0.0.1', port: orthanc.dicomPort, aeTitle: orthanc.aeTitle },
        lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 3 },
      },
    });
    results = await startService('results', { env: { SITE_FILE: siteFile(content) } });
    await orthanc.knows('collimator', { aeTitle: 'COLLIMATOR', port: results.dicomPort });
  }, 120_000);
  afterAll(async () => {
    await results?.stop();
    await orthanc?.stop();
  });

  const stored = async (): Promise<RunningExam> => {
    const line = {
      patientName: 'Beispiel^Berta',
      patientId: '700001',
      accessionNumber: 'SGH00000001',
      studyInstanceUid: newUid(),
      placerOrderNumber: 'SBX1',
      stepId: 'STEP1',
      procedure: 'CT chest',
      start: '',
      elements: {},
    };
    const images = { seriesInstanceUid: newUid(), sopInstanceUids: [newUid(), newUid()] };
    const exam = { line, images, mppsUid: newUid() };
    await new SandboxScanner('CT01', { port: 0, aeTitle: 'UNUSED' }).storeImages(exam, {
      port: orthanc.dicomPort,
      aeTitle: orthanc.aeTitle,
    });
    return exam;
  };
  const question = (transaction: string, uids: string[]): DatasetInput => ({
    TransactionUID: transaction,
    ReferencedSOPSequence: uids.map((uid) => ({ ReferencedSOPClassUID: ct, ReferencedSOPInstanceUID: uid })),
  });

  it('pynetdicom as a modality is told that its images are in Orthanc, on an association opened for it', async () => {
    const { images } = await stored();
    const [transaction, uids] = [newUid(), images.sopInstanceUids];
    const [taken, answer] = await askStorageCommitment(results.dicomPort, question(transaction, uids), { listenOn });
    expect(taken).toEqual({ Status: 0 });
    expect(answer).toEqual({
      from: 'COLLIMATOR',
      isProvider: true,
      type: 1,
      transaction,
      committed: uids.map((uid) => [uid, null]),
      failed: [],
    });
  }, 60_000);

  it('pynetdicom as a modality is told which image is not in Orthanc', async () => {
    const { images } = await stored();
    const lost = newUid();
    const [transaction, uids] = [newUid(), [lost, ...images.sopInstanceUids]];
    const [, answer] = await askStorageCommitment(results.dicomPort, question(transaction, uids), { listenOn });
    expect(answer).toMatchObject({ type: 2, transaction, failed: [[lost, 0x0112]] });
    expect(answer!.committed).toHaveLength(2);
  }, 60_000);

  it('Orthanc as a modality asks, and has its answer', async () => {
    const { images } = await stored();
    const lost = newUid();
    const report = await orthanc.storageCommitmentBy('collimator', ct, [...images.sopInstanceUids, lost]);
    await until(async () => (await report()).Status !== 'Pending', { within: 30_000, what: "Orthanc's answer" });
    const { Status, Success, Failures } = await report();
    expect(Status).toBe('Failure');
    expect(Success!.map((one) => one.SOPInstanceUID).sort()).toEqual([...images.sopInstanceUids].sort());
    expect(Failures).toMatchObject([{ SOPInstanceUID: lost, Description: expect.stringContaining('not available') }]);
  }, 60_000);

  it('pynetdicom as a PACS notifies of a study, once; in whatever label its series comes; nobody else may', async () => {
    const attributes: DatasetInput = {
      ReferencedPerformedProcedureStepSequence: [],
      StudyInstanceUID: newUid(),
      ReferencedSeriesSequence: [
        {
          SeriesInstanceUID: newUid(),
          ReferencedSOPSequence: [
            {
              ReferencedSOPClassUID: ct,
              ReferencedSOPInstanceUID: newUid(),
              InstanceAvailability: 'ONLINE',
              RetrieveAETitle: 'PACS',
            },
          ],
        },
      ],
    };
    const [one, other] = [newUid(), newUid()];
    const statuses = async (uids: string[], options = {}) =>
      (
        await notifyAvailability(
          results.dicomPort,
          uids.map((uid) => ({ uid, attributes })),
          options,
        )
      ).map(({ Status }) => Status);
    expect(await statuses([one, one])).toEqual([0, 0x0111]);
    expect(await statuses([other], { seriesAsCs: true })).toEqual([0]);
    expect(await statuses([newUid()], { as: 'CT01' })).toEqual([0x0124]);
  }, 60_000);
});
