import type { Hospital } from '../hospital.js';
import { hapiPeer, startHapi } from './hapi.js';
import { orthancPeer, startOrthanc } from './orthanc.js';
import { PynetdicomScanners } from './pynetdicom-scanner.js';
import { pynetdicom } from './pynetdicom.js';

export const realHospitalPeers = [hapiPeer, orthancPeer, pynetdicom];

/** HAPI FHIR as the EMR's FHIR server, Orthanc as PACS and pynetdicom as scanners, each started once, and empty. */
export async function startRealHospital(): Promise<Hospital & { stop(): Promise<void> }> {
  const [hapi, orthanc] = await Promise.all([startHapi(), startOrthanc()]);
  const scanners = PynetdicomScanners.start();
  return {
    emrFhir: { url: hapi.url, timeoutSeconds: 30 },
    pacs: { host: '127.0.0.1', port: orthanc.dicomPort, aeTitle: orthanc.aeTitle, qidoUrl: orthanc.dicomWebUrl },
    scanner: (aeTitle, worklist) => scanners.scanner(aeTitle, worklist),
    async stop() {
      await Promise.all([hapi.stop(), orthanc.stop(), scanners.stop()]);
    },
  };
}
