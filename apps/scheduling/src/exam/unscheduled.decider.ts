import type { Appointment, ServiceRequest } from 'fhir/r4.js';
import type { PerformedProcedureStep } from '#dicom';
import { fail } from '#platform';
import { modalityOf, stepIdOf } from '../booking/appointment.decider.js';
import type { KnownStep } from './steps-meant.decider.js';

/** An exam that no order accounts for, and a step it may be that of. */
export interface UnscheduledExam {
  mppsSopInstanceUid: string;
  patientId: string;
  status: string;
  modality?: string;
  /** When its modality told of it. */
  createdAt: Date;
}

/** A step that may be what an exam without an order was, for a person to decide. */
export interface Candidate {
  orderId: string;
  appointmentId: string;
  stepId: string;
  /** ISO instant. */
  start: string;
}

/**
 * The step an exam without an order is that of beyond doubt: of the same patient and modality, waiting on the worklist,
 * with the exam's study instance UID or accession number; undefined where there is none, or more than one. An exam that
 * was given up takes no order's place.
 *
 * @param patientId whose exam it is now, after merges
 * @param known steps with a study instance UID or accession number of the exam, with their status
 */
export function stepMatching(
  exam: PerformedProcedureStep,
  patientId: string,
  known: readonly (KnownStep & { status: string })[],
): KnownStep | undefined {
  if (exam.status === 'DISCONTINUED' || !exam.modality) return undefined;
  const waiting = known.filter(
    (one) => one.patientId === patientId && one.modality === exam.modality && one.status === 'SCHEDULED',
  );
  const stepIds = exam.scheduledSteps.flatMap(({ scheduledProcedureStepId }) => scheduledProcedureStepId ?? []);
  const named = waiting.filter(({ stepId }) => stepIds.includes(stepId));
  const [step, ...others] = named.length > 0 ? named : waiting;
  return others.length === 0 ? step : undefined;
}

/**
 * Steps that may be what an exam was: of the same patient and modality, not begun, and not further away in time than the
 * site says. None unless it says so: alike is not the same, and a person decides.
 */
export function candidatesFor(
  exam: UnscheduledExam,
  appointments: readonly { patientId: string; appointment: Appointment }[],
  withinHours: number | undefined,
): Candidate[] {
  if (withinHours === undefined) return [];
  const isNear = (start: string) => Math.abs(Date.parse(start) - exam.createdAt.getTime()) <= withinHours * 3_600_000;
  return appointments
    .filter(
      ({ patientId, appointment }) =>
        patientId === exam.patientId &&
        appointment.status === 'booked' &&
        modalityOf(appointment) === exam.modality &&
        isNear(appointment.start!),
    )
    .map(({ appointment }) => ({
      orderId: appointment.basedOn![0]!.reference!.replace('ServiceRequest/', ''),
      appointmentId: appointment.id!,
      stepId: stepIdOf(appointment),
      start: appointment.start!,
    }));
}

/**
 * The step of an order that a person says an exam was: the one named, else the only one of the exam's modality, those
 * that wait before those that are over.
 *
 * @throws Failure field-missing where several steps may be meant, value-unknown for a step the order does not have,
 *   state-conflict where it has none of the modality or was a mistake
 */
export function stepToLink(
  exam: Pick<PerformedProcedureStep, 'modality'>,
  order: ServiceRequest,
  appointments: readonly Appointment[],
  stepId: string | undefined,
): Appointment {
  if (order.status === 'entered-in-error')
    throw fail('state-conflict', 'the order was a mistake: link the exam to another one');
  if (stepId !== undefined) {
    const named = appointments.find((one) => stepIdOf(one) === stepId);
    if (named) return named;
    throw fail('value-unknown', 'the order has no scheduled procedure step with this id', { field: 'stepId' });
  }
  const alike = appointments.filter((one) => !exam.modality || modalityOf(one) === exam.modality);
  const waiting = alike.filter(({ status }) => status === 'booked');
  const [step, ...others] = waiting.length > 0 ? waiting : alike;
  if (!step)
    throw fail('state-conflict', 'the order has no scheduled step of this modality: release it, or name the step', {
      field: 'stepId',
    });
  if (others.length > 0)
    throw fail('field-missing', 'the order has several steps the exam may be: name one', { field: 'stepId' });
  return step;
}
