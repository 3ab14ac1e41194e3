import type { Appointment, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import type { OrderNews } from '#mapping';
import { systems } from '#fhir';
import type { Doubt } from './order-doubts.decider.js';

/** DICOM CID 9300: the technologist chose the wrong worklist entry. */
const WRONG_WORKLIST_ENTRY = '110514';

/**
 * What a placer is told of their order when it is stored: what they are asked, and what somebody else did to it. An order
 * that waits is held by us (OH); a STAT order goes on while they are asked.
 */
export function newsOfOrder(
  order: ServiceRequest,
  { event, asked, isConfirmed, isOthers }: { event: EventType; asked: readonly Doubt[]; isConfirmed: boolean; isOthers: boolean }, // prettier-ignore
): OrderNews | undefined {
  const reasons = asked.map(({ text }) => text);
  if (asked.length > 0) return order.status === 'on-hold' ? { control: 'OH', status: 'HD', reasons } : { control: 'SC', status: 'IP', reasons }; // prettier-ignore
  if (!isOthers) return undefined;
  if (event === 'imaging.order.cancelled.v1') return { control: 'OC', status: 'CA' };
  return isConfirmed ? { control: 'OE', status: 'IP' } : undefined;
}

/**
 * What a placer is told of an order that got its time, or another one (HL7 v2.5.1 section 4.5.1, IHE RAD-3): scheduled,
 * and when. Nothing of one that is over, or on hold, in the meantime.
 */
export function newsOfBooking(order: ServiceRequest, appointment: Appointment): OrderNews | undefined {
  if (order.status !== 'active' || appointment.status !== 'booked') return undefined;
  return { control: 'SC', status: 'SC', start: appointment.start };
}

/**
 * What a placer is told of an exam (IHE RAD-13): in process, completed, or discontinued. One that was cancelled and done
 * all the same could not be cancelled; one that began by mistake is scheduled as before.
 *
 * @param before the order as it was until this was heard
 */
export function newsOfExam(before: ServiceRequest, told: ServiceRequest, exam: Procedure): OrderNews | undefined {
  switch (exam.status) {
    case 'in-progress':
      return { control: 'SC', status: 'IP' };
    case 'completed':
      // One step of several is no news yet.
      if (told.status !== 'completed' || before.status === 'completed') return undefined;
      return { control: before.status === 'revoked' ? 'UC' : 'SC', status: 'CM' };
    case 'stopped':
      return isByMistake(exam) ? { control: 'SC', status: 'SC' } : { control: 'OD', status: 'DC' };
    default:
      return undefined;
  }
}

/** True of an exam that was begun for the wrong worklist entry. */
export function isByMistake({ statusReason }: Procedure): boolean {
  return (statusReason?.coding ?? []).some(({ system, code }) => system === systems.dicomCode && code === WRONG_WORKLIST_ENTRY); // prettier-ignore
}
