import type { Appointment, Reference, ServiceRequest } from 'fhir/r4.js';
import type { AppointmentStated, StatedAppointment } from '#mapping';
import type { Site, Station } from '#platform';
import { isOff, modalityOf, stationAeTitleOf, stepIdOf } from './appointment.decider.js';
import type { RequestedStep } from './requested-steps.decider.js';

/** What a RIS that schedules itself, or a person, says of one appointment of an order, all they said taken together. */
export interface FollowedAppointment {
  id: string;
  /** The order it is of; undefined while that is not known here. */
  orderId?: string;
  /** The one step of the order it is of: a person says of which; else its places tell. */
  stepId?: string;
  /** The system of the RIS that spoke last; undefined where a person did. */
  sender?: string;
  /** The client through which a person chose its time and place; undefined where these are the RIS's. */
  person?: string;
  appointment: Appointment;
  /** Names and numbers of where it is, the most exact first. */
  places: readonly string[];
  /** The time the order itself asked for when this was said: another one, asked for later, counts more. */
  orderedStart?: string;
  saidAt: Date;
}

/** What is said now, and by whom. */
export type Statement = AppointmentStated & Pick<FollowedAppointment, 'sender' | 'person' | 'stepId'>;

/**
 * What is said of an appointment after one more message, or a person's word: what that leaves out stays. An appointment
 * is known by any of its numbers; one that moves without saying until when keeps its length.
 *
 * @param known what was said of the appointments of the same order
 * @param order the order, where it is known here
 */
export function statementAfter(
  known: readonly FollowedAppointment[],
  { appointment: said, places, sender, person, stepId }: Statement,
  order: ServiceRequest | undefined,
  now: Date,
): FollowedAppointment {
  const before = known.find((one) => isSameAppointment(one.appointment, said));
  const { cancelationReason, ...kept } = before?.appointment ?? ({} as Partial<Appointment>);
  const id = before?.id ?? said.id!;
  // A time that is given to what waits for one books it.
  const stays = said.start && kept.status === 'pending' ? 'booked' : (kept.status ?? 'booked');
  const status = said.status ?? stays;
  const takesPart = said.participant.length > 1 ? said.participant : (kept.participant ?? said.participant);
  const end = said.end ?? (said.start ? endOfSameLength(said.start, kept) : undefined);
  // Whose the time is stays as it was until another is given.
  const whose = said.start ? { person, stepId } : { person: before?.person, stepId: stepId ?? before?.stepId };
  return {
    id,
    ...(order ? { orderId: order.id } : {}),
    ...Object.fromEntries(Object.entries({ ...whose, sender }).filter(([, value]) => value !== undefined)),
    appointment: {
      ...kept,
      ...(isOff({ status }) && cancelationReason ? { cancelationReason } : {}),
      ...said,
      ...(said.start ? { end } : {}),
      participant: takesPart,
      id,
      status,
    },
    places: places.length > 0 ? places : (before?.places ?? []),
    ...(order && askedStart(order) ? { orderedStart: askedStart(order) } : {}),
    saidAt: now,
  };
}

/** The order of this patient that a RIS names: by its placer order number, else by its filler or accession number. */
export function ordersNamed(said: StatedAppointment, orders: readonly ServiceRequest[]): ServiceRequest[] {
  const references = said.basedOn ?? [];
  const byId = orders.filter(({ id }) => references.some(({ reference }) => reference === `ServiceRequest/${id}`));
  if (byId.length > 0) return byId;
  const byPlacer = orders.filter((order) => references.some((one) => hasNumber(order, one, 'PLAC', ['PLAC'])));
  if (byPlacer.length > 0) return byPlacer;
  return orders.filter((order) => references.some((one) => hasNumber(order, one, 'FILL', ['FILL', 'ACSN'])));
}

/** True if both are of one order by a number they give. */
export function nameOneOrder(a: StatedAppointment, b: StatedAppointment): boolean {
  const numbersOf = ({ basedOn = [] }: StatedAppointment) =>
    basedOn.map(({ identifier }) =>
      [identifier?.type?.coding?.[0]?.code, identifier?.system, identifier?.value].join('|'),
    );
  return numbersOf(a).some((number) => numbersOf(b).includes(number));
}

/** The time an order itself asks for: as it says, `at once` where it is STAT and says none, else undefined. */
export function askedStart({ occurrenceDateTime, occurrencePeriod, priority }: ServiceRequest): string | undefined {
  return occurrenceDateTime ?? occurrencePeriod?.start ?? (priority === 'stat' ? 'at once' : undefined);
}

