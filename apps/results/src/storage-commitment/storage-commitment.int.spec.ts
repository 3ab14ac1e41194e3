import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DicomServer, DicomStatus, ScuAssociation, sopClasses, type StorageCommitmentResult } from '#dicom';
import { freePort, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService } from '../a-results-service.spec.js';

let pacs: APacs;
let service: AResultsService;
let modalityPort: number;
let modality: DicomServer | undefined;
let told: (StorageCommitmentResult & { by: string })[];
/** What the modality answers instead of success. */
let refusal: number | undefined;

beforeAll(async () => {
  [pacs, modalityPort] = await Promise.all([new APacs().start(), freePort()]);
  service = await AResultsService.start({
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      aeTitles: ['PACS'],
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 3 },
    },
    stations: [
      {
        aeTitle: 'CT01',
        name: 'CT 1',
        modalities: ['CT'],
        room: 'CT room 1',
        dicom: { host: '127.0.0.1', port: modalityPort },
      },
      { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
    ],
  });
  await switchOn();
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([modality?.stop(), pacs.stop()]);
});
beforeEach(() => {
  told = [];
  refusal = undefined;
});

async function switchOn(): Promise<void> {
  modality = new DicomServer({ host: '127.0.0.1', port: modalityPort, aeTitles: ['CT01'] });
  modality.provideStorageCommitment({
    async report(result, by) {
      if (refusal) throw new DicomStatus(refusal, 'not now');
      told.push({ ...result, by });
    },
  });
  await modality.start();
}

let transactions = 0;
/** A question about these images of a study of its own. */
function aQuestion(...images: number[]) {
  const transactionUid = `1.2.842.${++transactions}`;
  const instances = images.map((n) => ({ sopClassUid: '1.9', sopInstanceUid: `${transactionUid}.1.${n}` }));
  return {
    transactionUid,
    instances,
    inPacs: (...numbers: number[]) =>
      void pacs.studies.set(
        `${transactionUid}.0`,
        numbers.map((n) => `${transactionUid}.1.${n}`),
      ),
    ask: async (as = 'CT01', about = instances): Promise<[number, string | undefined]> => {
      const { port } = service.infrastructure.dicom!;
      const to = { host: '127.0.0.1', port, callingAeTitle: as, calledAeTitle: 'COLLIMATOR' };
      const association = await ScuAssociation.open(to, [sopClasses.storageCommitmentPushModel]);
      const { status, command } = await association.requestStorageCommitment({ transactionUid, instances: about });
      await association.release();
      return [status, command.text('ErrorComment')];
    },
    answers: (count = 1) =>
      until(
        () => {
          const mine = told.filter((one) => one.transactionUid === transactionUid);
          return mine.length >= count && mine;
        },
        { within: 20_000, what: `${count} answers` },
      ),
  };
}
const listed = async (state: string, { transactionUid }: { transactionUid: string }) => {
  const { commitments } = await service.get<{
    commitments: { transactionUid: string; failed: object[]; code: string }[];
  }>(`/storage-commitments?state=${state}`);
  return commitments.find((one) => one.transactionUid === transactionUid);
};

