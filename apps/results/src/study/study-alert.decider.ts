import type { DetectedIssue } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';

/** Ways in which exam, order and images do not go together, and what each says. */
export const alertKinds = {
  'completed-without-images': 'An exam was completed, and the PACS has no images of it.',
  'fewer-images-than-performed': 'The PACS has fewer images than the modality says it made.',
  'images-without-order': 'The PACS has images of which no order is known here.',
  'order-without-mpps': 'The PACS has images of an order whose exam no modality reported as ended (MPPS).',
} as const;

export type AlertKind = keyof typeof alertKinds;

export const alertSystem = 'urn:collimator:study-alert';

/** What an alert is about. */
export interface AlertSubject {
  studyInstanceUid: string;
  patientId: string;
  orderIds: readonly string[];
  /** What is known beyond the kind, in a sentence without patient data. */
  detail?: string;
}

/** The id of the one alert of its kind about a study. */
export function alertIdOf(studyInstanceUid: string, kind: AlertKind): string {
  return uuidFrom('DetectedIssue', studyInstanceUid, kind);
}

/**
 * An alert that is so from now on; undefined where it was so already. One that comes back is the same one again.
 *
 * @param known as it is stored
 */
export function raised(
  known: DetectedIssue | undefined,
  kind: AlertKind,
  subject: AlertSubject,
  now: Date,
): DetectedIssue | undefined {
  if (known?.status === 'final') return undefined;
  const { studyInstanceUid, patientId, orderIds, detail } = subject;
  return {
    resourceType: 'DetectedIssue',
    id: alertIdOf(studyInstanceUid, kind),
    meta: known?.meta,
    identifier: [{ system: alertSystem, value: `${kind}/${studyInstanceUid}` }],
    status: 'final',
    code: { coding: [{ system: alertSystem, code: kind, display: alertKinds[kind] }] },
    severity: 'moderate',
    patient: { reference: `Patient/${patientId}` },
    identifiedDateTime: now.toISOString(),
    implicated: [
      { reference: `ImagingStudy/${uuidFrom('ImagingStudy', studyInstanceUid)}` },
      ...orderIds.map((id) => ({ reference: `ServiceRequest/${id}` })),
    ],
    detail: detail ?? alertKinds[kind],
  };
}

/** An alert that is so no more; undefined where it was not. */
export function resolved(known: DetectedIssue | undefined, now: Date): DetectedIssue | undefined {
  if (known?.status !== 'final') return undefined;
  return {
    ...known,
    status: 'cancelled',
    mitigation: [{ action: { text: 'It is not so any more.' }, date: now.toISOString() }],
  };
}
