import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { commands } from './dimse.js';
import { encodeData, pduTypes } from './pdu.js';
import { associateRequest, contexts, ctImageStorage, messageBytes, RawPeer } from './raw-peer.spec.js';
import { startServer, worklistItem, type StartedServer } from './raw-peer.spec.js';
import { sopClasses } from './uids.js';

const { associateAccept, associateReject, abort, releaseResponse } = pduTypes;
const echo = { AffectedSOPClassUID: sopClasses.verification, CommandField: commands.cEcho, MessageID: 1 };
const find = {
  AffectedSOPClassUID: sopClasses.modalityWorklist,
  CommandField: commands.cFind,
  MessageID: 1,
  Priority: 0,
};
const mppsClass = sopClasses.modalityPerformedProcedureStep;
const empty = Buffer.alloc(4);
const pdu = (type: number, body = empty) => {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
};

// The rows are those of what was seen to break DICOM servers with real clients; the attacks come over raw sockets.
describe('a DICOM server', () => {
  let server: StartedServer;
  const serve = async (...args: Parameters<typeof startServer>) => (server = await startServer(...args));
  const associated = (changes = {}) => RawPeer.associated(server.port, changes);
  afterEach(() => server.stop());

  describe('row 1: rejected means closed', () => {
    it('answers no DIMSE after it rejected the association', async () => {
      await serve();
      const peer = await associated({ calledAeTitle: 'SOMEONE' });
      peer.send(messageBytes(contexts.verification, echo));
      await peer.closed();
      expect(peer.types).toEqual([associateReject]);
      // Permanent, by the user, called AE title not recognized (PS3.8 table 9-21).
      expect([...peer.pdus[0]!.body]).toEqual([0, 1, 1, 7]);
    });

    it('rejects a calling AE title that it does not know', async () => {
      await serve({}, { callers: (title) => title === 'MR01' });
      const peer = await associated();
      await peer.closed();
      expect([...peer.pdus[0]!.body]).toEqual([0, 1, 1, 3]);
    });

    it.each([
      ['was rejected', contexts.storage],
      ['was never proposed', 99],
    ])('aborts at a message in a presentation context that %s', async (_case, contextId) => {
      await serve();
      const peer = await associated();
      peer.send(messageBytes(contextId, echo));
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('aborts at a DIMSE that comes before any association', async () => {
      await serve();
      const peer = new RawPeer(server.port);
      peer.send(messageBytes(contexts.verification, echo));
      await peer.closed();
      expect(peer.types).toEqual([abort]);
    });
  });

  describe('row 2: length is checked before buffering', () => {
    it.each([
      ['a P-DATA-TF', pduTypes.data],
      ['an abort', pduTypes.abort],
    ])('aborts on the head alone of %s that claims 4 GiB', async (_case, type) => {
      await serve();
      const peer = await associated();
      peer.send(Buffer.from([type, 0, 0xff, 0xff, 0xff, 0xff]));
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('aborts on the head alone of an A-ASSOCIATE-RQ that claims 4 GiB', async () => {
      await serve();
      const peer = new RawPeer(server.port);
      peer.send(Buffer.from([pduTypes.associateRequest, 0, 0xff, 0xff, 0xff, 0xff]));
      await peer.closed();
      expect(peer.types).toEqual([abort]);
    });

    it('aborts a data set that outgrows its limit in fragments that are each allowed', async () => {
      await serve({}, { maxDatasetBytes: 10_000 });
      const peer = await associated();
      peer.send(messageBytes(contexts.worklist, find, { PatientComments: 'x'.repeat(9_000) }));
      await peer.until(() => peer.statuses.includes(0));
      peer.send(messageBytes(contexts.worklist, find, Buffer.alloc(0)).subarray(0, -12));
      const fragment = { contextId: contexts.worklist, isCommand: false, isLast: false, data: Buffer.alloc(6_000) };
      peer.send(encodeData([fragment]));
      peer.send(encodeData([fragment]));
      await peer.closed();
      expect(peer.types.at(-1)).toBe(abort);
    });

    it('aborts a message of fragments without end that hold nothing', async () => {
      await serve();
      const peer = await associated();
      const fragment = { contextId: contexts.verification, isCommand: true, isLast: false, data: Buffer.alloc(0) };
      const many = encodeData(Array.from({ length: 1_000 }, () => fragment));
      const flood = setInterval(() => peer.send(many), 1);
      await peer.closed().finally(() => clearInterval(flood));
      expect(peer.types.at(-1)).toBe(abort);
    });
  });

  describe('row 3: time and number of associations are bounded', () => {
    it('closes a connection that asks for no association in time, however it drips', async () => {
      await serve({}, { artimMs: 200 });
      const peer = new RawPeer(server.port);
      const request = associateRequest();
      let at = 0;
      const drip = setInterval(() => at < request.length - 1 && peer.send(request.subarray(at, ++at)), 20);
      await peer.closed().finally(() => clearInterval(drip));
      expect(server.events).toEqual([{ kind: 'timed-out', callingAeTitle: '' }]);
    });

    it('aborts an idle association', async () => {
      await serve({}, { idleMs: 50 });
      const peer = await associated();
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('aborts an association that lives on one PDU that never ends', async () => {
      await serve({}, { idleMs: 200 });
      const peer = await associated();
      peer.send(Buffer.from([pduTypes.data, 0, 0, 1, 0, 0]));
      const drip = setInterval(() => peer.send(Buffer.of(0)), 20);
      await peer.closed().finally(() => clearInterval(drip));
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('lets go of a peer that asks for much and does not read it', async () => {
      const large = Array.from({ length: 4_000 }, () => worklistItem({ PatientComments: 'x'.repeat(9_000) }));
      await serve({ find: async () => large }, { idleMs: 300, artimMs: 300 });
      const peer = await associated();
      peer.socket.pause();
      peer.send(messageBytes(contexts.worklist, find, { PatientComments: '' }));
      await server.reported('timed-out');
      peer.socket.resume();
      await peer.closed();
      expect(peer.statuses).not.toContain(0);
    });

    it('gives a peer that reads by fits and starts all it asked for, and leaks no listener', async () => {
      const accepted = jest.spyOn(Socket.prototype, 'setNoDelay');
      const large = worklistItem({ PatientComments: 'x'.repeat(9_000) });
      let drains = 0;
      let given = 0;
      const untilDrainedOften = function* () {
        for (; drains < 8; given++) yield large;
      };
      await serve({ find: async () => untilDrainedOften() });
      const peer = await associated();
      const socket = accepted.mock.contexts[0] as Socket;
      accepted.mockRestore();
      socket.on('drain', () => drains++);
      peer.send(messageBytes(contexts.worklist, find, { PatientComments: '' }));
      while (drains < 8) {
        const before = drains;
        peer.socket.pause();
        while (!socket.writableNeedDrain && drains < 8) await new Promise(setImmediate);
        peer.socket.resume();
        while (drains === before) await new Promise(setImmediate);
      }
      await peer.until(() => peer.commands.at(-1)?.number('Status') === 0);
      expect(peer.commands).toHaveLength(given + 1);
      expect(socket.listenerCount('close')).toBeLessThan(6);
    });

    it('holds no more connections of one peer than allowed, and takes one again when another ended', async () => {
      await serve({}, { maxAssociationsPerPeer: 2 });
      const first = await associated();
      await associated();
      const third = await associated();
      expect(third.types).toEqual([]);
      expect(server.events).toContainEqual({ kind: 'refused-connection', callingAeTitle: '' });
      first.socket.destroy();
      let again = await associated();
      while (again.types.length === 0) again = await associated();
      expect(again.types).toEqual([associateAccept]);
    });

    it('tells of each event who the peer says it is', async () => {
      await serve();
      const peer = await associated();
      peer.send(messageBytes(contexts.verification, echo));
      await server.reported('dimse');
      expect(server.events).toMatchObject([
        { kind: 'accepted', callingAeTitle: 'CT01' },
        { kind: 'dimse', operation: 'C-ECHO', status: '0x0000', callingAeTitle: 'CT01' },
      ]);
    });

    it('rejects for now where there are as many associations as allowed', async () => {
      await serve({}, { maxAssociations: 1 });
      await associated();
      const second = await associated();
      expect([...second.pdus[0]!.body]).toEqual([0, 2, 3, 2]);
    });
  });

  describe('row 4: one association per connection', () => {
    it('aborts and closes at a second A-ASSOCIATE-RQ', async () => {
      await serve();
      const peer = await associated();
      peer.send(associateRequest());
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it.each([
      ['another message', messageBytes(contexts.verification, echo)],
      ['a second release', pdu(pduTypes.releaseRequest)],
    ])('aborts at %s after a release was asked for', async (_case, more) => {
      await serve({ find: async () => [worklistItem()] });
      const peer = await associated();
      // The query holds the release up; in the same segment, so that nothing of it can be answered in between.
      const query = messageBytes(contexts.worklist, find, { PatientName: '' });
      peer.send(Buffer.concat([query, pdu(pduTypes.releaseRequest), more]));
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('closes for good where the peer keeps its side open', async () => {
      await serve({}, { artimMs: 100 });
      const peer = await RawPeer.associated(server.port, { calledAeTitle: 'SOMEONE', allowHalfOpen: true });
      expect(peer.types).toEqual([associateReject]);
      // Waits for every connection to end.
      await server.stop();
      peer.socket.destroy();
    });

    it('closes at an abort of the peer and answers nothing', async () => {
      await serve();
      const peer = await associated();
      peer.send(pdu(abort));
      await peer.closed();
      expect(peer.types).toEqual([associateAccept]);
    });

    it('answers what was asked before it confirms a release', async () => {
      await serve({ find: async () => [worklistItem()] });
      const peer = await associated();
      peer.send(
        Buffer.concat([messageBytes(contexts.worklist, find, { PatientName: '' }), pdu(pduTypes.releaseRequest)]),
      );
      await peer.closed();
      expect(peer.statuses).toEqual([0xff00, 0]);
      expect(peer.types.at(-1)).toBe(releaseResponse);
    });
  });

  describe('row 12: stores nothing, so it can re-encode nothing', () => {
    const store = {
      AffectedSOPClassUID: ctImageStorage,
      CommandField: commands.cStore,
      MessageID: 3,
      Priority: 0,
      AffectedSOPInstanceUID: '2.25.9',
    };

    it('does not accept a storage context, and aborts at a C-STORE in it', async () => {
      await serve();
      const peer = await associated();
      peer.send(messageBytes(contexts.storage, store, { PatientID: '700001' }));
      await peer.closed();
      expect(peer.types).toEqual([associateAccept, abort]);
    });

    it('refuses a C-STORE in another context, and serves on', async () => {
      await serve();
      const peer = await associated();
      peer.send(messageBytes(contexts.mpps, { ...store, AffectedSOPClassUID: mppsClass }, { PatientID: '700001' }));
      peer.send(messageBytes(contexts.verification, echo));
      await peer.answers(2);
      expect(peer.statuses).toEqual([0x0211, 0]);
    });
  });

  describe('row 14: no Nagle', () => {
    it('sets TCP_NODELAY on each socket it accepts', async () => {
      const setNoDelay = jest.spyOn(Socket.prototype, 'setNoDelay');
      await serve();
      const [first, second] = [await associated(), await associated()];
      const sockets = setNoDelay.mock.contexts as Socket[];
      const peers = [first, second].map((peer) => peer.socket.localPort);
      expect(sockets.map((socket) => socket.remotePort)).toEqual(peers);
      expect(setNoDelay.mock.calls).toEqual([[true], [true]]);
      setNoDelay.mockRestore();
    });
  });
});
