import type { Appointment } from 'fhir/r4.js';
import { senderSystem, type AppointmentNews } from '#mapping';
import type { Destination, Site } from '#platform';
import { stationAeTitleOf } from './appointment.decider.js';
import type { FollowedAppointment } from './followed-appointment.decider.js';

/** A system that takes HL7 v2. */
type Listener = Destination & { kind: 'mllp' };

/** The events that tell what becomes of an appointment before its exam begins. */
export type ScheduleEvent = `imaging.schedule.${'booked' | 'moved' | 'cancelled'}.v1`;

/**
 * The trigger event of SIU that tells the same (HL7 v2.5.1 section 10.3): S12 booked, S13 at another time, of another
 * length or elsewhere, S14 changed otherwise, S15 off the schedule, S26 because its patient did not come.
 *
 * @param before the appointment as it was
 */
export function newsOf(
  type: ScheduleEvent,
  appointment: Appointment,
  before: Appointment | undefined,
): AppointmentNews {
  if (type === 'imaging.schedule.booked.v1') return 'S12';
  if (type === 'imaging.schedule.cancelled.v1') return appointment.status === 'noshow' ? 'S26' : 'S15';
  const at = (one: Appointment) => `${Date.parse(one.start!)} ${Date.parse(one.end!)} ${stationAeTitleOf(one)}`;
  return before && at(before) === at(appointment) ? 'S14' : 'S13';
}

/**
 * The trigger event that tells what an exam made of its appointment: S14 with its new status (begun, done, or booked
 * again since it was the wrong one), S16 where it was discontinued. Undefined where nothing changed.
 *
 * @param before the appointment as it was
 */
export function newsOfExam(appointment: Appointment, before: Appointment | undefined): 'S14' | 'S16' | undefined {
  if (appointment.status === before?.status) return undefined;
  return appointment.status === 'cancelled' ? 'S16' : 'S14';
}

/** The systems that get appointments. */
export function appointmentListeners({ destinations }: Site): Listener[] {
  return destinations.filter((one): one is Listener => one.kind === 'mllp' && one.gets.includes('appointments'));
}

/**
 * True if it is the word of that destination itself: what a RIS said is not told it again. It is the RIS's by the
 * `repliesTo` of its sender, or because it goes by the same application and facility.
 *
 * @param followed what was said of the appointment, where something was
 */
export function isItsOwnWord(
  { name, application, facility }: Listener,
  followed: FollowedAppointment | undefined,
  { senders }: Site,
): boolean {
  const sender = senders.find((one) => senderSystem(one) === followed?.sender);
  if (!sender) return false;
  return sender.repliesTo === name || (sender.application === application && sender.facility === facility);
}
