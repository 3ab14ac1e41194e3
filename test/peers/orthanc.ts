import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '#testing';
import { startChild, untilReady } from '../../deploy/local/child-process.mjs';
import { freePorts } from '../../deploy/local/ports.mjs';

/** Debian's Orthanc with its DICOMweb plugin. */
export const orthancPeer: Peer = {
  command: ['sh', '-c', 'test -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so && /usr/sbin/Orthanc --version'],
  says: /Orthanc/,
  install: 'apt-get install orthanc orthanc-dicomweb',
};

/** A real PACS for one test file. */
export interface Orthanc {
  aeTitle: string;
  dicomPort: number;
  /** QIDO-RS, WADO-RS and STOW-RS. */
  dicomWebUrl: string;
  /** Orthanc's own REST interface. */
  url: string;
  stop(): Promise<void>;
}

/** Starts Orthanc with a configuration of its own, empty, on free ports of 127.0.0.1. */
export async function startOrthanc(): Promise<Orthanc> {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-orthanc-'));
  const [dicomPort, httpPort] = await freePorts(2);
  const aeTitle = 'ORTHANC';
  writeFileSync(
    join(folder, 'orthanc.json'),
    JSON.stringify({
      Name: 'Collimator test',
      StorageDirectory: join(folder, 'storage'),
      IndexDirectory: join(folder, 'index'),
      Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
      DicomAet: aeTitle,
      DicomPort: dicomPort,
      DicomCheckCalledAet: false,
      HttpPort: httpPort,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      StableAge: 1,
      DefaultEncoding: 'Utf8',
      DicomWeb: { Enable: true, Root: '/dicom-web/' },
    }),
  );
  const url = `http://127.0.0.1:${httpPort}`;
  const child = startChild('/usr/sbin/Orthanc', [join(folder, 'orthanc.json')], { cwd: folder });
  const ready = () => fetch(`${url}/system`).then((response) => response.ok, () => false); // prettier-ignore
  await untilReady(child, ready, { withinMs: 30_000, what: 'Orthanc' });
  return {
    aeTitle,
    dicomPort,
    url,
    dicomWebUrl: `${url}/dicom-web`,
    async stop() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
