import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

/**
 * Writes the sandbox site with the ports of this run, and gives its path.
 *
 * @param {string} folder
 * @param {Record<string, number>} ports
 */
export function writeSandboxSite(folder, ports) {
  const site = parse(readFileSync(join(import.meta.dirname, 'site.yaml'), 'utf8'));
  const pacs = `http://127.0.0.1:${ports.SANDBOX_QIDO_PORT}`;
  site.pacs.qidoUrl = `${pacs}/dicom-web`;
  site.pacs.viewerUrl = `${pacs}/viewer?study={studyInstanceUid}`;
  for (const destination of site.destinations) {
    if (destination.kind === 'fhir') destination.url = `http://127.0.0.1:${ports.SANDBOX_FHIR_PORT}/fhir`;
    else destination.port = ports.SANDBOX_MLLP_PORT;
  }
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'site.yaml');
  writeFileSync(
    path,
    `# Written at each npm start from deploy/local/site.yaml with this run's ports.\n${stringify(site)}`,
  );
  return path;
}
