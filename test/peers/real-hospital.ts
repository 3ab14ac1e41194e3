import type { Hospital } from '../hospital.js';
import { hapiPeer, startHapi, type Hapi } from './hapi.js';
import { orthancPeer, startOrthanc } from './orthanc.js';
import { PynetdicomScanners } from './pynetdicom-scanner.js';
import { pynetdicom } from './pynetdicom.js';

export const realHospitalPeers = [hapiPeer, orthancPeer, pynetdicom];

/** HAPI FHIR as the EMR's FHIR server, Orthanc as PACS and pynetdicom as scanners, each started once. */
export async function startRealHospital(): Promise<Hospital & { stop(): Promise<void> }> {
  const [hapi, orthanc] = await Promise.all([startHapi(), startOrthanc()]);
  await judgesQuickly(hapi);
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

/** With the first transaction HAPI loads all of R4, which takes it longer than a journey waits for the EMR. */
async function judgesQuickly({ url }: Hapi): Promise<void> {
  const subject = { reference: 'urn:uuid:1a9e0b0e-0d7c-4c0e-9d34-5a3f9f6f0001' };
  const first = [
    { resourceType: 'Patient', name: [{ family: 'First' }] },
    { resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject },
    { resourceType: 'Procedure', status: 'in-progress', subject },
  ];
  const entry = first.map((resource) => ({
    ...(resource.resourceType === 'Patient' ? { fullUrl: subject.reference } : {}),
    resource,
    request: { method: 'POST', url: resource.resourceType },
  }));
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  if (!response.ok)
    throw new Error(`HAPI answered ${response.status} to its first transaction: ${await response.text()}`);
}