/**
 * True if the order asks for another time than when the RIS spoke: the newest time wins, whoever says it, and what
 * becomes STAT does not wait for the RIS. Events travel
 * apart from messages, so that an order's change of before may come later; it counts for nothing.
 */
export function isSuperseded({ orderedStart, saidAt }: FollowedAppointment, told: ServiceRequest): boolean {
  const start = askedStart(told);
  if (!start || start === orderedStart || Date.parse(start) === Date.parse(orderedStart ?? '')) return false;
  const changedAt = Date.parse(told.meta?.lastUpdated ?? '');
  return !(changedAt < saidAt.getTime());
}

/** True if a person chose its time and place. */
export function isChosen({ person, appointment }: FollowedAppointment): boolean {
  return person !== undefined && appointment.start !== undefined;
}

/**
 * The steps of an order as a RIS or a person has booked them: that time, length and station count before the order's. A
 * step that was cancelled so, or has no time yet, is not to be booked by anybody else.
 */
export function followedSteps(
  steps: readonly RequestedStep[],
  followed: readonly FollowedAppointment[],
  site: Site,
): RequestedStep[] {
  const told = steps.map((step) => ({ step, said: saidOf(step, steps, followed, site) }));
  return told.flatMap(({ step, said }) => {
    if (!said) return [step];
    if (!isKept(said)) return [];
    const together = told.filter((one) => one.said === said).map((one) => one.step);
    return [followedStep(step, said, together, site)];
  });
}

/** What was said that keeps this Appointment off the worklist; undefined if nothing does. */
export function withheldBy(
  appointment: Appointment,
  all: readonly Appointment[],
  followed: readonly FollowedAppointment[],
  site: Site,
): FollowedAppointment | undefined {
  const said = saidOf(placeOf(appointment), all.map(placeOf), followed, site);
  return said && !isKept(said) ? said : undefined;
}

/** What was said of the step of this Appointment, and whether it was of that step alone; undefined if nothing was. */
export function saidOfStep(
  appointment: Appointment,
  all: readonly Appointment[],
  followed: readonly FollowedAppointment[],
  site: Site,
): { said: FollowedAppointment; isAlone: boolean } | undefined {
  const steps = all.map(placeOf);
  const said = saidOf(placeOf(appointment), steps, followed, site);
  return said && { said, isAlone: steps.filter((one) => saidOf(one, steps, followed, site) === said).length === 1 };
}

/**
 * What a RIS asks of exams that have all begun or are done, and that can therefore not be: to be at another time or
 * place, or not at all. Undefined where there is nothing of the kind.
 *
 * @param followed all it says of the order, this included
 */
export function askedTooLate(
  said: FollowedAppointment,
  appointments: readonly Appointment[],
  followed: readonly FollowedAppointment[],
  site: Site,
): 'time' | 'place' | 'end' | undefined {
  const steps = appointments.map(placeOf);
  const meant = appointments.filter((one) => saidOf(placeOf(one), steps, followed, site) === said);
  const hasBegun = ({ status }: Appointment) => status === 'arrived' || status === 'fulfilled';
  if (meant.length === 0 || !meant.every(hasBegun)) return undefined;
  if (!isKept(said)) return 'end';
  const { start } = said.appointment;
  if (start && !meant.some((one) => Date.parse(one.start!) === Date.parse(start))) return 'time';
  const stations = stationsAt(said.places, site).map(({ aeTitle }) => aeTitle);
  return stations.length > 0 && !meant.some((one) => stations.includes(stationAeTitleOf(one)!)) ? 'place' : undefined;
}

/** A step's Appointment with what was said of it beside time and place: its numbers, whether the patient is here, who takes part, why, and notes. */
export function withWhatWasSaid(appointment: Appointment, followed: FollowedAppointment | undefined): Appointment {
  if (!followed) return appointment;
  const said = followed.appointment;
  const { identifier = [], extension = [], participant } = appointment;
  const { reasonCode, appointmentType, serviceType, minutesDuration, comment } = said;
  const isOurs = ({ url }: { url: string }) => url.startsWith('urn:collimator:');
  const isSubjectOrStation = ({ actor }: Appointment['participant'][number]) => actor?.reference !== undefined;
  const whatElse = { reasonCode, appointmentType, serviceType, minutesDuration, comment };
  return {
    ...appointment,
    ...Object.fromEntries(Object.entries(whatElse).filter(([, value]) => value !== undefined)),
    status: said.status === 'checked-in' || said.status === 'booked' ? said.status : appointment.status,
    identifier: [identifier[0]!, ...(said.identifier ?? [])],
    extension: [...extension.filter(isOurs), ...(said.extension ?? [])],
    participant: [
      ...participant.filter(isSubjectOrStation),
      ...said.participant.filter((one) => !isSubjectOrStation(one)),
    ],
  };
}

