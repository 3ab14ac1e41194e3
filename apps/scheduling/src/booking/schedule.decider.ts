import type { Appointment, DetectedIssue, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import type { Site } from '#platform';
import { isAhead, modalityOf, stationAeTitleOf, stepIdOf, wasWithdrawn } from './appointment.decider.js';
import { followedSteps, isChosen, type FollowedAppointment } from './followed-appointment.decider.js';
import { requestedSteps, type RequestedStep } from './requested-steps.decider.js';
import type { Booking, Calendar } from './calendar.js';
import type { Closure } from '../department/closure.js';
import { chooseSlot, isUrgent, stationsMeant, stationsToKnow, type Slot } from './slot.decider.js';

/** What is known when an order is told. */
export interface ScheduleState extends Calendar {
  /** The order as it is now. */
  order: ServiceRequest;
  patient?: Patient;
  encounter?: Encounter;
  /** What contrast screening says of the exam, if it has said something. */
  screening?: DetectedIssue;
  /** From when on the patient is prepared for the contrast, where its screening asks for that. */
  readyFrom?: Date;
  /** Its Appointments so far. */
  appointments: readonly Appointment[];
  /** Times that are taken at the stations of {@link stationsInQuestion}, and by the patient; not by this order. */
  taken: readonly Booking[];
  /** Why Appointments of the order have to be booked anew, by their ids: others went ahead, or their station closed. */
  displaced?: ReadonlyMap<string, string>;
  /** What a RIS that schedules itself says of it, if one does. */
  followed?: readonly FollowedAppointment[];
}

/** What becomes of an order's steps. */
export interface ScheduleDecision {
  /** Steps that get a slot: new ones, and those whose slot no longer fits. */
  booked: { step: RequestedStep; slot: Slot; before?: Appointment }[];
  /** Steps that stay where they are, and are shown with what the order says now. */
  rewritten: { step: RequestedStep; appointment: Appointment }[];
  /** Steps the order no longer wants. */
  withdrawn: Appointment[];
  /** Steps the order no longer wants but whose exam has begun: the room is asked to stop it, the modality ends it. */
  underWay: Appointment[];
}

/**
 * The schedule follows the order: an active order has each of its steps booked, one that is on hold or revoked none.
 * A step that has begun is left to the modality, one that was done is history, and one that was given up is booked again
 * if the order asks for another time.
 *
 * @throws Failure procedure-unknown, station-unavailable, field-invalid
 */
export function decideSchedule(state: ScheduleState, site: Site, now: Date): ScheduleDecision {
  const { order, appointments, followed = [], displaced = new Map<string, string>() } = state;
  const ordered = requestedSteps(order, site, state);
  const steps = followedSteps(ordered, followed, site);
  const wanted = new Set(steps.map(({ stepId }) => stepId));
  const unwanted = appointments.filter((one) => !wanted.has(stepIdOf(one)));
  const decision: ScheduleDecision = {
    booked: [],
    rewritten: [],
    withdrawn: unwanted.filter(isAhead),
    // What the RIS alone does not want is no reason to stop an exam.
    underWay: unwanted.filter(
      (one) => one.status === 'arrived' && !ordered.some(({ stepId }) => stepId === stepIdOf(one)),
    ),
  };
  const taken = [...state.taken];
  const known = steps.map((step) => ({ step, before: appointments.find((one) => stepIdOf(one) === step.stepId) }));
  // Steps that stay are counted as taken before any new time is looked for.
  const stays = (before: Appointment, step: RequestedStep) =>
    !displaced.has(before.id!) && staysInPlace(before, step, site, now, state.closures);
  const [staying, open] = [
    known.filter(({ step, before }) => before && isAhead(before) && stays(before, step)),
    known.filter(
      ({ step, before }) =>
        !before ||
        wasWithdrawn(before) ||
        (isAhead(before) && !stays(before, step)) ||
        (before.status === 'cancelled' && (asksForAnotherTime(before, step) || wasChosenSince(before, step))),
    ),
  ];
  for (const { step, before } of staying) {
    decision.rewritten.push({ step, appointment: before! });
    taken.push(...takenBy(stationAeTitleOf(before!), new Date(before!.start!), new Date(before!.end!), step));
  }
  for (const { step, before } of open) {
    const slot = slotFor(step, before, displaced.get(before?.id ?? ''), { ...state, taken }, site, now);
    decision.booked.push({ step, slot, before });
    taken.push(...takenBy(slot.station.aeTitle, slot.start, slot.end, step));
  }
  return decision;
}

/** A step that was displaced is not put before the time its patient was given. */
function slotFor(
  step: RequestedStep,
  before: Appointment | undefined,
  whyDisplaced: string | undefined,
  calendar: Calendar,
  site: Site,
  now: Date,
): Slot {
  if (!before || whyDisplaced === undefined || step.isStat) return chooseSlot(step, calendar, site, now);
  const notBefore = new Date(Math.max(Date.parse(before.start!), Date.parse(step.notBefore ?? '') || 0)).toISOString();
  const slot = chooseSlot({ ...step, notBefore }, calendar, site, now);
  return { ...slot, reason: `moved: ${whyDisplaced}; ${slot.reason.replace(' from the day ordered', '')}` };
}

/** AE titles of the stations whose bookings {@link decideSchedule} must know. @throws Failure as it does */
export function stationsInQuestion(
  order: ServiceRequest,
  site: Site,
  followed: readonly FollowedAppointment[] = [],
): string[] {
  const steps = followedSteps(requestedSteps(order, site), followed, site);
  return [...new Set(steps.flatMap((step) => stationsToKnow(step, site).map(({ aeTitle }) => aeTitle)))];
}

/**
 * True if the slot of a step that is still ahead fits what the order asks for now: the station can do it and is the one
 * asked for, or stands in for it while it is closed, the time and the length are right, and an exam that became STAT does not wait.
 */
export function staysInPlace(
  appointment: Appointment,
  step: RequestedStep,
  site: Site,
  now: Date,
  closures?: readonly Closure[],
): boolean {
  const [start, end] = [Date.parse(appointment.start!), Date.parse(appointment.end!)];
  const isAtOnce = step.isStat && !step.start && !(Date.parse(step.notBefore ?? '') > now.getTime());
  return (
    modalityOf(appointment) === step.modality &&
    stationsMeant(step, site, new Date(start), new Date(end), closures).some(
      ({ aeTitle }) => aeTitle === stationAeTitleOf(appointment),
    ) &&
    end - start === step.durationMinutes * 60_000 &&
    (!step.start || Date.parse(step.start) === start) &&
    (!step.notBefore || start >= Date.parse(step.notBefore)) &&
    !(isFree(step) && start < (Date.parse(step.readyFrom ?? '') || 0)) &&
    !(isAtOnce && start > now.getTime() + step.afterMinutes * 60_000)
  );
}

/** True where nobody but us chose the time, and it may wait for the patient's preparation. */
function isFree(step: RequestedStep): boolean {
  return !step.start && !isUrgent(step);
}

/** An exam that was given up is tried again only if its order says when: the placer may as well have added a note. */
function asksForAnotherTime(appointment: Appointment, { start, notBefore }: RequestedStep): boolean {
  const before = Date.parse(appointment.start!);
  return start ? Date.parse(start) !== before : Date.parse(notBefore ?? '') > before;
}

/** An exam that was given up is tried again, at the same time even, if a person has chosen that since. */
function wasChosenSince({ meta }: Appointment, { followed }: RequestedStep): boolean {
  // Whatever a RIS has said after a person tells of the exam that was given up.
  if (!followed || followed.sender !== undefined || !isChosen(followed)) return false;
  return followed.saidAt.getTime() > Date.parse(meta?.lastUpdated ?? '');
}

/** What the other steps of an order take, which are still ahead. */
export function takenByOthers(
  appointment: Appointment,
  all: readonly Appointment[],
  steps: readonly RequestedStep[],
): Booking[] {
  return all
    .filter((one) => one.id !== appointment.id && isAhead(one))
    .flatMap((one) => {
      const { turnoverMinutes } = steps.find(({ stepId }) => stepId === stepIdOf(one)) ?? { turnoverMinutes: 0 };
      return takenBy(stationAeTitleOf(one), new Date(one.start!), new Date(one.end!), { turnoverMinutes });
    });
}

function takenBy(
  aeTitle: string | undefined,
  start: Date,
  end: Date,
  { turnoverMinutes }: Pick<RequestedStep, 'turnoverMinutes'>,
): Booking[] {
  return [
    { aeTitle, start, end: new Date(end.getTime() + turnoverMinutes * 60_000) },
    { start, end },
  ];
}
