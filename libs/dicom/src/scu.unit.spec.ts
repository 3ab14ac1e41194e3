import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '#testing';
import { encodeAbort, encodeAssociateAccept } from './pdu.js';
import { ScuAssociation } from './scu.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

/** A peer that accepts the association and then does as it is told. */
async function aPeerThat(goesOn: (socket: Socket) => void): Promise<Server> {
  const contexts = [{ id: 1, result: 0, transferSyntax: explicitVrLittleEndian }];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(
        encodeAssociateAccept({ calledAeTitle: 'PACS', callingAeTitle: 'COLLIMATOR', maxPduLength: 16_384, contexts }),
      );
      goesOn(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

describe('an association that we opened', () => {
  let peer: Server;
  let scu: ScuAssociation | undefined;
  afterEach(() => {
    scu?.destroy();
    peer.close();
  });

  it.each([
    ['closed the connection', undefined, 'peer-unavailable'],
    ['aborted', encodeAbort(2, 0), 'peer-error'],
  ])('fails at once where the peer %s while nothing was asked', async (_what, last, code) => {
    peer = await aPeerThat((socket) => (last ? socket.end(last) : socket.end()));
    const options = {
      host: '127.0.0.1',
      port: (peer.address() as AddressInfo).port,
      callingAeTitle: 'COLLIMATOR',
      calledAeTitle: 'PACS',
      timeoutMs: 3_600_000,
    };
    scu = await ScuAssociation.open(options, [sopClasses.verification]);
    await until(() => !scu!.isOpen, { what: 'the end of the association' });
    await expect(scu.echo()).rejects.toMatchObject({ code });
  });
});
