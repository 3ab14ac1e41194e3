import type { Appointment, Coding, Patient, ServiceRequest } from 'fhir/r4.js';
import { extensions, identifierValue, systems, uuidFrom } from '#fhir';
import type { RequestedStep } from './requested-steps.decider.js';
import type { Slot } from './slot.decider.js';

const CANCELLATION_REASONS = 'http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason';

/** Identity of a scheduled procedure step: its order and step id. */
export function appointmentIdOf(order: ServiceRequest, stepId: string): string {
  return uuidFrom('Appointment', order.id!, stepId);
}

/** The Appointment of a step at its slot; an earlier version of it keeps its place in the history. */
export function bookedAppointment(
  order: ServiceRequest,
  step: RequestedStep,
  slot: Slot,
  patient: Patient,
  before?: Appointment,
): Appointment {
  return {
    resourceType: 'Appointment',
    id: appointmentIdOf(order, step.stepId),
    ...(before?.meta ? { meta: before.meta } : {}),
    identifier: [{ system: systems.scheduledProcedureStepId, value: step.stepId }],
    extension: [
      { url: extensions.stationAeTitle, valueString: slot.station.aeTitle },
      { url: extensions.modality, valueCode: step.modality },
      { url: extensions.schedulingReason, valueString: slot.reason },
    ],
    status: 'booked',
    description: step.procedure.display,
    start: slot.start.toISOString(),
    end: slot.end.toISOString(),
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    participant: [
      { actor: { reference: `Patient/${patient.id}` }, status: 'accepted' },
      {
        actor: { reference: `Device/${uuidFrom('Device', slot.station.aeTitle)}`, display: slot.station.name },
        status: 'accepted',
      },
    ],
  };
}

/** True while the exam has not begun, be its patient here or not: only then may a step move or leave the worklist. */
export function isAhead({ status }: Appointment): boolean {
  return status === 'booked' || status === 'checked-in';
}

/** True of an appointment that will not be kept: it was cancelled, missed, or never meant. */
export function isOff({ status }: Pick<Appointment, 'status'>): boolean {
  return ['cancelled', 'noshow', 'entered-in-error'].includes(status);
}

/**
 * True if the step left the worklist because its order, or the RIS that schedules it, did not want it then, not because
 * its exam was given up.
 */
export function wasWithdrawn({ status, cancelationReason }: Appointment): boolean {
  if (['noshow', 'entered-in-error', 'pending', 'waitlist'].includes(status)) return true;
  return (
    status === 'cancelled' && (cancelationReason?.coding ?? []).some(({ system }) => system === CANCELLATION_REASONS)
  );
}

/**
 * The step off the worklist, with what its order says of why.
 *
 * @param why of a step that a RIS or a person took off, or has no time yet, what was said (`said`); of one whose exam had begun, the
 *   codes its modality gave (`discontinuedFor`)
 */
export function withdrawnAppointment(
  appointment: Appointment,
  order: ServiceRequest,
  { said, discontinuedFor = [] }: { said?: Appointment; discontinuedFor?: Coding[] } = {},
): Appointment {
  const taken = order.status === 'active' ? said : undefined;
  const comment = taken?.comment ? { comment: taken.comment } : {};
  if (taken && taken.status !== 'cancelled')
    return { ...appointment, ...comment, status: taken.status, ...reasonGiven(taken) };
  const given = taken?.cancelationReason?.coding ?? [];
  const reasons: Partial<Record<string, string>> = {
    revoked: 'the order was cancelled',
    'on-hold': 'the order is on hold',
  };
  return {
    ...appointment,
    ...comment,
    status: 'cancelled',
    cancelationReason: {
      coding: [
        ...(given.some(({ system }) => system === CANCELLATION_REASONS)
          ? []
          : [{ system: CANCELLATION_REASONS, code: 'prov' }]),
        ...given,
        ...discontinuedFor,
      ],
      text: taken
        ? (taken.cancelationReason?.text ?? 'cancelled by the RIS')
        : (reasons[order.status] ?? 'the order no longer asks for this step'),
    },
  };
}

/** FHIR allows it on a cancelled Appointment and a missed one only (app-4). */
function reasonGiven({ status, cancelationReason }: Appointment): Pick<Appointment, 'cancelationReason'> {
  return status === 'noshow' && cancelationReason ? { cancelationReason } : {};
}

/** AE title of the station a step is booked at. */
export function stationAeTitleOf(appointment: Appointment): string | undefined {
  return appointment.extension?.find(({ url }) => url === extensions.stationAeTitle)?.valueString;
}

/** DICOM modality a step is booked for. */
export function modalityOf(appointment: Appointment): string | undefined {
  return appointment.extension?.find(({ url }) => url === extensions.modality)?.valueCode;
}

/** Scheduled Procedure Step ID of an Appointment. */
export function stepIdOf(appointment: Appointment): string {
  return identifierValue(appointment, systems.scheduledProcedureStepId)!;
}

/** The order an Appointment belongs to. */
export function orderReferenceOf(appointment: Appointment): string {
  return appointment.basedOn![0]!.reference!;
}

/**
 * An order is completed when each of its steps is, cancelled and missed ones apart, and at least one was done; also one
 * that was cancelled or put on hold while the exam went on.
 */
export function orderAfter(order: ServiceRequest, appointments: readonly Appointment[]): ServiceRequest {
  const counting = appointments.filter((one) => !isOff(one));
  const done = counting.length > 0 && counting.every(({ status }) => status === 'fulfilled');
  return done && ['active', 'revoked', 'on-hold'].includes(order.status) ? { ...order, status: 'completed' } : order;
}
