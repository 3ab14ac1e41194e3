import type { ServiceRequest } from 'fhir/r4.js';
import { wasWrongWorklistEntry } from '#fhir';
import type { OrderNews } from '#mapping';
import { resourcesIn, type EmrFact } from './emr-fact.js';

/**
 * What a fact says of its order to whoever is told the status of orders (HL7 v2.5.1 tables 0119 and 0038, IHE RAD-3 and
 * RAD-13): scheduled, patient arrived, in process, completed, reported; or held, discontinued, cancelled. Nothing where
 * it is no news of the order, such as one that is on hold and loses its time.
 */
export function newsOfOrder(fact: EmrFact): OrderNews | undefined {
  const [order] = resourcesIn(fact, 'ServiceRequest');
  if (!order) return undefined;
  switch (fact.fact) {
    case 'schedule.booked':
    case 'schedule.moved':
      return newsOfTime(fact, order);
    case 'schedule.cancelled':
      return newsOfNoTime(fact, order);
    case 'schedule.exam-started':
      return { control: 'SC', status: 'IP' };
    case 'schedule.exam-completed':
      // One step of several leaves the order in process.
      return { control: 'SC', status: order.status === 'completed' ? 'CM' : 'IP' };
    case 'schedule.exam-discontinued':
      return newsOfStop(fact, order);
    case 'schedule.exam-stop-requested':
      return { control: 'SC', status: 'IP', reasons: ['the exam is under way: its room is asked to stop it'] };
    case 'schedule.exam-stop-settled':
      return { control: 'SC', status: 'IP' };
    case 'result.reported':
      return newsOfReport(fact);
    default:
      return undefined;
  }
}

function newsOfTime(fact: EmrFact, order: ServiceRequest): OrderNews | undefined {
  const [appointment] = resourcesIn(fact, 'Appointment');
  if (order.status !== 'active' || !appointment) return undefined;
  const isHere = appointment.status === 'arrived' || appointment.status === 'checked-in';
  if (!isHere && appointment.status !== 'booked') return undefined;
  return {
    control: 'SC',
    status: 'SC',
    ...(appointment.start ? { start: appointment.start } : {}),
    ...(isHere ? { modifier: 'ARRIVED' as const } : {}),
  };
}

/** Off the schedule because of the order, or because of its patient or whoever schedules: then it waits for a new time. */
function newsOfNoTime(fact: EmrFact, order: ServiceRequest): OrderNews | undefined {
  if (order.status === 'revoked' || order.status === 'entered-in-error') return { control: 'OC', status: 'CA' };
  if (order.status === 'on-hold') return { control: 'OH', status: 'HD' };
  if (order.status !== 'active') return undefined;
  const isMissed = resourcesIn(fact, 'Appointment')[0]?.status === 'noshow';
  return { control: 'SC', status: 'IP', modifier: isMissed ? 'NOSHOW' : 'UNSCHEDULED' };
}

function newsOfStop(fact: EmrFact, order: ServiceRequest): OrderNews {
  if (order.status === 'completed') return { control: 'SC', status: 'CM' };
  if (order.status === 'on-hold') return { control: 'OH', status: 'HD' };
  if (!resourcesIn(fact, 'Procedure').some(wasWrongWorklistEntry)) return { control: 'OD', status: 'DC' };
  return order.status === 'active' ? { control: 'SC', status: 'SC' } : { control: 'OC', status: 'CA' };
}

function newsOfReport(fact: EmrFact): OrderNews | undefined {
  const [report] = resourcesIn(fact, 'DiagnosticReport');
  return report && { control: 'SC', status: 'CM', modifier: 'REPORTED', reportStatus: report.status };
}
