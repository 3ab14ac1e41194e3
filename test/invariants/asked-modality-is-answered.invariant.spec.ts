import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DicomServer, ScuAssociation, sopClasses } from '#dicom';
import { freePort, site, until } from '#testing';
import { Department } from '../department.js';
import { newUid } from '../sandbox/scanner.js';

const sopClassUid = '1.2.840.10008.5.1.4.1.1.2';

/** design.md, promise 1, for what modalities ask: a question that was taken is answered. */
describe('asked-modality-is-answered', () => {
  let department: Department;
  let modality: DicomServer;
  const told = new Map<string, string[]>();
  beforeAll(async () => {
    const port = await freePort();
    modality = new DicomServer({ host: '127.0.0.1', port, aeTitles: ['CT01'] });
    modality.provideStorageCommitment({
      report: async ({ transactionUid, committed }) =>
        void told.set(
          transactionUid,
          committed.map(({ sopInstanceUid }) => sopInstanceUid),
        ),
    });
    await modality.start();
    const stations = site().stations.map((one) => ({ ...one, dicom: { host: '127.0.0.1', port } }));
    department = await Department.start(['results'], { site: { stations } });
  }, 120_000);
  afterAll(async () => {
    await department?.stop();
    await modality?.stop();
  });

  it('results killed after it took the questions answers every one of them when the images have come', async () => {
    const { results, pacs } = department;
    const questions = Array.from({ length: 10 }, () => ({ transactionUid: newUid(), sopInstanceUid: newUid() }));

    // given questions that were taken, and the process killed at once
    const to = { host: '127.0.0.1', port: results.dicomPort, callingAeTitle: 'CT01', calledAeTitle: 'COLLIMATOR' };
    const association = await ScuAssociation.open(to, [sopClasses.storageCommitmentPushModel]);
    for (const { transactionUid, sopInstanceUid } of questions) {
      const instances = [{ sopClassUid, sopInstanceUid }];
      expect((await association.requestStorageCommitment({ transactionUid, instances })).status).toBe(0);
    }
    await results.kill9();
    association.destroy();
    expect(told.size).toBe(0);

    // when the images come and it is started again
    const rest = { seriesInstanceUid: newUid(), modality: 'CT', accessionNumber: '', patientId: '' };
    for (const { sopInstanceUid } of questions)
      pacs.images.set(sopInstanceUid, { ...rest, studyInstanceUid: newUid(), sopInstanceUid, sopClassUid });
    department.replace(await results.restart());

    // then every one is answered, each with its own
    await until(() => told.size === questions.length, { within: 30_000, what: 'every answer' });
    expect([...told].sort()).toEqual(questions.map((one) => [one.transactionUid, [one.sopInstanceUid]]).sort());
  }, 120_000);
});
