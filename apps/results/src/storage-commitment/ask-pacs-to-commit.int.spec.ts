import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DicomServer, ScuAssociation, sopClasses, type StorageCommitmentRequest } from '#dicom';
import { aPatient, aServiceRequest, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

let pacs: APacs;
let dimse: DicomServer;
let asked: (StorageCommitmentRequest & { by: string })[];
let service: AResultsService;
beforeAll(async () => {
  asked = [];
  pacs = await new APacs().start();
  dimse = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['PACS'] });
  dimse.provideStorageCommitment({ request: async (request, by) => void asked.push({ ...request, by }) });
  const port = await dimse.start();
  service = await AResultsService.start({
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      storageCommitment: { host: '127.0.0.1', port, aeTitle: 'PACS' },
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
    },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([dimse.stop(), pacs.stop()]);
});

let studies = 0;
/** A study of these images that is in the PACS, of a completed exam; gives what the PACS is asked about it. */
async function aFoundStudy(...images: number[]) {
  const uid = `1.2.843.${++studies}`;
  const patient = aPatient({ mrn: `ZZCANARY${studies}` });
  const order = aServiceRequest({ placerOrderNumber: uid, patient });
  const uids = images.map((n) => `${uid}.1.${n}`);
  pacs.studies.set(uid, uids);
  await service.tell(
    'imaging.schedule.exam-completed.v1',
    anExam(`${uid}.9`, 'completed', patient, [order]),
    patient,
    order,
    anExpectedStudy(uid, patient, [order], uids),
  );
  const isMine = ({ instances }: StorageCommitmentRequest) => instances[0]!.sopInstanceUid === uids[0];
  const question = await until(() => asked.find(isMine), { within: 20_000, what: 'the PACS to be asked' });
  return { uid, question };
}

async function report(request: StorageCommitmentRequest, failing: string[] = [], as = 'PACS'): Promise<number> {
  const { port } = service.infrastructure.dicom!;
  const sopClass = sopClasses.storageCommitmentPushModel;
  const to = { host: '127.0.0.1', port, callingAeTitle: as, calledAeTitle: 'COLLIMATOR', providing: [sopClass] };
  const association = await ScuAssociation.open(to, [sopClass]);
  const isFailing = ({ sopInstanceUid }: { sopInstanceUid: string }) => failing.includes(sopInstanceUid);
  const { status } = await association.reportStorageCommitment({
    transactionUid: request.transactionUid,
    committed: request.instances.filter((one) => !isFailing(one)),
    failed: request.instances.filter(isFailing).map((one) => ({ ...one, reason: 0x0112 })),
  });
  await association.release();
  return status;
}

const listed = async (state: string, uid: string) => {
  const { studies: all } = await service.get<{
    studies: { studyInstanceUid: string; committedAt?: string; uncommitted: object[] }[];
  }>(`/studies?state=${state}`);
  return all.find(({ studyInstanceUid }) => studyInstanceUid === uid);
};

describe('A PACS that keeps what it commits itself to', () => {
  it('is asked about a study that was found, and its answer is noted', async () => {
    const { uid, question } = await aFoundStudy(1, 2);
    expect(question).toMatchObject({
      by: 'COLLIMATOR',
      instances: [1, 2].map((n) => ({ sopClassUid: '1.9', sopInstanceUid: `${uid}.1.${n}` })),
    });
    expect(await listed('uncommitted', uid)).toMatchObject({ uncommitted: null });
    expect(await report(question)).toBe(0);
    expect(await listed('uncommitted', uid)).toBeUndefined();
    expect(await listed('found', uid)).toMatchObject({ committedAt: expect.any(String) });
  });

  it('that does not keep an image has the study listed with it, until it does', async () => {
    const { uid, question } = await aFoundStudy(1, 2);
    expect(await report(question, [`${uid}.1.2`])).toBe(0);
    expect(await listed('uncommitted', uid)).toMatchObject({
      uncommitted: [{ sopInstanceUid: `${uid}.1.2`, reason: 0x0112 }],
    });
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain(
      'collimator_study_commitments_total{outcome="failed"} 1',
    );
    expect(await report(question)).toBe(0);
    expect(await listed('uncommitted', uid)).toBeUndefined();
  });

  it('is believed where it was asked, and nobody else is', async () => {
    const { uid, question } = await aFoundStudy(1);
    expect(await report(question, [], 'CT01')).toBe(0x0124);
    expect(await report({ ...question, transactionUid: '2.25.99' })).toBe(0x0110);
    expect(await listed('uncommitted', uid)).toMatchObject({ uncommitted: null });
  });
});
