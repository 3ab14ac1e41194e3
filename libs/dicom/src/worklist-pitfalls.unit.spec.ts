import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { DatasetInput } from './dataset.js';
import { commands } from './dimse.js';
import { contexts, messageBytes, RawPeer, startServer, worklistItem, type StartedServer } from './raw-peer.spec.js';
import { ScuAssociation, type ScuResponse } from './scu.js';
import { sopClasses } from './uids.js';

/** How much time it takes is measured by `npm run bench`. */
describe('row 13: long worklists', () => {
  let server: StartedServer;
  const serve = async (...args: Parameters<typeof startServer>) => (server = await startServer(...args));
  const find = async (query: DatasetInput): Promise<ScuResponse[]> => {
    const options = { host: '127.0.0.1', port: server.port, callingAeTitle: 'CT01', calledAeTitle: 'COLLIMATOR' };
    const association = await ScuAssociation.open(options, [sopClasses.modalityWorklist]);
    const responses = await association.findWorklist(query);
    await association.release();
    return responses;
  };
  afterEach(() => server.stop());

  it('gives 50 matches out of 1000 on one association, in order', async () => {
    const items = Array.from({ length: 1_000 }, (_, n) =>
      worklistItem({ PatientID: `${n}` }, { ScheduledStationAETitle: n % 20 === 0 ? 'CT01' : 'CT02' }),
    );
    await serve({ find: async () => items });
    const responses = await find({
      PatientID: '',
      ScheduledProcedureStepSequence: [{ ScheduledStationAETitle: 'CT01' }],
    });
    expect(responses.map(({ status }) => status)).toEqual([...Array<number>(50).fill(0xff00), 0]);
    expect(responses.slice(0, 50).map(({ dataset }) => dataset!.number('PatientID'))).toEqual(
      Array.from({ length: 50 }, (_, n) => 20 * n),
    );
  });

  it('gives 50 matches in a few packets', async () => {
    await serve({ find: async () => Array.from({ length: 50 }, () => worklistItem()) });
    const corked = jest.spyOn(Socket.prototype, 'uncork');
    expect(await find({ PatientID: '' })).toHaveLength(51);
    expect(corked.mock.calls.length).toBeLessThan(10);
    expect(corked).toHaveBeenCalled();
    corked.mockRestore();
  });

  it('lets others be answered while it looks through items of which none matches', async () => {
    let echoed = false;
    let looked = 0;
    const untilEchoed = function* () {
      for (; !echoed && looked < 100_000; looked++) yield worklistItem();
    };
    await serve({ find: async () => untilEchoed() });
    const other = await RawPeer.associated(server.port);
    const peer = await RawPeer.associated(server.port);
    const query = {
      AffectedSOPClassUID: sopClasses.modalityWorklist,
      CommandField: commands.cFind,
      MessageID: 1,
      Priority: 0,
    };
    const echo = { AffectedSOPClassUID: sopClasses.verification, CommandField: commands.cEcho, MessageID: 1 };
    peer.send(messageBytes(contexts.worklist, query, { PatientID: 'NOBODY' }));
    other.send(messageBytes(contexts.verification, echo));
    await other.answers(1);
    echoed = true;
    await peer.answers(1);
    expect(peer.statuses).toEqual([0]);
    expect(looked).toBeLessThan(100_000);
  });
});
