import type { Appointment, Patient, ServiceRequest } from 'fhir/r4.js';
import { extensions, identifierValue, systems, uuidFrom } from '#fhir';
import type { RequestedStep } from './requested-steps.decider.js';
import type { Slot } from './slot.decider.js';

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

/** True while the exam has not begun: only then may a step move or leave the worklist. */
export function isAhead(appointment: Appointment): boolean {
  return appointment.status === 'booked';
}

/** The step withdrawn because its order was. */
export function cancelledAppointment(appointment: Appointment): Appointment {
  return {
    ...appointment,
    status: 'cancelled',
    cancelationReason: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason', code: 'prov' }],
      text: 'the order was cancelled',
    },
  };
}

/**
 * True if a changed order leaves the step where it is: the same station if one was asked for, the same time if one was
 * asked for, the same modality and length.
 */
export function staysInPlace(appointment: Appointment, step: RequestedStep): boolean {
  const length = (Date.parse(appointment.end!) - Date.parse(appointment.start!)) / 60_000;
  return (
    stationAeTitleOf(appointment) === (step.stationAeTitle ?? stationAeTitleOf(appointment)) &&
    (!step.start || Date.parse(step.start) === Date.parse(appointment.start!)) &&
    modalityOf(appointment) === step.modality &&
    length === step.durationMinutes
  );
}

/** AE title of the station a step is booked at. */
export function stationAeTitleOf(appointment: Appointment): string | undefined {
  return appointment.extension?.find(({ url }) => url === extensions.stationAeTitle)?.valueString;
}

/** Scheduled Procedure Step ID of an Appointment. */
export function stepIdOf(appointment: Appointment): string {
  return identifierValue(appointment, systems.scheduledProcedureStepId)!;
}

/** The order an Appointment belongs to. */
export function orderReferenceOf(appointment: Appointment): string {
  return appointment.basedOn![0]!.reference!;
}

/** An order is completed when each of its steps is, cancelled ones apart, and at least one was done. */
export function orderAfter(order: ServiceRequest, appointments: readonly Appointment[]): ServiceRequest {
  const counting = appointments.filter(({ status }) => status !== 'cancelled');
  const done = counting.length > 0 && counting.every(({ status }) => status === 'fulfilled');
  return done && order.status === 'active' ? { ...order, status: 'completed' } : order;
}

function modalityOf(appointment: Appointment): string | undefined {
  return appointment.extension?.find(({ url }) => url === extensions.modality)?.valueCode;
}
