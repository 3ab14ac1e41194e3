import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { peerSuite } from '#testing';
import { SandboxScanner, newUid, type RunningExam } from '../sandbox/scanner.js';
import { startSandboxPacs } from '../sandbox/pacs.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';

// The sandbox PACS stands in for a real one in the journeys: it must answer as a real one does.
peerSuite('Orthanc as PACS', orthancPeer, () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await startOrthanc();
  });
  afterAll(() => orthanc.stop());

  const exam = (): RunningExam => ({
    line: {
      patientName: 'Beispiel^Berta',
      patientId: '700001',
      accessionNumber: 'SGH00000001',
      studyInstanceUid: newUid(),
      placerOrderNumber: 'SBX1',
      stepId: 'STEP1',
      procedure: 'CT chest',
      start: '',
      elements: {},
    },
    mppsUid: newUid(),
    images: { seriesInstanceUid: newUid(), sopInstanceUids: [newUid(), newUid(), newUid()] },
  });

  it('stores what the sandbox scanner sends, and finds the same by QIDO-RS as the sandbox PACS', async () => {
    const scanner = new SandboxScanner('CT01', { port: 0, aeTitle: 'UNUSED' });
    const sandbox = await startSandboxPacs();
    try {
      const done = exam();
      await scanner.storeImages(done, { port: orthanc.dicomPort, aeTitle: orthanc.aeTitle });
      await scanner.storeImages(done, { port: sandbox.dicomPort, aeTitle: sandbox.aeTitle });
      const { studyInstanceUid } = done.line;
      const { seriesInstanceUid, sopInstanceUids } = done.images;
      for (const base of [orthanc.dicomWebUrl, sandbox.qidoUrl]) {
        const study = `${base}/studies/${studyInstanceUid}`;
        expect(await uids(`${base}/studies?StudyInstanceUID=${studyInstanceUid}`, '0020000D')).toEqual([
          studyInstanceUid,
        ]);
        expect(await uids(`${base}/studies?AccessionNumber=SGH00000001`, '0020000D')).toEqual([studyInstanceUid]);
        expect(await uids(`${study}/series`, '0020000E')).toEqual([seriesInstanceUid]);
        expect((await uids(`${study}/instances`, '00080018')).sort()).toEqual([...sopInstanceUids].sort());
        expect((await uids(`${study}/series/${seriesInstanceUid}/instances`, '00080018')).sort()).toEqual(
          [...sopInstanceUids].sort(),
        );
        expect(await uids(`${base}/studies?StudyInstanceUID=${newUid()}`, '0020000D')).toEqual([]);
      }
    } finally {
      await sandbox.stop();
    }
  });
});

async function uids(url: string, tag: string): Promise<string[]> {
  const response = await fetch(url, { headers: { accept: 'application/dicom+json' } });
  expect(response.status).toBe(200);
  const found = (await response.json()) as Record<string, { Value: string[] }>[];
  return found.map((one) => one[tag]!.Value[0]!);
}
