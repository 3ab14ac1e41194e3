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
  /** Tells it of an AE on 127.0.0.1, by a name of its own. */
  knows(name: string, at: { aeTitle: string; port: number }): Promise<void>;
  /** Has it ask an AE whether instances of one class are safely stored. @returns how to get what it was answered so far */
  storageCommitmentBy(
    name: string,
    sopClassUid: string,
    sopInstanceUids: string[],
  ): Promise<() => Promise<OrthancReport>>;
  stop(): Promise<void>;
}

/** What Orthanc has of an answer to its question. */
export interface OrthancReport {
  Status: 'Pending' | 'Success' | 'Failure';
  Success?: { SOPInstanceUID: string }[];
  Failures?: { SOPInstanceUID: string; Description: string }[];
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
  const ready = () =>
    fetch(`${url}/system`).then(
      (response) => response.ok,
      () => false,
    );
  await untilReady(child, ready, { withinMs: 30_000, what: 'Orthanc' });
  return {
    aeTitle,
    dicomPort,
    url,
    dicomWebUrl: `${url}/dicom-web`,
    async knows(name, { aeTitle: title, port }) {
      const body = JSON.stringify({ AET: title, Host: '127.0.0.1', Port: port });
      const answer = await fetch(`${url}/modalities/${name}`, { method: 'PUT', body });
      if (!answer.ok) throw new Error(`Orthanc answered ${answer.status}`);
    },
    async storageCommitmentBy(name, sopClassUid, sopInstanceUids) {
      const DicomInstances = sopInstanceUids.map((uid) => ({ SOPClassUID: sopClassUid, SOPInstanceUID: uid }));
      const body = JSON.stringify({ DicomInstances });
      const answer = await fetch(`${url}/modalities/${name}/storage-commitment`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`Orthanc answered ${answer.status}: ${await answer.text()}`);
      const { Path } = (await answer.json()) as { Path: string };
      return async () => (await (await fetch(`${url}${Path}`)).json()) as OrthancReport;
    },
    async stop() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
