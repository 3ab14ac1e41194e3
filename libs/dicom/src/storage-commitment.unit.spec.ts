import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { DicomServer } from './dicom-server.js';
import { commands } from './dimse.js';
import { decodeAssociateAccept, encodeAssociateRequest } from './pdu.js';
import { ScuAssociation, type ScuOptions } from './scu.js';
import {
  storageCommitmentRequestFrom,
  storageCommitmentRequestOf,
  storageCommitmentResultFrom,
  storageCommitmentResultOf,
  type StorageCommitmentProvider,
  type StorageCommitmentRequest,
  type StorageCommitmentResult,
} from './storage-commitment.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses, storageCommitmentInstance } from './uids.js';

const sopClass = sopClasses.storageCommitmentPushModel;
const reference = (n: number) => ({ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: `2.25.3.${n}` });
const request: StorageCommitmentRequest = { transactionUid: '2.25.7', instances: [reference(1), reference(2)] };
const result: StorageCommitmentResult = {
  transactionUid: '2.25.7',
  committed: [reference(1)],
  failed: [{ ...reference(2), reason: 0x0112 }],
};

describe('storage commitment', () => {
  const uid = fc.integer({ min: 1, max: 1_000_000 }).map((n) => `2.25.${n}`);
  const references = fc.array(fc.record({ sopClassUid: uid, sopInstanceUid: uid }), { maxLength: 5 });
  const onTheWire = (dataset: Dataset) =>
    decodeDataset(encodeDataset(dataset, explicitVrLittleEndian), explicitVrLittleEndian);

  it('survives the wire: questions and answers are read as they were written', () => {
    fc.assert(
      fc.property(
        uid,
        references,
        references,
        fc.integer({ min: 1, max: 0xffff }),
        (transactionUid, one, other, reason) => {
          const answer = { transactionUid, committed: one, failed: other.map((each) => ({ ...each, reason })) };
          const { type, dataset } = storageCommitmentResultOf(answer);
          expect(type).toBe(other.length > 0 ? 2 : 1);
          expect(storageCommitmentResultFrom(onTheWire(Dataset.of(dataset)))).toEqual(answer);
          const asked = { transactionUid, instances: [...one, reference(1)] };
          expect(storageCommitmentRequestFrom(onTheWire(Dataset.of(storageCommitmentRequestOf(asked))))).toEqual(asked);
        },
      ),
    );
  });

  it('leaves an empty list out of the answer', () => {
    expect(storageCommitmentResultOf({ ...result, failed: [] }).dataset).not.toHaveProperty('FailedSOPSequence');
    expect(storageCommitmentResultOf({ ...result, committed: [] }).dataset).not.toHaveProperty('ReferencedSOPSequence');
  });
});

describe('a server of storage commitment', () => {
  let server: DicomServer | undefined;
  let scu: ScuAssociation | undefined;
  let heard: unknown[];
  let port: number;
  beforeEach(() => void (heard = []));
  afterEach(async () => {
    scu?.destroy();
    await server?.stop();
  });
  const open = async (provider: StorageCommitmentProvider, more: Partial<ScuOptions> = {}) => {
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    server.provideStorageCommitment(provider);
    port = await server.start();
    scu = await ScuAssociation.open(
      { host: '127.0.0.1', port, callingAeTitle: 'CT01', calledAeTitle: 'COLLIMATOR', ...more },
      [sopClass],
    );
    return scu;
  };
  const asks: StorageCommitmentProvider = { request: async (...one) => void heard.push(one) };
  const reports: StorageCommitmentProvider = { report: async (...one) => void heard.push(one) };

  it('takes a question, however long, and says of which type it was', async () => {
    const instances = Array.from({ length: 3000 }, (_, n) => reference(n));
    const answer = await (await open(asks)).requestStorageCommitment({ ...request, instances });
    expect([answer.status, answer.command.number('ActionTypeID')]).toEqual([0, 1]);
    expect(answer.command.text('AffectedSOPInstanceUID')).toBe(storageCommitmentInstance);
    expect(heard).toEqual([[{ transactionUid: '2.25.7', instances }, 'CT01']]);
  });

  it('takes an answer from one who comes as its provider', async () => {
    const answer = await (await open(reports, { providing: [sopClass] })).reportStorageCommitment(result);
    expect([answer.status, answer.command.number('EventTypeID')]).toEqual([0, 2]);
    expect(heard).toEqual([[result, 'CT01']]);
  });

  it('agrees to be its user, as one who answers proposes it, and to nothing of the kind for the worklist', async () => {
    await open(reports);
    server!.provideWorklist({ find: async () => [] });
    const proposed = [sopClass, sopClasses.modalityWorklist].map((abstractSyntax) => ({
      abstractSyntax,
      isUser: false,
      isProvider: true,
    }));
    const contexts = proposed.map(({ abstractSyntax }, index) => ({
      id: 2 * index + 1,
      abstractSyntax,
      transferSyntaxes: [explicitVrLittleEndian],
    }));
    const socket = connect(port, '127.0.0.1');
    socket.write(
      encodeAssociateRequest({
        callingAeTitle: 'PACS',
        calledAeTitle: 'COLLIMATOR',
        contexts,
        maxPduLength: 0,
        roles: proposed,
      }),
    );
    const [accepted] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(decodeAssociateAccept(accepted.subarray(6)).roles).toEqual([proposed[0]]);
  });

  it('says why it takes something not: nothing asked for, another action, another instance, the other direction', async () => {
    const association = await open(asks);
    expect((await association.requestStorageCommitment({ ...request, instances: [] })).status).toBe(0x0120);
    const action = { RequestedSOPClassUID: sopClass, CommandField: commands.nAction };
    const [another] = await association.request(
      sopClass,
      { ...action, RequestedSOPInstanceUID: storageCommitmentInstance, ActionTypeID: 2 },
      storageCommitmentRequestOf(request),
    );
    expect(another!.status).toBe(0x0123);
    const [elsewhere] = await association.request(
      sopClass,
      { ...action, RequestedSOPInstanceUID: '2.25.1', ActionTypeID: 1 },
      storageCommitmentRequestOf(request),
    );
    expect(elsewhere!.status).toBe(0x0112);
    expect((await association.reportStorageCommitment(result)).status).toBe(0x0211);
    expect(heard).toEqual([]);
  });
});