/** What tells the steps of an order apart. */
type StepPlace = Pick<RequestedStep, 'stepId'> & { modality: string | undefined };

function placeOf(appointment: Appointment): StepPlace {
  return { stepId: stepIdOf(appointment), modality: modalityOf(appointment) };
}

/**
 * Of several the newest that will be kept, else the newest: an old appointment is often cancelled after its successor is
 * booked. What a person says of the step counts more than all that was said before.
 */
function saidOf(
  step: StepPlace,
  all: readonly StepPlace[],
  followed: readonly FollowedAppointment[],
  site: Site,
): FollowedAppointment | undefined {
  const meant = followed
    .filter(({ places, stepId }) => {
      if (stepId !== undefined) return stepId === step.stepId;
      const able = stationsAt(places, site).flatMap((station) => station.modalities);
      // A place that can do none of the steps tells nothing of which of them is meant.
      return !all.some(({ modality }) => able.includes(modality!)) || able.includes(step.modality!);
    })
    .sort((a, b) => b.saidAt.getTime() - a.saidAt.getTime());
  const ofPerson = meant.findIndex(({ stepId }) => stepId !== undefined);
  const counting = ofPerson < 0 ? meant : meant.slice(0, ofPerson + 1);
  return counting.find(isKept) ?? counting[0];
}

function isKept({ appointment }: FollowedAppointment): boolean {
  return ['booked', 'checked-in', 'fulfilled'].includes(appointment.status);
}

/** @param together the steps that are spoken of at once: one begins behind the other, each as long as its procedure */
function followedStep(
  step: RequestedStep,
  said: FollowedAppointment,
  together: readonly RequestedStep[],
  site: Site,
): RequestedStep {
  const { appointment, places } = said;
  const station = stationsAt(places, site).find(({ modalities }) => modalities.includes(step.modality));
  const { notBefore, ...rest } = step;
  const { start, end } = appointment;
  const at =
    start === undefined ? undefined : Date.parse(start) + (step.afterMinutes - together[0]!.afterMinutes) * 60_000;
  const length = start && end && together.length === 1 ? (Date.parse(end) - Date.parse(start)) / 60_000 : undefined;
  return {
    ...rest,
    ...(at === undefined ? (notBefore ? { notBefore } : {}) : { start: new Date(at).toISOString() }),
    ...(length === undefined ? {} : { durationMinutes: length }),
    ...(station ? { stationAeTitle: station.aeTitle } : {}),
    followed: said,
  };
}

/** The stations of the site file that a place is: by AE title, name or room; those of the most exact word. */
function stationsAt(places: readonly string[], site: Site): Station[] {
  const alike = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  for (const place of places) {
    const stations = site.stations.filter(({ aeTitle, name, room }) =>
      [aeTitle, name, room].some((one) => alike(one, place)),
    );
    if (stations.length > 0) return stations;
  }
  return [];
}

function isSameAppointment({ identifier: a = [] }: StatedAppointment, { identifier: b = [] }: StatedAppointment) {
  if (a.length === 0 && b.length === 0) return true;
  return a.some((one) => b.some(({ system, value }) => one.system === system && one.value === value));
}

function endOfSameLength(start: string, { start: from, end }: Partial<Appointment>): string | undefined {
  if (!from || !end) return undefined;
  return new Date(Date.parse(start) + Date.parse(end) - Date.parse(from)).toISOString();
}

/** A number without authority is anybody's of this patient; an accession number is one whatever authority it is given. */
function hasNumber(
  order: ServiceRequest,
  { identifier }: Reference,
  type: string,
  ofOrder: readonly string[],
): boolean {
  if (!identifier?.type?.coding?.some(({ code }) => code === type)) return false;
  return (order.identifier ?? []).some((own) => {
    const code = own.type?.coding?.find((one) => ofOrder.includes(one.code ?? ''))?.code;
    if (code === undefined || own.value !== identifier.value) return false;
    return code === 'ACSN' || !own.system || !identifier.system || own.system === identifier.system;
  });
}
