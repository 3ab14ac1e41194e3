import { DateTime } from 'luxon';
import { encodeDicomFile, sopClasses, type Dataset, type Keyword } from '#dicom';
import { uidFromUuid } from '#fhir';
import type { Site } from '#platform';
import { tarArchive, type ArchivedFile } from './tar-archive.js';
import { datasetOf, type FoundItem } from './worklist.store.js';

/**
 * A worklist for downtime, as a tar archive: `worklist.html` to print, and a folder named by the AE title that modalities
 * call, with one file an item, which dcmtk's wlmscpfs serves as it is. Names of files say nothing of a patient.
 */
export function worklistArchive(
  items: readonly FoundItem[],
  { calledAeTitle, site, at }: { calledAeTitle: string; site: Site; at: Date },
): Buffer {
  const files = items.map((item): ArchivedFile => {
    const file = { sopClassUid: sopClasses.modalityWorklist, sopInstanceUid: uidFromUuid(item.appointmentId) };
    return { path: `${calledAeTitle}/${item.appointmentId}.wl`, content: encodeDicomFile(servable(item), file) };
  });
  const page = Buffer.from(worklistPage(items.map(datasetOf), site, at));
  // wlmscpfs serves only a folder that has a lockfile.
  const lock = { path: `${calledAeTitle}/lockfile`, content: Buffer.alloc(0) };
  return tarArchive([{ path: 'worklist.html', content: page }, lock, ...files], at);
}

/** wlmscpfs passes over an item whose protocol codes (type 1C) are there and empty. */
function servable(item: FoundItem): Dataset {
  const dataset = datasetOf(item);
  for (const step of dataset.items('ScheduledProcedureStepSequence'))
    if (step.items('ScheduledProtocolCodeSequence').length === 0) step.delete('ScheduledProtocolCodeSequence');
  return dataset;
}

/** What a technologist reads of an item on paper. */
const columns: [title: string, textOf: (item: Dataset, step: Dataset) => string][] = [
  [
    'Time',
    (_, step) =>
      `${shown(step, 'ScheduledProcedureStepStartDate')} ${shown(step, 'ScheduledProcedureStepStartTime').slice(0, 4)}`,
  ],
  ['Priority', (item) => shown(item, 'RequestedProcedurePriority')],
  ['Patient', (item) => shown(item, 'PatientName')],
  ['Number', (item) => shown(item, 'PatientID')],
  ['Born, sex', (item) => `${shown(item, 'PatientBirthDate')} ${shown(item, 'PatientSex')}`],
  ['Where', (item) => `${shown(item, 'CurrentPatientLocation')} ${shown(item, 'PatientTransportArrangements')}`],
  ['Procedure', (item) => shown(item, 'RequestedProcedureDescription')],
  [
    'Protocol, preparation',
    (_, step) => `${shown(step, 'ScheduledProcedureStepDescription')} ${shown(step, 'PreMedication')}`,
  ],
  ['Contrast', (_, step) => shown(step, 'RequestedContrastAgent')],
  [
    'Beware',
    (item) =>
      (['MedicalAlerts', 'PatientState', 'Allergies', 'SpecialNeeds'] as const)
        .map((key) => shown(item, key))
        .filter(Boolean)
        .join('; '),
  ],
  ['Pregnant', (item) => pregnancies[shown(item, 'PregnancyStatus')] ?? ''],
  ['Accession', (item) => shown(item, 'AccessionNumber')],
];
/** DICOM Pregnancy Status (0010,21C0). */
const pregnancies: Record<string, string> = { 1: 'no', 2: 'possibly', 3: 'yes', 4: 'unknown' };

/** A page for each station, to be printed and filled in by hand. */
export function worklistPage(items: readonly Dataset[], site: Site, at: Date): string {
  const steps = items.map((item) => ({ item, step: item.items('ScheduledProcedureStepSequence')[0]! }));
  const said = DateTime.fromJSDate(at, { zone: site.timeZone }).toFormat('yyyy-MM-dd HH:mm');
  const pages = site.stations.flatMap(({ aeTitle, name, room }) => {
    const own = steps.filter(({ step }) => step.texts('ScheduledStationAETitle').includes(aeTitle));
    if (own.length === 0) return [];
    const rows = own.map(({ item, step }) => row('td', [...columns.map(([, textOf]) => textOf(item, step)), '']));
    const head = row('th', [...columns.map(([title]) => title), 'Done, by']);
    return [
      `<section><h1>${escaped(`${name} (${aeTitle}), ${room}`)}</h1><p>Worklist as of ${said}</p><table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table></section>`,
    ];
  });
  const style =
    'body{font:10pt sans-serif}section{break-after:page}table{border-collapse:collapse;width:100%}th,td{border:1px solid;padding:2pt;text-align:left;vertical-align:top}tr{break-inside:avoid}@page{size:landscape}';
  return `<!doctype html><html><head><meta charset="utf-8"><title>Worklist</title><style>${style}</style></head><body>\n${pages.join('\n')}\n</body></html>\n`;
}

function shown(dataset: Dataset, keyword: Keyword): string {
  return dataset.texts(keyword).join(', ');
}

function row(cell: 'th' | 'td', texts: string[]): string {
  return `<tr>${texts.map((text) => `<${cell}>${escaped(text.trim())}</${cell}>`).join('')}</tr>`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (one) => entities[one]!);
}