describe('A modality that asks whether its images are safely stored', () => {
  it('is told that all are, on an association opened for it, when the last has come', async () => {
    const one = aQuestion(1, 2);
    one.inPacs(1);
    expect(await one.ask()).toEqual([0, undefined]);
    await until(() => listed('open', one), { what: 'the question to be listed' });
    expect(told).toEqual([]);
    one.inPacs(1, 2);
    expect(await one.answers()).toEqual([
      { transactionUid: one.transactionUid, committed: one.instances, failed: [], by: 'COLLIMATOR' },
    ]);
    expect(await listed('open', one)).toBeUndefined();
    const recorded = await service.sql(
      `SELECT body->'subtype'->0->>'code' AS code FROM audit_event WHERE agent = 'CT01' AND body->>'entity' LIKE $1`,
      [`%${one.transactionUid}%`],
    );
    expect(recorded).toEqual([{ code: 'RAD-10' }]);
  });

  it('is told which are not, when the time is up; they are listed', async () => {
    const one = aQuestion(1, 2);
    one.inPacs(2);
    await one.ask();
    const [answer] = await one.answers();
    expect(answer).toMatchObject({ committed: [one.instances[1]], failed: [{ ...one.instances[0], reason: 0x0112 }] });
    expect(await listed('failed', one)).toMatchObject({ failed: [{ reason: 0x0112 }] });
  });

  it('is told that an instance is there as something else', async () => {
    const one = aQuestion(1);
    one.inPacs(1);
    await one.ask('CT01', [{ ...one.instances[0]!, sopClassUid: '1.8' }]);
    expect((await one.answers())[0]).toMatchObject({ committed: [], failed: [{ reason: 0x0119 }] });
  });

  it('has the same answer when it asks the same again, and is told it again', async () => {
    const one = aQuestion(1);
    one.inPacs(1);
    await one.ask();
    await one.answers();
    pacs.studies.clear();
    expect(await one.ask()).toEqual([0, undefined]);
    const [first, second] = await one.answers(2);
    expect(second).toEqual(first);
    expect((await one.ask('CT01', aQuestion(1).instances))[0]).toBe(0x0110);
  });

  it('is told when it is back, where it was switched off, through a restart of ours', async () => {
    await modality!.stop();
    const one = aQuestion(1);
    one.inPacs(1);
    await one.ask();
    const waits = "SELECT FROM delivery WHERE key = $1 AND code = 'peer-unavailable'";
    await until(async () => (await service.sql(waits, [one.transactionUid])).length === 1, {
      within: 10_000,
      what: 'a vain attempt',
    });
    await service.restart();
    await switchOn();
    expect(await one.answers()).toHaveLength(1);
  }, 60_000);

  it('is told again where it fails to take the answer; one that refuses it is listed, and holds up no other', async () => {
    refusal = 0x0110;
    const [one, other] = [aQuestion(1), aQuestion(1)];
    for (const each of [one, other]) each.inPacs(1);
    await one.ask();
    const state = async () =>
      (
        await service.sql<{ state: string; code: string }>('SELECT state, code FROM delivery WHERE key = $1', [
          one.transactionUid,
        ])
      )[0];
    await until(async () => (await state())?.code === 'peer-error', { within: 10_000, what: 'a failed attempt' });
    refusal = 0x0113;
    await until(async () => (await state())?.state === 'parked', { within: 10_000, what: 'the refusal' });
    expect(await state()).toEqual({ state: 'parked', code: 'peer-refused' });
    refusal = undefined;
    await other.ask();
    expect(await other.answers()).toHaveLength(1);
    expect(told.filter(({ transactionUid }) => transactionUid === one.transactionUid)).toEqual([]);
  }, 30_000);

  it('is refused at once where it could not be told, or is no station', async () => {
    const one = aQuestion(1);
    expect(await one.ask('DX01')).toEqual([0x0110, 'no address to report to: stations.dicom of the site file']);
    expect((await one.ask('PACS'))[0]).toBe(0x0124);
    expect(
      await service.sql('SELECT FROM storage_commitment WHERE transaction_uid = $1', [one.transactionUid]),
    ).toEqual([]);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('collimator_storage_commitments_total{station="DX01",outcome="refused"} 1');
  });

  it('waits while the PACS is away, and is told that nothing is sure when it stays away', async () => {
    const [one, other] = [aQuestion(1), aQuestion(1)];
    for (const each of [one, other]) each.inPacs(1);
    pacs.faults.set(`${one.transactionUid}.0`, 503);
    await one.ask();
    await until(async () => (await listed('open', one))?.code === 'peer-busy', {
      what: 'the PACS to be asked in vain',
    });
    await other.ask();
    await other.answers();
    expect((await one.answers())[0]).toMatchObject({
      committed: [],
      failed: [{ ...one.instances[0], reason: 0x0110 }],
    });
  }, 30_000);
});
