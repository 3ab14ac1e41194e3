import type { Appointment, ServiceRequest } from 'fhir/r4.js';
import type { ExamTime } from './preparation.js';

const isAhead = ({ status }: Appointment) => ['booked', 'pending', 'proposed'].includes(status);
const hasBegun = ({ status }: Appointment) => ['arrived', 'checked-in'].includes(status);

/** When the exam of an order is, by the steps it is booked for: the first of them that is not over. */
export function examTimeOf({ priority }: ServiceRequest, appointments: readonly Appointment[]): ExamTime {
  const starts = appointments
    .filter((one) => isAhead(one) || hasBegun(one))
    .flatMap(({ start }) => (start ? [Date.parse(start)] : []));
  return {
    booked: starts.length > 0 ? new Date(Math.min(...starts)) : undefined,
    isUrgent: priority !== undefined && priority !== 'routine',
    hasBegun: appointments.some(hasBegun),
  };
}

/** True while contrast may still be given: the order stands, and not all of its steps are done. */
export function isToBeScreened({ status }: ServiceRequest, appointments: readonly Appointment[]): boolean {
  const counting = appointments.filter((one) => one.status !== 'cancelled' && one.status !== 'entered-in-error');
  const isDone = counting.length > 0 && counting.every((one) => one.status === 'fulfilled');
  return (status === 'active' || status === 'on-hold') && !isDone;
}
