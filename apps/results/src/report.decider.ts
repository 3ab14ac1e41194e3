import type { DiagnosticReport, ImagingStudy, ServiceRequest } from 'fhir/r4.js';
import { sameContent } from '#fhir';

/** How far a report has come; a lesser one that arrives late does not overwrite a greater one. */
const stage: Record<DiagnosticReport['status'], number> = {
  unknown: 0,
  registered: 0,
  partial: 1,
  preliminary: 2,
  final: 3,
  amended: 4,
  corrected: 4,
  appended: 4,
  cancelled: 5,
  'entered-in-error': 5,
};

/**
 * Decides on a report, or a new version of one. After final, another final is a correction: FHIR wants it called
 * corrected, so that a reader sees that the report changed.
 *
 * @returns the report to store and tell, undefined where it says nothing new or comes late
 */
export function decideReport(
  current: DiagnosticReport | undefined,
  stated: DiagnosticReport,
  order: ServiceRequest | undefined,
  study: ImagingStudy | undefined,
): DiagnosticReport | undefined {
  const report: DiagnosticReport = {
    ...stated,
    ...(order ? { basedOn: [{ reference: `ServiceRequest/${order.id}` }] } : {}),
    ...(study ? { imagingStudy: [{ reference: `ImagingStudy/${study.id}` }] } : {}),
    ...(current?.meta ? { meta: current.meta } : {}),
  };
  if (!current) return report;
  if (stage[stated.status] < stage[current.status]) return undefined;
  if (sameContent({ ...current, imagingStudy: undefined }, { ...report, imagingStudy: undefined })) return undefined;
  return current.status === 'final' && stated.status === 'final' ? { ...report, status: 'corrected' } : report;
}
