import type {
  AdverseEvent,
  DiagnosticReport,
  ImagingStudy,
  MedicationAdministration,
  Patient,
  ServiceRequest,
} from 'fhir/r4.js';
import { writeMessage } from '#hl7v2';
import { conceptText } from '#fhir';
import { agentOf, medicationOf } from './administration-out.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';
import { linesOfReport, observationSegments, resultStatus, type Line } from './report-lines-out.js';
import { resultOrderSegment } from './result-order-out.js';

/** What the EMR is to learn about one order, or about several that one exam or report is of. */
export interface ResultFacts {
  patient: Patient;
  /** Each gets an order group (OBR with its OBX) of its own; without any there is one that names no order. */
  serviceRequests: readonly ServiceRequest[];
  report?: DiagnosticReport;
  imagingStudy?: ImagingStudy;
  medicationAdministrations?: MedicationAdministration[];
  /** Reactions of the patient, and what went beside the vein. */
  adverseEvents?: AdverseEvent[];
  /** The exam's state in one word: started, completed, discontinued. */
  examStatus?: string;
}

/** The envelope of a result, and where its images can be seen. */
export interface ResultEnvelope extends MessageEnvelope {
  viewerUrl?: string;
}

/** Writes ORU^R01 (HL7 v2.5.1 section 7.3.1) with what is known: exam status, study link, contrast, the report. */
export function reportToMessage(facts: ResultFacts, envelope: ResultEnvelope): Buffer {
  const { patient, serviceRequests, report } = facts;
  const orders = serviceRequests.length > 0 ? serviceRequests : [undefined];
  const status = report ? resultStatus[report.status] : 'I';
  const lines = observationsOf(facts, status, envelope);
  return writeMessage([
    headerSegment(['ORU', 'R01', 'ORU_R01'], envelope),
    patientSegment(patient, envelope),
    ...orders.flatMap((order, at) => [
      resultOrderSegment(at + 1, order, status, envelope, report),
      ...observationSegments(lines),
    ]),
  ]);
}

/** Table 0085 of a study that was told and taken back: it was wrong, or is no more. */
const studyStatus: Partial<Record<ImagingStudy['status'], string>> = { 'entered-in-error': 'W', cancelled: 'D' };

function observationsOf(facts: ResultFacts, status: string, envelope: ResultEnvelope): Line[] {
  const lines: Line[] = [];
  const local = (code: string, name: string, value: string | undefined, is = 'F') => {
    if (value) lines.push({ type: 'ST', code: [code, name, 'L'], value, status: is });
  };
  local('EXAMSTATUS', 'Exam status', facts.examStatus);
  const study = facts.imagingStudy;
  if (study) {
    const is = studyStatus[study.status] ?? 'F';
    local('STUDYUID', 'Study Instance UID', study.identifier?.[0]?.value?.replace(/^urn:oid:/, ''), is);
    local('IMAGES', 'Number of images', study.numberOfInstances?.toString(), is);
    // A link to what was taken back leads nowhere, or to somebody else.
    if (is === 'F') local('VIEWER', 'Study link', envelope.viewerUrl);
  }
  for (const given of facts.medicationAdministrations ?? []) {
    // Table 0085: W posts the original as wrong, such as one sent for the wrong patient.
    const is = given.status === 'entered-in-error' ? 'W' : 'F';
    local('CONTRASTAGENT', 'Contrast agent', conceptText(agentOf(given)), is);
    local('CONTRASTLOT', 'Contrast lot number', medicationOf(given)?.batch?.lotNumber, is);
    const dose = given.dosage?.dose;
    const unit = dose?.unit ?? dose?.code;
    if (dose?.value !== undefined)
      lines.push({
        type: 'NM',
        code: ['CONTRASTDOSE', 'Contrast dose', 'L'],
        value: String(dose.value),
        ...(unit ? { unit: [unit, unit, 'UCUM'] } : {}),
        status: is,
      });
  }
  for (const event of facts.adverseEvents ?? []) {
    local('REACTION', 'Reaction', conceptText(event.event));
    local('REACTIONSEVERITY', 'Severity of the reaction', conceptText(event.severity));
    local('REACTIONOUTCOME', 'Outcome of the reaction', conceptText(event.outcome));
    local('REACTIONTIME', 'Time of the reaction', event.date);
  }
  return [...lines, ...(facts.report ? linesOfReport(facts.report, status) : [])];
}
