import { DateTime } from 'luxon';
import type { Appointment, ImagingStudy, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import type { PerformedProcedureStep } from '#dicom';
import { dicomUidIdentifier, patientIdOf, systems, uuidFrom } from '#fhir';
import type { Site } from '#platform';

/** DICOM CID 9300: the technologist chose the wrong worklist entry. */
export const WRONG_WORKLIST_ENTRY = '110514';

/** What an exam is about, as far as the worklist knew it. */
export interface ExamSubject {
  patient: Patient;
  order?: ServiceRequest;
  appointments: Appointment[];
}

const procedureStatus = { 'IN PROGRESS': 'in-progress', COMPLETED: 'completed', DISCONTINUED: 'stopped' } as const;

/** The event a state of the exam is told by. */
export const examEvent: Record<PerformedProcedureStep['status'], EventType> = {
  'IN PROGRESS': 'imaging.schedule.exam-started.v1',
  COMPLETED: 'imaging.schedule.exam-completed.v1',
  DISCONTINUED: 'imaging.schedule.exam-discontinued.v1',
};

/** The exam as FHIR: a Procedure known by the MPPS SOP Instance UID. */
export function procedureOf(
  mppsUid: string,
  step: PerformedProcedureStep,
  subject: ExamSubject,
  site: Site,
): Procedure {
  const { order, patient } = subject;
  const reason = step.discontinuationReason;
  return {
    resourceType: 'Procedure',
    id: uuidFrom('Procedure', mppsUid),
    identifier: [dicomUidIdentifier(mppsUid)],
    status: procedureStatus[step.status],
    ...(reason
      ? { statusReason: { coding: [{ system: systems.dicomCode, code: reason.code, display: reason.meaning }] } }
      : {}),
    ...(order ? { basedOn: [{ reference: `ServiceRequest/${order.id}` }], code: order.code } : {}),
    subject: { reference: `Patient/${patient.id}` },
    performedPeriod: {
      ...(step.startedAt ? { start: isoTime(step.startedAt, site) } : {}),
      ...(step.endedAt ? { end: isoTime(step.endedAt, site) } : {}),
    },
    performer: step.performedStationAeTitle
      ? [{ actor: { reference: `Device/${uuidFrom('Device', step.performedStationAeTitle)}`, display: step.performedStationAeTitle } }] // prettier-ignore
      : [],
  };
}

/** The images the modality says it made; `registered` until the PACS is seen to have them. */
export function expectedStudy(
  studyUid: string | undefined,
  step: PerformedProcedureStep,
  { patient, order }: ExamSubject,
): ImagingStudy | undefined {
  if (!studyUid) return undefined;
  const series = step.performedSeries.filter((one) => one.seriesInstanceUid);
  return {
    resourceType: 'ImagingStudy',
    id: uuidFrom('ImagingStudy', studyUid),
    identifier: [dicomUidIdentifier(studyUid)],
    status: 'registered',
    subject: { reference: `Patient/${patient.id}` },
    ...(order ? { basedOn: [{ reference: `ServiceRequest/${order.id}` }] } : {}),
    numberOfSeries: series.length,
    numberOfInstances: series.reduce((sum, one) => sum + one.instances.length, 0),
    series: series.map((one) => ({
      uid: one.seriesInstanceUid!,
      modality: { system: systems.dicomCode, code: step.modality ?? 'OT' },
      ...(one.description ? { description: one.description } : {}),
      numberOfInstances: one.instances.length,
      instance: one.instances.map((instance) => ({
        uid: instance.sopInstanceUid,
        sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${instance.sopClassUid}` },
      })),
    })),
  };
}

/**
 * The patient of an exam that no worklist item accounts for: known by the number the modality gives, or else by the
 * exam itself, so that nobody's record is touched by mistake.
 */
export function patientOfUnscheduled(mppsUid: string, step: PerformedProcedureStep, site: Site): Patient {
  const system = site.authorities[site.patientAuthority]!;
  if (!step.patientId)
    return { resourceType: 'Patient', id: uuidFrom('Patient', 'urn:collimator:unidentified', mppsUid) };
  return {
    resourceType: 'Patient',
    id: patientIdOf({ system, value: step.patientId }),
    identifier: [{ system, value: step.patientId }],
  };
}

/** The Appointment in the state its exam brings about. */
export function appointmentAfter(appointment: Appointment, step: PerformedProcedureStep): Appointment {
  if (step.status === 'IN PROGRESS') return { ...appointment, status: 'arrived' };
  if (step.status === 'COMPLETED') return { ...appointment, status: 'fulfilled' };
  return { ...appointment, status: returnsToWorklist(step) ? 'booked' : 'cancelled' };
}

/** True if the step was never really begun: it goes back on the worklist. */
export function returnsToWorklist(step: PerformedProcedureStep): boolean {
  return step.status === 'DISCONTINUED' && step.discontinuationReason?.code === WRONG_WORKLIST_ENTRY;
}

/** A modality's local time, in the site's zone. */
function isoTime(local: string, site: Site): string {
  return DateTime.fromISO(local, { zone: site.timeZone }).toISO({ suppressMilliseconds: true })!;
}
