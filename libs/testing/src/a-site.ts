import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { checkSite, type Site, type SiteContent } from '#platform';

/**
 * A small valid site: a CT and an X-ray room, one EMR, no destination. Each key given replaces the whole key; checked
 * like a site file, so a test cannot run on a site that a hospital could not have.
 */
export function site(overrides: Partial<SiteContent> = {}): Site {
  return checkSite({
    name: 'Test Hospital',
    timeZone: 'Europe/Berlin',
    accession: { prefix: 'TST', digits: 8 },
    authorities: { SGH: 'urn:oid:2.25.1001', EMR: 'urn:oid:2.25.1002', RIS: 'urn:oid:2.25.1003' },
    patientAuthority: 'SGH',
    senders: [
      { application: 'EMR', facility: 'SGH', timeZone: 'Europe/Berlin', sends: ['orders', 'admissions'] },
      { application: 'RIS-REPORTS', facility: 'SGH', timeZone: 'Europe/Berlin', sends: ['reports'] },
      { application: 'RIS', facility: 'SGH', timeZone: 'Europe/Berlin', sends: ['appointments'] },
    ],
    procedures: [
      { code: 'XRCHEST2', display: 'X-ray chest two views', modality: 'DX', durationMinutes: 10 },
      { code: 'CTHEAD', display: 'CT head without contrast', modality: 'CT', durationMinutes: 15 },
      {
        code: 'CTCHESTC',
        display: 'CT chest with contrast',
        modality: 'CT',
        durationMinutes: 20,
        protocol: { code: 'CTCHC', scheme: '99SGH', display: 'Chest venous phase' },
        preparation: 'Nothing to eat for 4 hours',
        contrast: {
          agent: { system: 'http://www.whocc.no/atc', code: 'V08AB05', display: 'iopromide' },
          doseMl: 80,
          rateMlPerSecond: 3,
          route: { system: 'http://snomed.info/sct', code: '47625008', display: 'Intravenous route' },
        },
      },
    ],
    stations: [
      { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1' },
      { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
    ],
    pacs: {
      name: 'pacs',
      qidoUrl: 'http://127.0.0.1:9/dicom-web',
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 20 },
    },
    identity: { application: 'COLLIMATOR', facility: 'SGH' },
    ...overrides,
  });
}

/** Writes a site as the file that SITE_FILE names, under the temporary folder: the same site is the same file. */
export function siteFile(content: Site = site()): string {
  const text = stringify(content);
  const path = join(tmpdir(), `collimator-site-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.yaml`);
  // Renamed into place, so that a service that reads it meanwhile never sees half of it.
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
  return path;
}
