import type { ImagingStudy, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { StudyInPacs } from '#dicom';
import { dicomUidIdentifier, patientIdOf, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import type { Site } from '#platform';

/** What is known here of a study that no exam told of. */
export interface Known {
  /** Orders with its Study Instance UID or its accession number, each with its patient. */
  orders: readonly { order: ServiceRequest; patient: Patient | undefined }[];
  /** What modalities reported of these orders. */
  exams: readonly Procedure[];
}

/** What follows from a look at a study that no exam told of. */
export type WatchDecision =
  | { is: 'not-there'; next?: Date }
  | { is: 'without-order'; detail: string; next?: Date }
  | { is: 'without-mpps'; order: ServiceRequest; detail: string };

const EVERY_MS = 3_600_000;
/** An order may be entered days after an emergency; images that nobody made by then will not be made. */
const FOR_ORDER_MS = 7 * 86_400_000;
const FOR_IMAGES_MS = 86_400_000;

/**
 * Whose the images are that the PACS has though no exam told of them. They are an order's by its Study Instance UID, which
 * it was given here, or by its accession number; never against what they say of their patient, and by accession number
 * only where they say the order's.
 */
export function decideWatch(
  studyInstanceUid: string,
  listed: StudyInPacs | undefined,
  { orders, exams }: Known,
  site: Site,
  since: Date,
  now: Date,
): WatchDecision {
  const later = (forMs: number) =>
    now.getTime() - since.getTime() < forMs ? { next: new Date(now.getTime() + EVERY_MS) } : {};
  if (!listed) return { is: 'not-there', ...later(FOR_IMAGES_MS) };
  const own = orders.find(({ order, patient }) => {
    const isSame = hasNumber(patient, listed.patientId, site);
    return studyInstanceUidOf(order) === studyInstanceUid ? isSame !== false : isSame === true;
  });
  if (!own) {
    const detail =
      orders.length > 0
        ? 'An order has this study or accession number, but the images are under the number of another patient.'
        : 'No order has this Study Instance UID or accession number.';
    return { is: 'without-order', detail, ...later(FOR_ORDER_MS) };
  }
  const isOpen = exams.some(({ status }) => status === 'in-progress');
  const detail = isOpen
    ? 'The modality reported the exam begun and never ended.'
    : 'No modality reported the exam (no MPPS).';
  return { is: 'without-mpps', order: own.order, detail };
}

/** The study of an order whose exam nobody told of. */
export function studyOfOrder(studyInstanceUid: string, order: ServiceRequest): ImagingStudy {
  return {
    resourceType: 'ImagingStudy',
    id: uuidFrom('ImagingStudy', studyInstanceUid),
    identifier: [dicomUidIdentifier(studyInstanceUid)],
    status: 'registered',
    subject: order.subject,
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
  };
}

/** Whom images are of that only their own patient number tells of, or not even that. */
export function patientOfImages(system: string, patientNumber: string | undefined, studyInstanceUid: string): string {
  return patientNumber
    ? patientIdOf({ system, value: patientNumber })
    : uuidFrom('Patient', 'urn:collimator:unknown', studyInstanceUid);
}

/** True if an order has this accession number. */
export function hasAccessionNumber(order: ServiceRequest, accessionNumber: string): boolean {
  return (order.identifier ?? []).some(
    ({ system, value, type }) =>
      value === accessionNumber &&
      (system === systems.accessionNumber || type?.coding?.some(({ code }) => code === 'ACSN')),
  );
}

/** Whether a number is this patient's; undefined where the images say none. */
function hasNumber(patient: Patient | undefined, number: string | undefined, site: Site): boolean | undefined {
  if (!number) return undefined;
  const system = site.authorities[site.patientAuthority];
  return (patient?.identifier ?? []).some((one) => one.system === system && one.value === number);
}
