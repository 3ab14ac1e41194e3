import type { DiagnosticReport, ServiceRequest } from 'fhir/r4.js';
import { contentError, type Location } from '#hl7v2';
import { namedBy, type NamedBy } from './report.decider.js';

/**
 * Refuses a report whose numbers name an order, but none of its patient's.
 *
 * @param places the field of the message that holds each number
 * @throws Hl7Refusal 204
 */
export function refuseAnothersOrder(
  report: DiagnosticReport,
  candidates: readonly ServiceRequest[],
  places: Record<NamedBy, Location>,
): void {
  const named = candidates.flatMap((order) => {
    const by = namedBy(report, order);
    return by ? [{ by, isOwn: order.subject.reference === report.subject?.reference }] : [];
  });
  const other = named.find(({ isOwn }) => !isOwn);
  if (!other || named.some(({ isOwn }) => isOwn)) return;
  const { segment, field } = places[other.by];
  throw contentError(204, `the ${other.by} is of another patient's order: check PID-3 and ${segment}-${field}`, places[other.by]); // prettier-ignore
}
