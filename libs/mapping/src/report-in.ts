import type { DiagnosticReport, Patient, Reference } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { systems, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import { compact, conceptFromCwe, dateTimeFrom, entityFromEi, instantFrom } from './data-types.js';
import { assertSends, missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { interpretersFrom, participantsOf } from './participation.js';
import { patientFrom } from './patient.js';
import { contentOf } from './report-content.js';
import { findingsOf } from './report-findings.js';
import { personFromNdl } from './references.js';
import type { Surroundings } from './rows.js';
import statuses from './tables/report-status.json' with { type: 'json' };

/** What a report message says. */
export interface ReportMessage {
  patientId: string;
  /** One at least, in their order, each with the OBR that it is of. */
  reports: { report: DiagnosticReport; obr: Segment }[];
}

/** The segments of one report. Further OBR of the same report number are orders that it is of as well. */
interface ReportGroup {
  obr: Segment;
  /** Of each order it is of. */
  numbers: OrderNumbers[];
  /** Behind each OBR. */
  observations: Segment[][];
}

interface OrderNumbers {
  placer?: { value: string; system: string | undefined };
  accessionNumber?: string;
}

/**
 * Reads ORU^R01 from a reporting system (IG message map ORU_R01, segment maps OBR[DiagnosticReport] and OBX[Observation]):
 * each OBR is a report, what it says is in the OBX behind it ({@link contentOf}, {@link findingsOf}). The identifiers of a
 * report are its own first, then those of its orders (PLAC, ACSN). One that is of several orders has an OBR for each, of
 * the same report number (OBR-3).
 *
 * @throws Hl7Refusal naming the field at fault
 */
export function reportsFromMessage(message: Hl7Message, sender: Sender, site: Site): ReportMessage {
  assertSends(sender, 'reports', message);
  const patient = patientFrom(message, sender, site);
  const around = surroundingsOf(sender, site);
  const groups = groupsOf(message, around);
  if (groups.length === 0) throw missingSegment('OBR');
  const participants = participantsOf(message);
  const reports = groups.map((group) => ({
    report: reportFrom(group, { patient, sender, around, participants: participants.get(group.obr) ?? [] }),
    obr: group.obr,
  }));
  return { patientId: patient.id!, reports };
}

function groupsOf(message: Hl7Message, around: Surroundings): ReportGroup[] {
  const groups: ReportGroup[] = [];
  let orc: Segment | undefined;
  let ipc: Segment | undefined;
  let current: ReportGroup | undefined;
  for (const segment of message.segments) {
    if (segment.name === 'ORC') [orc, ipc] = [segment, undefined];
    if (segment.name === 'IPC') ipc = segment;
    // One before the first OBR is of the patient, not of a report (HL7 v2.7.1, group PATIENT_OBSERVATION).
    if (segment.name === 'OBX') current?.observations.at(-1)!.push(segment);
    if (segment.name !== 'OBR') continue;
    const numbers = numbersOf(segment, orc, ipc, around);
    const number = keyOf(segment, around);
    const same = groups.find(({ obr }) => number !== undefined && keyOf(obr, around) === number);
    current = same ?? { obr: segment, numbers: [], observations: [] };
    if (!same) groups.push(current);
    current.numbers.push(numbers);
    current.observations.push([]);
    // What an ORC or IPC says is of the OBR behind it only.
    [orc, ipc] = [undefined, undefined];
  }
  return groups;
}

function keyOf(obr: Segment, around: Surroundings): string | undefined {
  const number = entityFromEi(obr, 3, around);
  return number && `${number.system}|${number.value}`;
}

function numbersOf(
  obr: Segment,
  orc: Segment | undefined,
  ipc: Segment | undefined,
  around: Surroundings,
): OrderNumbers {
  const placer = entityFromEi(obr, 2, around) ?? entityFromEi(orc, 2, around);
  const accessionNumber = obr.get(18) ?? ipc?.get(1);
  return { ...(placer ? { placer } : {}), ...(accessionNumber ? { accessionNumber } : {}) };
}

function reportFrom(group: ReportGroup, said: Said): DiagnosticReport {
  const { obr, numbers } = group;
  const { patient, sender, around } = said;
  const { placer, accessionNumber } = numbers[0]!;
  const accession = accessionNumber ? { value: accessionNumber, system: undefined } : undefined;
  const own = entityFromEi(obr, 3, around) ?? placer ?? accession;
  const observations = observationsOf(group);
  if (!own) throw missing('OBR', 3, 'filler order number, or OBR-2 or OBR-18,', obr.sequence);
  const system = own.system ?? senderSystem(sender);
  return compact<DiagnosticReport>({
    resourceType: 'DiagnosticReport',
    id: uuidFrom('DiagnosticReport', system, own.value),
    identifier: [
      typedIdentifier('FILL', system, own.value),
      ...numbers.flatMap((one) => (one.placer ? [typedIdentifier('PLAC', one.placer.system, one.placer.value)] : [])),
      ...numbers.flatMap((one) =>
        one.accessionNumber ? [typedIdentifier('ACSN', systems.accessionNumber, one.accessionNumber)] : [],
      ),
    ],
    status: statusOf(obr),
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }],
    code: conceptFromCwe(obr, 4) ?? { text: 'Diagnostic imaging report' },
    subject: { reference: `Patient/${patient.id}` },
    ...timeOfExam(obr, around),
    issued: instantFrom(obr, 22, around),
    resultsInterpreter: interpretersOf(obr, said),
    ...findingsOf(observations, patient, around),
    ...reportText(observations),
  });
}

/** What several OBR of one report repeat is read once. */
function observationsOf({ observations }: ReportGroup): Segment[] {
  const contentOfPart = (part: Segment[]) =>
    part
      .map((obx) => Array.from({ length: obx.length }, (_, index) => (index === 0 ? '' : obx.raw(index + 1))).join('|'))
      .join('\r');
  const contents = observations.map(contentOfPart);
  return observations.filter((_, index) => contents.indexOf(contents[index]!) === index).flat();
}

interface Said {
  patient: Patient;
  sender: Sender;
  around: Surroundings;
  participants: readonly Segment[];
}

function reportText(observations: readonly Segment[]): Pick<DiagnosticReport, 'conclusion' | 'presentedForm'> {
  const { forms, conclusion } = contentOf(observations);
  return { conclusion, presentedForm: forms };
}

/** OBR-25, table 0123. Y and Z answer a query, and bring no report. */
function statusOf(obr: Segment): DiagnosticReport['status'] {
  if (!obr.get(25)) throw missing('OBR', 25, 'result status', obr.sequence);
  const status = ofTable(statuses, obr.get(25));
  if (status) return status as DiagnosticReport['status'];
  throw contentError(103, `OBR-25 must be a code of table 0123: ${Object.keys(statuses).join(', ')}`, obr.at(25));
}

/** OBR-7 and OBR-8: a period where its end is told. */
function timeOfExam(
  obr: Segment,
  around: Surroundings,
): Pick<DiagnosticReport, 'effectiveDateTime' | 'effectivePeriod'> {
  const [start, end] = [7, 8].map((field) => dateTimeFrom(obr, field, around));
  return end ? { effectivePeriod: compact({ start, end }) } : compact({ effectiveDateTime: start });
}

/** OBR-32, else the PRT behind OBR that took its place in version 2.7. */
function interpretersOf(obr: Segment, { participants, around }: Said): Reference[] {
  const principal = personFromNdl(obr, 32);
  return principal ? [principal] : interpretersFrom(participants, around);
}
