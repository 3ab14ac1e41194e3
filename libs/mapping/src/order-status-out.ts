import type { DiagnosticReport, Patient, ServiceRequest } from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { identifierOf } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';
import { resultStatus } from './report-lines-out.js';

/** What becomes of an order beyond the codes of table 0038. */
const modifiers = {
  ARRIVED: 'Patient has arrived',
  NOSHOW: 'Patient did not come',
  UNSCHEDULED: 'Taken off the schedule',
  REPORTED: 'Report is there',
} as const;

/** News of an order for its placer, in codes of tables 0119 and 0038. */
export interface OrderNews {
  /**
   * ORC-1: SC status changed; by others or by us OC cancelled, OD discontinued at the modality, OH held, OE released; as
   * the placer asked CR cancelled, DR discontinued, RQ replaced, HR held; too late for that UC, UD, UM, UH.
   */
  control: 'SC' | 'OC' | 'OD' | 'OH' | 'OE' | 'CR' | 'DR' | 'RQ' | 'HR' | 'UC' | 'UD' | 'UM' | 'UH';
  /** ORC-5. */
  status: 'SC' | 'IP' | 'CM' | 'DC' | 'CA' | 'HD';
  /** ORC-16, and an NTE each: what the placer is asked. */
  reasons?: readonly string[];
  /** When the exam is, ISO 8601. */
  start?: string;
  /** ORC-25: what ORC-5 has no code for. */
  modifier?: keyof typeof modifiers;
  /** OBR-25: how far its report is. */
  reportStatus?: DiagnosticReport['status'];
}

/**
 * Writes ORM^O01 from filler to placer (HL7 v2.5.1 section 4.4.1, IHE RAD-3 and RAD-13): what became of an order, under
 * the placer's number and ours.
 */
export function orderStatusMessage(
  news: OrderNews,
  order: ServiceRequest,
  patient: Patient,
  envelope: MessageEnvelope,
): Buffer {
  const [placer, filler, accession] = (['PLAC', 'FILL', 'ACSN'] as const).map((type) => identifierOf(order, type));
  const placerNumber: FieldValue = [placer?.value, envelope.namespaceOf(placer?.system)];
  const fillerNumber: FieldValue = [filler?.value ?? accession?.value, envelope.sendingApplication];
  // The placer's own code of the procedure stands behind ours.
  const code = order.code?.coding?.at(-1);
  return writeMessage([
    headerSegment(['ORM', 'O01', 'ORM_O01'], envelope),
    patientSegment(patient, envelope),
    writeSegment('ORC', {
      1: news.control,
      2: placerNumber,
      3: fillerNumber,
      5: news.status,
      7: news.start ? ['', '', '', hl7DateTime(news.start)] : undefined,
      9: timestamp(envelope.now),
      16: news.reasons?.[0] ? ['', news.reasons[0]] : undefined,
      25: news.modifier ? [news.modifier, modifiers[news.modifier], 'L'] : undefined,
    }),
    writeSegment('OBR', {
      1: '1',
      2: placerNumber,
      3: fillerNumber,
      4: [code?.code ?? 'UNKNOWN', code?.display ?? order.code?.text, 'L'],
      18: accession?.value,
      22: timestamp(envelope.now),
      25: news.reportStatus && resultStatus[news.reportStatus],
      27: news.start ? ['', '', '', hl7DateTime(news.start)] : undefined,
    }),
    ...(news.reasons ?? []).map((reason, index) => writeSegment('NTE', { 1: String(index + 1), 2: 'L', 3: reason })),
  ]);
}
