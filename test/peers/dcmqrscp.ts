import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, untilReady } from '../../deploy/local/child-process.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';
import { placeOf } from './dcmtk.js';

/** A PACS of DCMTK for one test file: it stores, and answers C-FIND; no DICOMweb. */
export interface Dcmqrscp {
  aeTitle: string;
  dicomPort: number;
  stop(): Promise<void>;
}

/** Starts it empty on a free port of 127.0.0.1. It speaks no TLS. */
export async function startDcmqrscp(): Promise<Dcmqrscp> {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-dcmqrscp-'));
  const [dicomPort] = await freePorts(1);
  const aeTitle = 'QRSCP';
  const storage = join(folder, 'storage');
  mkdirSync(storage);
  const lines = [
    `NetworkTCPPort = ${dicomPort}`,
    'MaxPDUSize = 16384',
    'MaxAssociations = 16',
    'HostTable BEGIN',
    'HostTable END',
    'VendorTable BEGIN',
    'VendorTable END',
    'AETable BEGIN',
    `${aeTitle} ${storage} RW (100, 1024mb) ANY`,
    'AETable END',
  ];
  const file = join(folder, 'dcmqrscp.cfg');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = startChild(placeOf('dcmqrscp') ?? 'dcmqrscp', ['-c', file], { cwd: folder });
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(dicomPort!, '127.0.0.1');
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
  await untilReady(child, listens, { withinMs: 30_000, what: 'dcmqrscp' });
  return {
    aeTitle,
    dicomPort: dicomPort!,
    async stop() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
