import { randomUUID } from 'node:crypto';
import type { Hospital } from '../hospital.js';
import { hapiPeer, startHapi, type Hapi } from './hapi.js';
import { orthancPeer, startOrthanc } from './orthanc.js';
import { DimseByPynetdicom } from './dimse-by-pynetdicom.js';
import { pynetdicom } from './pynetdicom.js';

export const realHospitalPeers = [hapiPeer, orthancPeer, pynetdicom];

/** HAPI FHIR as the EMR's FHIR server, Orthanc as PACS and pynetdicom at the modalities, each started once. */
export async function startRealHospital(): Promise<Hospital & { stop(): Promise<void> }> {
  const [hapi, orthanc] = await Promise.all([startHapi(), startOrthanc()]);
  await judgesQuickly(hapi);
  const dimse = DimseByPynetdicom.start();
  return {
    emrFhir: { url: hapi.url, timeoutSeconds: 30 },
    pacs: { host: '127.0.0.1', port: orthanc.dicomPort, aeTitle: orthanc.aeTitle, qidoUrl: orthanc.dicomWebUrl },
    dimse,
    async stop() {
      await Promise.all([hapi.stop(), orthanc.stop(), dimse.stop()]);
    },
  };
}

/** With the first transaction HAPI loads all of R4, which takes it longer than a journey waits for the EMR. */
async function judgesQuickly({ url }: Hapi): Promise<void> {
  const [fullUrl, ...others] = Array.from({ length: 3 }, () => `urn:uuid:${randomUUID()}`);
  const subject = { reference: fullUrl };
  const first = [
    { fullUrl, resource: { resourceType: 'Patient', name: [{ family: 'First' }] } },
    { fullUrl: others[0], resource: { resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject } },
    { fullUrl: others[1], resource: { resourceType: 'Procedure', status: 'in-progress', subject } },
  ];
  const entry = first.map((one) => ({ ...one, request: { method: 'POST', url: one.resource.resourceType } }));
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  if (!response.ok)
    throw new Error(`HAPI answered ${response.status} to its first transaction: ${await response.text()}`);
}
