import { DateTime } from 'luxon';
import type { Appointment, ImagingStudy, Patient, Procedure, ProcedurePerformer, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import type { PerformedProcedureStep } from '#dicom';
import {
  dicomUidIdentifier,
  madeBySomeoneElse,
  patientIdOf,
  studyInstanceUidOf,
  systems,
  uuidFrom,
  WRONG_WORKLIST_ENTRY,
} from '#fhir';
import { stationByAeTitle, type Site } from '#platform';
import { withdrawnAppointment } from '../booking/appointment.decider.js';

/** What an exam is about, as far as the worklist knew it: no order and no step for an unscheduled one. */
export interface ExamSubject {
  patient: Patient;
  /** Several where one exam performs steps of several orders (the group case of IHE SWF). */
  orders: readonly ServiceRequest[];
  appointments: readonly Appointment[];
}

const procedureStatus = { 'IN PROGRESS': 'in-progress', COMPLETED: 'completed', DISCONTINUED: 'stopped' } as const;

/** The event a state of the exam is told by. */
export const examEvent: Record<PerformedProcedureStep['status'], EventType> = {
  'IN PROGRESS': 'imaging.schedule.exam-started.v1',
  COMPLETED: 'imaging.schedule.exam-completed.v1',
  DISCONTINUED: 'imaging.schedule.exam-discontinued.v1',
};

/** The id of an exam's Procedure. */
export function procedureIdOf(mppsUid: string): string {
  return uuidFrom('Procedure', mppsUid);
}

/** When an exam began by its modality; undefined where it gave no time. */
export function beginningOf({ startedAt }: PerformedProcedureStep, site: Site): Date | undefined {
  const start = isoTime(startedAt, site);
  return start === undefined ? undefined : new Date(start);
}

/** The exam as FHIR: a Procedure known by the MPPS SOP Instance UID. @param people who did it */
export function procedureOf(
  mppsUid: string,
  step: PerformedProcedureStep,
  { orders, patient }: ExamSubject,
  site: Site,
  people: readonly ProcedurePerformer[] = [],
): Procedure {
  const reason = step.discontinuationReason;
  const station = step.performedStationAeTitle;
  const device = station ? [{ actor: { reference: `Device/${uuidFrom('Device', station)}`, display: station } }] : [];
  const performer = [...device, ...people];
  const [start, end] = [isoTime(step.startedAt, site), isoTime(step.endedAt, site)];
  return {
    resourceType: 'Procedure',
    id: procedureIdOf(mppsUid),
    identifier: [dicomUidIdentifier(mppsUid)],
    status: procedureStatus[step.status],
    ...(reason
      ? { statusReason: { coding: [{ system: systems.dicomCode, code: reason.code, display: reason.meaning }] } }
      : {}),
    ...(orders.length > 0 ? { basedOn: orders.map(referenceTo), code: orders[0]!.code } : {}),
    subject: { reference: `Patient/${patient.id}` },
    ...(start || end ? { performedPeriod: { ...(start ? { start } : {}), ...(end ? { end } : {}) } } : {}),
    ...(performer.length > 0 ? { performer } : {}),
  };
}

/**
 * Where an exam is done: in the room of its station, or where its patient was when it began, if the station is one that
 * goes there. Who was moved meanwhile was examined where they were.
 *
 * @param before the exam as it stood
 * @param patientIsAt where its visit has the patient now
 */
export function placeOfExam(
  before: Procedure | undefined,
  { performedStationAeTitle }: PerformedProcedureStep,
  { patient }: ExamSubject,
  patientIsAt: string | undefined,
  site: Site,
): Pick<Procedure, 'location'> {
  if (before?.location && before.subject.reference === `Patient/${patient.id}`) return { location: before.location };
  const station = stationByAeTitle(site, performedStationAeTitle);
  const display = station?.portable ? patientIsAt : station?.room;
  return display ? { location: { display } } : {};
}

/** The images the modality says it made; `registered` until the PACS is seen to have them. */
export function expectedStudy(
  step: PerformedProcedureStep,
  { patient, orders }: ExamSubject,
): ImagingStudy | undefined {
  const studyUid = step.studyInstanceUid ?? studyInstanceUidOf(orders[0]);
  if (!studyUid) return undefined;
  const series = step.performedSeries.filter((one) => one.seriesInstanceUid);
  return {
    resourceType: 'ImagingStudy',
    id: uuidFrom('ImagingStudy', studyUid),
    identifier: [dicomUidIdentifier(studyUid)],
    status: 'registered',
    subject: { reference: `Patient/${patient.id}` },
    ...(orders.length > 0 ? { basedOn: orders.map(referenceTo) } : {}),
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
 * exam itself, so that nobody's record is touched by mistake. Stands in until the patient's own service tells of them.
 */
export function patientOfUnscheduled(mppsUid: string, step: PerformedProcedureStep, site: Site): Patient {
  const system = site.authorities[site.patientAuthority]!;
  const patient: Patient = step.patientId
    ? {
        resourceType: 'Patient',
        id: patientIdOf({ system, value: step.patientId }),
        identifier: [{ system, value: step.patientId }],
      }
    : { resourceType: 'Patient', id: uuidFrom('Patient', 'urn:collimator:unknown', mppsUid) };
  return madeBySomeoneElse(patient, 0);
}

/**
 * The Appointment in the state its exam brings about.
 *
 * @param order the order it belongs to
 * @param others what other exams of the same step came to: one step may take several (DICOM PS3.17 annex for MPPS,
 *   the append case), and a step that was done once stays done
 */
export function appointmentAfter(
  appointment: Appointment,
  step: PerformedProcedureStep,
  order: ServiceRequest,
  others: readonly string[] = [],
): Appointment {
  const begun: Appointment = { ...appointment };
  // FHIR allows it on a cancelled Appointment only (app-4).
  delete begun.cancelationReason;
  if (step.status === 'IN PROGRESS') return { ...begun, status: 'arrived' };
  if (step.status === 'COMPLETED' || others.includes('COMPLETED')) return { ...begun, status: 'fulfilled' };
  if (others.includes('IN PROGRESS')) return { ...begun, status: 'arrived' };
  if (wasWrongWorklistEntry(step))
    return order.status === 'active' ? { ...begun, status: 'booked' } : withdrawnAppointment(begun, order);
  const { code, meaning } = step.discontinuationReason ?? {};
  const coding = code ? [{ system: systems.dicomCode, code, display: meaning }] : [];
  // Stopped because its order waits: it is to be done once that is released.
  if (order.status === 'on-hold') return withdrawnAppointment(begun, order, { discontinuedFor: coding });
  return {
    ...begun,
    status: 'cancelled',
    cancelationReason: { ...(code ? { coding } : {}), text: 'the exam was discontinued' },
  };
}

/** True if the step was never really begun: it goes back on the worklist while its order wants it. */
export function wasWrongWorklistEntry(step: PerformedProcedureStep): boolean {
  return step.status === 'DISCONTINUED' && step.discontinuationReason?.code === WRONG_WORKLIST_ENTRY;
}

/** A modality's local time, in the site's zone; undefined where it is none. */
function isoTime(local: string | undefined, site: Site): string | undefined {
  if (!local) return undefined;
  return DateTime.fromISO(local, { zone: site.timeZone }).toISO({ suppressMilliseconds: true }) ?? undefined;
}

function referenceTo(order: ServiceRequest): { reference: string } {
  return { reference: `ServiceRequest/${order.id}` };
}
