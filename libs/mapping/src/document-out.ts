import type { DiagnosticReport, Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { conceptText, identifierOf } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { entityOf, orderNumbers, personElement } from './fields-out.js';
import { headerSegment, patientSegment, visitSegment, type MessageEnvelope } from './message-out.js';
import { linesOfReport, observationSegments, resultStatus, type Line } from './report-lines-out.js';

/** A version of a report, and the one that was told before it. */
export interface DocumentFacts {
  patient: Patient;
  serviceRequests: readonly ServiceRequest[];
  report: DiagnosticReport;
  before?: Pick<DiagnosticReport, 'status' | 'meta'> | undefined;
}

const released: readonly DiagnosticReport['status'][] = ['final', 'amended', 'corrected', 'appended'];
/** What was released and then told otherwise. */
const changed: readonly DiagnosticReport['status'][] = ['amended', 'corrected', 'appended'];
const withdrawn: readonly DiagnosticReport['status'][] = ['cancelled', 'entered-in-error'];

/**
 * Writes MDM (HL7 v2.5.1 section 9.6): T02 a document and its content, T04 that it is authenticated now, T08 another
 * version of one that is not, T10 what replaces one that was, T11 that it is no more; T01 and T03 where there is no
 * content. A replacement has a number of its own (TXA-12), the report's and its version, and names the one it replaces
 * (TXA-13).
 */
export function documentMessage(facts: DocumentFacts, envelope: MessageEnvelope): Buffer {
  const { patient, serviceRequests, report, before } = facts;
  const lines = withdrawn.includes(report.status) ? [] : linesOfReport(report, resultStatus[report.status]);
  const event = eventOf(report, before, lines);
  return writeMessage([
    headerSegment(['MDM', event, lines.length > 0 ? 'MDM_T02' : 'MDM_T01'], envelope),
    writeSegment('EVN', { 2: timestamp(envelope.now) }),
    patientSegment(patient, envelope),
    visitSegment(),
    ...(lines.length > 0 ? serviceRequests.flatMap((order, index) => orderSegments(order, index + 1, envelope)) : []),
    documentSegment(facts, event, lines, envelope),
    ...observationSegments(lines),
  ]);
}

function eventOf(report: DiagnosticReport, before: DocumentFacts['before'], lines: readonly Line[]): string {
  const { status } = report;
  if (withdrawn.includes(status)) return 'T11';
  if (lines.length === 0) return before ? 'T03' : 'T01';
  if (!before) return 'T02';
  if (changed.includes(status)) return 'T10';
  return released.includes(status) && !released.includes(before.status) ? 'T04' : 'T08';
}

function orderSegments(order: ServiceRequest, sequence: number, envelope: MessageEnvelope): string[] {
  const { placer, filler, accession } = orderNumbers(order, envelope);
  const code = order.code?.coding?.at(-1);
  return [
    writeSegment('ORC', { 1: 'RE', 2: placer, 3: filler }),
    writeSegment('OBR', {
      1: String(sequence),
      2: placer,
      3: filler,
      4: [code?.code ?? 'UNKNOWN', code?.display ?? conceptText(order.code), 'L'],
      18: accession,
    }),
  ];
}

function documentSegment(
  { serviceRequests: [order], report, before }: DocumentFacts,
  event: string,
  lines: readonly Line[],
  envelope: MessageEnvelope,
): string {
  const { placer, filler } = orderNumbers(order, envelope);
  const isText = lines.every(({ type }) => type === 'TX');
  const isGone = event === 'T11';
  const isReleased = released.includes((isGone ? before?.status : undefined) ?? report.status);
  const [interpreter] = report.resultsInterpreter ?? report.performer ?? [];
  const author = personElement(interpreter, envelope);
  return writeSegment('TXA', {
    1: '1',
    2: 'DI',
    3: isText ? 'TX' : 'AP',
    4: hl7DateTime(report.effectiveDateTime ?? report.effectivePeriod?.start),
    6: hl7DateTime(report.issued),
    9: author,
    12: numberOf(isGone && before ? { ...report, ...before } : report, envelope),
    13: event === 'T10' ? numberOf({ ...report, ...before! }, envelope) : undefined,
    14: placer,
    15: filler,
    17: isReleased ? 'AU' : lines.length > 0 || isGone ? 'DO' : 'IP',
    19: isGone ? 'CA' : isReleased ? 'AV' : undefined,
    22: isReleased && report.issued ? authenticator(author, report.issued) : undefined,
  });
}

/** TXA-12 of one version: the report's number, and of what replaced a released one its version behind it. */
function numberOf(report: DiagnosticReport, envelope: MessageEnvelope): FieldValue {
  const number = identifierOf(report, 'FILL') ?? report.identifier?.find(({ value }) => value);
  const identifier: Identifier = number?.value ? number : { value: report.id! };
  const version = changed.includes(report.status) ? `.${report.meta?.versionId ?? ''}` : '';
  return entityOf({ ...identifier, value: `${identifier.value}${version}` }, envelope);
}

/** PPN: who authenticated it, and when (component 15). */
function authenticator(author: FieldValue, issued: string): FieldValue {
  const components = Array.isArray(author) ? (author as readonly (string | undefined)[]) : [];
  return [...components, ...Array<string>(14 - components.length).fill(''), hl7DateTime(issued)];
}
