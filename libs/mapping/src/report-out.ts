import type {
  DiagnosticReport,
  ImagingStudy,
  Medication,
  MedicationAdministration,
  Patient,
  ServiceRequest,
} from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { conceptText, identifierOf } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';
import contentTypes from './tables/content-types.json' with { type: 'json' };

/** What the EMR is to learn about one order, or about several that one exam or report is of. */
export interface ResultFacts {
  patient: Patient;
  /** Each gets an order group (OBR with its OBX) of its own; without any there is one that names no order. */
  serviceRequests: readonly ServiceRequest[];
  report?: DiagnosticReport;
  imagingStudy?: ImagingStudy;
  medicationAdministrations?: MedicationAdministration[];
  /** The exam's state in one word: started, completed, discontinued. */
  examStatus?: string;
}

/** The envelope of a result, and where its images can be seen. */
export interface ResultEnvelope extends MessageEnvelope {
  viewerUrl?: string;
}

/** Table 0123 and 0085 by DiagnosticReport.status. */
const resultStatus: Record<DiagnosticReport['status'], string> = {
  registered: 'I',
  partial: 'R',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  appended: 'C',
  cancelled: 'X',
  'entered-in-error': 'X',
  unknown: 'I',
};

/** Writes ORU^R01 (HL7 v2.5.1 section 7.3.1) with what is known: exam status, study link, contrast, report text. */
export function reportToMessage(facts: ResultFacts, envelope: ResultEnvelope): Buffer {
  const { patient, serviceRequests, report } = facts;
  const orders = serviceRequests.length > 0 ? serviceRequests : [undefined];
  const status = report ? resultStatus[report.status] : 'I';
  const lines = observationsOf(facts, envelope);
  return writeMessage([
    headerSegment(['ORU', 'R01', 'ORU_R01'], envelope),
    patientSegment(patient, envelope),
    ...orders.flatMap((order, at) => [
      orderSegment(at + 1, order, report, status, envelope),
      ...lines.map((line, index) =>
        writeSegment('OBX', {
          1: String(index + 1),
          2: line.type,
          3: [line.code, line.name, line.system],
          4: String(index + 1),
          5: line.value,
          6: line.unit ? [line.unit, line.unit, 'UCUM'] : undefined,
          11: line.isReport ? status : 'F',
        }),
      ),
    ]),
  ]);
}

interface Line {
  type: 'ST' | 'TX' | 'NM' | 'ED' | 'RP';
  code: string;
  name: string;
  system: string;
  value: FieldValue;
  unit?: string;
  isReport?: true;
}

function observationsOf(facts: ResultFacts, envelope: ResultEnvelope): Line[] {
  const lines: Line[] = [];
  const local = (code: string, name: string, value: string | undefined) => {
    if (value) lines.push({ type: 'ST', code, name, system: 'L', value });
  };
  local('EXAMSTATUS', 'Exam status', facts.examStatus);
  const study = facts.imagingStudy;
  if (study) {
    local('STUDYUID', 'Study Instance UID', study.identifier?.[0]?.value?.replace(/^urn:oid:/, ''));
    local('IMAGES', 'Number of images', study.numberOfInstances?.toString());
    local('VIEWER', 'Study link', envelope.viewerUrl);
  }
  for (const given of facts.medicationAdministrations ?? []) {
    const agent = given.medicationCodeableConcept ?? containedAgent(given);
    local('CONTRASTAGENT', 'Contrast agent', conceptText(agent));
    local('CONTRASTLOT', 'Contrast lot number', containedMedication(given)?.batch?.lotNumber);
    const dose = given.dosage?.dose;
    if (dose?.value !== undefined)
      lines.push({ type: 'NM', code: 'CONTRASTDOSE', name: 'Contrast dose', system: 'L', value: String(dose.value), unit: dose.unit ?? dose.code }); // prettier-ignore
  }
  const ofReport = { code: '18748-4', name: 'Diagnostic imaging study', system: 'LN', isReport: true } as const;
  for (const text of textOf(facts.report)) lines.push({ type: 'TX', value: text, ...ofReport });
  for (const form of formsOf(facts.report)) lines.push({ ...form, ...ofReport });
  if (facts.report?.conclusion)
    lines.push({ type: 'TX', code: '19005-8', name: 'Impression', system: 'LN', value: facts.report.conclusion, isReport: true }); // prettier-ignore
  return lines;
}

/** Every text of a report in its order: its own, and what was added. */
function textOf(report: DiagnosticReport | undefined): string[] {
  const plain = (report?.presentedForm ?? []).filter(({ contentType }) => contentType?.startsWith('text/plain'));
  return plain.flatMap(({ data }) => (data ? [Buffer.from(data, 'base64').toString('utf8')] : []));
}

/** What of a report is no text, such as a PDF: encapsulated (ED), or where it is found (RP). */
function formsOf(report: DiagnosticReport | undefined): Pick<Line, 'type' | 'value'>[] {
  const others = (report?.presentedForm ?? []).filter(({ contentType }) => !contentType?.startsWith('text/plain'));
  return others.flatMap(({ contentType = '', data, url }): Pick<Line, 'type' | 'value'>[] => {
    const subtype = subtypes[contentType] ?? contentType;
    if (data) return [{ type: 'ED', value: ['', 'AP', subtype, 'Base64', data] }];
    return url ? [{ type: 'RP', value: [url, '', 'AP', subtype] }] : [];
  });
}

/** Table 0291 by MIME type; of several names the first one of the table counts. */
const subtypes: Record<string, string | undefined> = Object.fromEntries(Object.entries(contentTypes).reverse().map(([subtype, type]) => [type, subtype])); // prettier-ignore

function containedMedication(given: MedicationAdministration): Medication | undefined {
  return given.contained?.find((one): one is Medication => one.resourceType === 'Medication');
}

function containedAgent(given: MedicationAdministration) {
  return containedMedication(given)?.code;
}

function orderSegment(
  sequence: number,
  order: ServiceRequest | undefined,
  report: DiagnosticReport | undefined,
  status: string,
  envelope: ResultEnvelope,
): string {
  const placer = identifierOf(order, 'PLAC');
  const accession = identifierOf(order, 'ACSN')?.value;
  const code = order?.code?.coding?.[0] ?? report?.code.coding?.[0];
  return writeSegment('OBR', {
    1: String(sequence),
    2: [placer?.value, envelope.namespaceOf(placer?.system)],
    3: accession ?? identifierOf(report, 'FILL')?.value,
    4: [code?.code ?? 'UNKNOWN', code?.display ?? order?.code?.text ?? report?.code.text, 'L'],
    7: hl7DateTime(report?.effectiveDateTime ?? report?.effectivePeriod?.start),
    8: hl7DateTime(report?.effectivePeriod?.end),
    18: accession,
    22: timestamp(envelope.now),
    24: 'RAD',
    25: status,
  });
}
