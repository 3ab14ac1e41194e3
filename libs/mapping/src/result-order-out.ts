import type { DiagnosticReport, ServiceRequest } from 'fhir/r4.js';
import { timestamp, writeSegment } from '#hl7v2';
import { identifierOf } from '#fhir';
import { hl7DateTime } from './date-time.js';
import type { MessageEnvelope } from './message-out.js';

/**
 * OBR of an order that there are results of, or of a report that names none.
 *
 * @param status OBR-25, table 0123
 */
export function resultOrderSegment(
  sequence: number,
  order: ServiceRequest | undefined,
  status: string,
  envelope: MessageEnvelope,
  report?: DiagnosticReport,
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
