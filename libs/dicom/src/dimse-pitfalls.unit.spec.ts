import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatasetInput } from './dataset.js';
import { DicomServer } from './dicom-server.js';
import { DicomStatus } from './dicom-status.js';
import { commands, messageIdAfter } from './dimse.js';
import { encodeAssociateRequest, pduTypes } from './pdu.js';
import { contexts, messageBytes, RawPeer, startServer, worklistItem, type StartedServer } from './raw-peer.spec.js';
import { ScuAssociation } from './scu.js';
import { implicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

const echo = { AffectedSOPClassUID: sopClasses.verification, CommandField: commands.cEcho, MessageID: 77 };
const find = {
  AffectedSOPClassUID: sopClasses.modalityWorklist,
  CommandField: commands.cFind,
  MessageID: 1,
  Priority: 0,
};
const cancel = { CommandField: commands.cCancel, MessageIDBeingRespondedTo: 1 };
const mppsClass = sopClasses.modalityPerformedProcedureStep;
const create = {
  AffectedSOPClassUID: mppsClass,
  CommandField: commands.nCreate,
  MessageID: 2,
  AffectedSOPInstanceUID: '2.25.7',
};
const set = {
  RequestedSOPClassUID: mppsClass,
  CommandField: commands.nSet,
  MessageID: 3,
  RequestedSOPInstanceUID: '2.25.7',
};
const begun: DatasetInput = {
  PerformedStationAETitle: 'CT01',
  PerformedProcedureStepStartDate: '20240305',
  PerformedProcedureStepStartTime: '093000',
  PerformedProcedureStepStatus: 'IN PROGRESS',
};

describe('DIMSE of a DICOM server', () => {
  let server: StartedServer;
  let peer: RawPeer;
  const serve = async (providers: Parameters<typeof startServer>[0] = {}, changes = {}) => {
    server = await startServer(providers);
    peer = await RawPeer.associated(server.port, changes);
  };
  const ask = async (...messages: Buffer[]) => {
    messages.forEach((message) => peer.send(message));
    // The echo is answered after all that was asked before it.
    peer.send(messageBytes(contexts.verification, echo));
    await peer.until(
      () => peer.isClosed || peer.commands.some((one) => one.number('MessageIDBeingRespondedTo') === 77),
    );
    return peer.commands.slice(0, -1);
  };
  afterEach(() => server.stop());

  describe('row 5: every handler answers a failure status', () => {
    const rejects = () => Promise.reject(new Error('Beispiel^Berta'));
    it.each<[string, Parameters<typeof startServer>[0], Buffer, number]>([
      [
        'a worklist that rejects',
        { find: rejects },
        messageBytes(contexts.worklist, find, { PatientName: '' }),
        0xc001,
      ],
      [
        'a worklist that throws at once',
        {
          find: () => {
            throw new Error('Beispiel^Berta');
          },
        },
        messageBytes(contexts.worklist, find, { PatientName: '' }),
        0xc001,
      ],
      ['an N-CREATE that rejects', { create: rejects }, messageBytes(contexts.mpps, create, begun), 0x0110],
      ['an N-SET that rejects', { set: rejects }, messageBytes(contexts.mpps, set, begun), 0x0110],
    ])('%s, without saying why, and the association goes on', async (_case, providers, message, status) => {
      await serve(providers);
      const [answer] = await ask(message);
      expect(answer!.number('Status')).toBe(status);
      expect(answer!.text('ErrorComment')).not.toContain('Berta');
      expect(peer.statuses.at(-1)).toBe(0);
    });

    it('fails after the matches it could give where the list breaks off', async () => {
      const breaksOff = function* () {
        yield worklistItem();
        throw new Error('connection lost');
      };
      await serve({ find: async () => breaksOff() });
      await ask(messageBytes(contexts.worklist, find, { PatientName: '' }));
      expect(peer.statuses).toEqual([0xff00, 0xc001, 0]);
    });

    it('gives status, error id and comment of a DicomStatus', async () => {
      await serve({ set: () => Promise.reject(new DicomStatus(0x0110, 'the instance is final', 0xa710)) });
      const [answer] = await ask(messageBytes(contexts.mpps, set, { PerformedProcedureStepStatus: 'COMPLETED' }));
      expect(answer!.number('Status')).toBe(0x0110);
      expect(answer!.number('ErrorID')).toBe(0xa710);
      expect(answer!.text('ErrorComment')).toBe('the instance is final');
    });

    it.each([
      ['an attribute it needs is missing', { ...begun, PerformedStationAETitle: '' }, 0x0120],
      ['it begins as completed', { ...begun, PerformedProcedureStepStatus: 'COMPLETED' }, 0x0106],
    ])('refuses an N-CREATE where %s', async (_case, dataset, status) => {
      await serve({ create: async () => undefined });
      const [answer] = await ask(messageBytes(contexts.mpps, create, dataset));
      expect(answer!.number('Status')).toBe(status);
    });

    it('refuses an identifier longer than any real one before it compares anything with it', async () => {
      const asked: unknown[] = [];
      await serve({ find: async (query) => (asked.push(query), []) });
      const [answer] = await ask(messageBytes(contexts.worklist, find, { PatientID: '*0'.repeat(20_000) }));
      expect(answer!.number('Status')).toBe(0xa900);
      expect(asked).toEqual([]);
    });

    it.each([
      ['identifier', contexts.worklist, find, 0xa900],
      ['MPPS', contexts.mpps, create, 0x0110],
    ])('answers a failure where the bytes of the %s are no data set', async (_case, contextId, command, status) => {
      await serve({ create: async () => undefined });
      const [answer] = await ask(messageBytes(contextId, command, Buffer.from('10001000ffffff7f4142', 'hex')));
      expect(answer!.number('Status')).toBe(status);
    });
  });

  describe('row 6: an unknown command is answered or aborted at once', () => {
    it.each([
      ['0x0777, which is none', 0x0777],
      ['C-GET', 0x0010],
      ['C-MOVE', 0x0021],
      ['N-EVENT-REPORT', 0x0100],
      ['N-GET', 0x0110],
      ['N-ACTION', 0x0130],
      ['N-DELETE', 0x0150],
      ['C-FIND where MPPS was agreed', commands.cFind],
    ])('answers %s with 0x0211', async (_case, field) => {
      await serve();
      const [answer] = await ask(
        messageBytes(contexts.mpps, { AffectedSOPClassUID: mppsClass, CommandField: field, MessageID: 9 }),
      );
      expect(answer!.number('Status')).toBe(0x0211);
      expect(answer!.number('CommandField')).toBe(field | 0x8000);
      expect(answer!.number('MessageIDBeingRespondedTo')).toBe(9);
    });

    it('answers another SOP class than the context is for with 0x0122', async () => {
      await serve();
      const [answer] = await ask(messageBytes(contexts.worklist, { ...find, AffectedSOPClassUID: mppsClass }, {}));
      expect(answer!.number('Status')).toBe(0x0122);
    });

    it('aborts where it can write no answer back', async () => {
      await serve();
      const bytes = messageBytes(contexts.verification, echo);
      bytes.write('2\xff', bytes.indexOf(sopClasses.verification), 'latin1');
      peer.send(bytes);
      await peer.closed();
      expect(peer.types).toEqual([pduTypes.associateAccept, pduTypes.abort]);
    });

    it.each([
      ['a response to nothing', { ...find, CommandField: commands.cFind | commands.response }],
      ['a response that is none of a known command', { ...echo, CommandField: 0x8000 }],
    ])('aborts at %s', async (_case, command) => {
      await serve();
      peer.send(messageBytes(contexts.worklist, command));
      await peer.closed();
      expect(peer.types).toEqual([pduTypes.associateAccept, pduTypes.abort]);
    });
  });

  describe('row 7: what cannot be written is a failure and no hang', () => {
    it('gives the matches that can be written, and says by a failure that there was another', async () => {
      await serve({ find: async () => [worklistItem(), worklistItem({ StudyInstanceUID: '2.25.ü' }), worklistItem()] });
      const answers = await ask(messageBytes(contexts.worklist, find, { StudyInstanceUID: '' }));
      expect(answers.map((one) => one.number('Status'))).toEqual([0xff00, 0xff00, 0xc001]);
      expect(answers.at(-1)!.text('ErrorComment')).toBe('1 item cannot be written');
    });

    it('gives a match where the query does not ask for what cannot be written', async () => {
      await serve({ find: async () => [worklistItem({ StudyInstanceUID: '2.25.ü' })] });
      await ask(messageBytes(contexts.worklist, find, { PatientID: '' }));
      expect(peer.statuses).toEqual([0xff00, 0, 0]);
    });

    it('answers where the instance UID of the peer cannot be written back', async () => {
      await serve({ create: async () => undefined });
      const bytes = messageBytes(contexts.mpps, create, begun);
      bytes.write('2\xff25.7', bytes.indexOf('2.25.7'), 'latin1');
      const [answer] = await ask(bytes);
      expect(answer!.number('Status')).toBe(0x0110);
    });
  });

  describe('row 8: the peer says how long a PDU may be', () => {
    it.each([
      ['of even length', 300],
      ['of odd length', 301],
      ['as short as can be', 16],
    ])('sends no longer PDU than one %s, in fragments of even length', async (_case, maxPduLength) => {
      await serve({ find: async () => [worklistItem({ PatientComments: 'x'.repeat(5_000) })] }, { maxPduLength });
      peer.send(messageBytes(contexts.worklist, find, { PatientComments: '' }));
      await peer.until(() => peer.values.filter(({ isCommand, isLast }) => isCommand && isLast).length === 2);
      const lengths = peer.pdus.slice(1).map(({ body }) => body.length);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(maxPduLength);
      expect(peer.values.filter(({ data }) => data.length % 2 !== 0)).toEqual([]);
      const dataset = Buffer.concat(peer.values.filter(({ isCommand }) => !isCommand).map(({ data }) => data));
      expect(dataset.toString('latin1')).toContain('x'.repeat(5_000));
    });

    it('takes no limit (0) as no limit', async () => {
      await serve({ find: async () => [worklistItem({ PatientComments: 'x'.repeat(9_000) })] }, { maxPduLength: 0 });
      await ask(messageBytes(contexts.worklist, find, { PatientComments: '' }));
      expect(peer.statuses).toEqual([0xff00, 0, 0]);
    });

    it('aborts where the peer takes no PDU that could hold an answer', async () => {
      await serve({}, { maxPduLength: 7 });
      await peer.closed();
      expect(peer.types).toEqual([pduTypes.abort]);
    });
  });

  describe('C-CANCEL', () => {
    it('stops a C-FIND with FE00', async () => {
      const endless = function* () {
        for (;;) yield worklistItem();
      };
      await serve({ find: async () => endless() });
      peer.send(messageBytes(contexts.worklist, find, { PatientName: '' }));
      await peer.answers(3);
      peer.send(messageBytes(contexts.worklist, cancel));
      await peer.until(() => peer.statuses.some((status) => status !== 0xff00));
      expect(peer.statuses.at(-1)).toBe(0xfe00);
    });

    it('does not stop the next request where it came too late for the one it meant', async () => {
      await serve({ find: async () => [worklistItem()] });
      const query = messageBytes(contexts.worklist, find, { PatientName: '' });
      await ask(query);
      peer.send(messageBytes(contexts.worklist, cancel));
      peer.send(query);
      await peer.answers(5);
      expect(peer.statuses).toEqual([0xff00, 0, 0, 0xff00, 0]);
    });
  });

  it('offers no SOP class that nobody provides', async () => {
    await serve();
    const bare = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    const classes = [sopClasses.verification, sopClasses.modalityWorklist, mppsClass];
    try {
      const association = await ScuAssociation.open(
        { host: '127.0.0.1', port: await bare.start(), callingAeTitle: 'CT01', calledAeTitle: 'COLLIMATOR' },
        classes,
      );
      expect(await association.echo()).toBe(0);
      await expect(association.findWorklist({})).rejects.toThrow('did not accept this SOP class');
      await expect(association.createMpps('2.25.7', begun)).rejects.toThrow('did not accept this SOP class');
      await association.release();
    } finally {
      await bare.stop();
    }
  });

  it('goes on counting from 1 on an association with more requests than there are message ids', () => {
    expect([0, 1, 65_534, 65_535].map(messageIdAfter)).toEqual([1, 2, 65_535, 1]);
  });

  describe('what clients in the wild do', () => {
    it('takes UIDs that are padded where an association is asked for', async () => {
      await serve();
      const padded = new RawPeer(server.port);
      const [uid, syntax] = [`${sopClasses.verification}\0`, `${implicitVrLittleEndian}\0`];
      const context = { id: contexts.verification, abstractSyntax: uid, transferSyntaxes: [syntax] };
      padded.send(
        encodeAssociateRequest({
          callingAeTitle: 'CT01',
          calledAeTitle: 'COLLIMATOR',
          maxPduLength: 0,
          contexts: [context],
        }),
      );
      padded.send(messageBytes(contexts.verification, echo));
      await padded.answers(1);
      expect(padded.statuses).toEqual([0]);
    });

    it('makes the SOP Instance UID that an N-CREATE leaves out, and returns it', async () => {
      const created: string[] = [];
      await serve({ create: async (uid) => void created.push(uid) });
      const [answer] = await ask(messageBytes(contexts.mpps, { ...create, AffectedSOPInstanceUID: '' }, begun));
      expect(answer!.number('Status')).toBe(0);
      expect(created).toEqual([expect.stringMatching(/^2\.25\.[1-9]\d{20,38}$/)]);
      expect(answer!.text('AffectedSOPInstanceUID')).toBe(created[0]);
    });
  });
});
