import type { DiagnosticReport, ServiceRequest } from 'fhir/r4.js';
import { contentError, type Location } from '#hl7v2';
import { namedBy, type NamedBy } from './report.decider.js';

/** By which number a report names an order, but none of its patient's; undefined where it names one of theirs, or none. */
export function anothersOrder(report: DiagnosticReport, candidates: readonly ServiceRequest[]): NamedBy | undefined {
  const named = candidates.flatMap((order) => {
    const by = namedBy(report, order);
    return by ? [{ by, isOwn: order.subject.reference === report.subject?.reference }] : [];
  });
  return named.some(({ isOwn }) => isOwn) ? undefined : named[0]?.by;
}

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
  const by = anothersOrder(report, candidates);
  if (!by) return;
  const { segment, field } = places[by];
  throw contentError(204, `the ${by} is of another patient's order: check PID-3 and ${segment}-${field}`, places[by]);
}
