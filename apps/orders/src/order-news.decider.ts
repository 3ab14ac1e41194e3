import type { Appointment, Procedure, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import type { OrderNews } from '#mapping';
import { wasWrongWorklistEntry } from '#fhir';
import { requestOf } from './ending-request.decider.js';
import type { Doubt } from './order-doubts.decider.js';

/** What answers a placer's request (HL7 table 0119): the exam was stopped, it never really was, or it was done. */
const answers = {
  CA: { stopped: 'DR', never: 'CR', done: 'UC' },
  DC: { stopped: 'DR', never: 'DR', done: 'UD' },
  RP: { stopped: 'RQ', never: 'RQ', done: 'UM' },
  HD: { stopped: 'HR', never: 'HR', done: 'UH' },
} as const;

/**
 * What a placer is told of their order when it is stored: what they are asked, and what somebody else did to it. An order
 * that waits is held by us (OH); a STAT order goes on while they are asked. An order whose exam is under way is in
 * process until the modality ends it, whoever asked for its end.
 *
 * @param isUnderWay its exam is
 */
export function newsOfOrder(
  order: ServiceRequest,
  {
    event,
    asked,
    isConfirmed,
    isOthers,
    isUnderWay,
  }: { event: EventType; asked: readonly Doubt[]; isConfirmed: boolean; isOthers: boolean; isUnderWay: boolean },
): OrderNews | undefined {
  const reasons = asked.map(({ text }) => text);
  if (asked.length > 0)
    return order.status === 'on-hold'
      ? { control: 'OH', status: 'HD', reasons }
      : { control: 'SC', status: 'IP', reasons };
  if (isUnderWay && ['revoked', 'on-hold', 'entered-in-error'].includes(order.status))
    return { control: 'SC', status: 'IP', reasons: ['the exam is under way: its room is asked to stop it'] };
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
 * What a placer is told of an exam (IHE RAD-13): in process, completed, or discontinued. Who asked to end or hold the
 * order is answered now, as done or as too late. An exam that began by mistake never was: its order is as it was before.
 *
 * @param before the order as it was until this was heard
 * @param isOtherUnderWay another exam of the order goes on
 */
export function newsOfExam(
  before: ServiceRequest,
  told: ServiceRequest,
  exam: Procedure,
  isOtherUnderWay = false,
): OrderNews | undefined {
  const request = before.status === 'active' ? undefined : requestOf(before);
  const answer = request && answers[request];
  if (told.status === 'completed')
    return before.status === 'completed' ? undefined : { control: answer?.done ?? 'SC', status: 'CM' };
  if (exam.status === 'in-progress') return { control: 'SC', status: 'IP' };
  // One step of several is no news yet.
  if (exam.status !== 'stopped' || isOtherUnderWay) return undefined;
  if (before.status === 'on-hold') return { control: answer?.stopped ?? 'OH', status: 'HD' };
  if (!wasWrongWorklistEntry(exam)) return { control: answer?.stopped ?? 'OD', status: 'DC' };
  return before.status === 'active'
    ? { control: 'SC', status: 'SC' }
    : { control: answer?.never ?? 'OC', status: 'CA' };
}
