import type { Appointment, Reference, ServiceRequest } from 'fhir/r4.js';
import type { AppointmentStated, StatedAppointment } from '#mapping';
import type { Site, Station } from '#platform';
import { isOff, modalityOf, stationAeTitleOf } from './appointment.decider.js';
import type { RequestedStep } from './requested-steps.decider.js';

/** What a RIS that schedules itself says of one appointment of an order, all its messages taken together. */
export interface FollowedAppointment {
  id: string;
  /** The order it is of; undefined while that is not known here. */
  orderId?: string;
  appointment: Appointment;
  /** Names and numbers of where it is, the most exact first. */
  places: readonly string[];
  /** The time the order itself asked for when this was said: another one, asked for later, counts more. */
  orderedStart?: string;
  saidAt: Date;
}

/**
 * What a RIS says of an appointment after one more message: what that leaves out stays. An appointment is known by any of
 * its numbers; one that moves without saying until when keeps its length.
 *
 * @param known what it has said of the appointments of the same order
 * @param order the order, where it is known here
 */
export function statementAfter(
  known: readonly FollowedAppointment[],
  { appointment: said, places }: AppointmentStated,
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
  return {
    id,
    ...(order ? { orderId: order.id } : {}),
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
    basedOn.map(({ identifier }) => [identifier?.type?.coding?.[0]?.code, identifier?.system, identifier?.value].join('|')); // prettier-ignore
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

/**
 * The steps of an order as a RIS has booked them: its time, length and station count before the order's. A step that it
 * has cancelled, or has given no time yet, is not to be booked by anybody else.
 */
export function followedSteps(
  steps: readonly RequestedStep[],
  followed: readonly FollowedAppointment[],
  site: Site,
): RequestedStep[] {
  const modalities = steps.map(({ modality }) => modality);
  const told = steps.map((step) => ({ step, said: saidOf(step.modality, modalities, followed, site) }));
  return told.flatMap(({ step, said }) => {
    if (!said) return [step];
    if (!isKept(said)) return [];
    const together = told.filter((one) => one.said === said).map((one) => one.step);
    return [followedStep(step, said, together, site)];
  });
}

/** What the RIS says that keeps this Appointment off the worklist; undefined if it does not. */
export function withheldBy(
  appointment: Appointment,
  all: readonly Appointment[],
  followed: readonly FollowedAppointment[],
  site: Site,
): FollowedAppointment | undefined {
  const said = saidOf(modalityOf(appointment), all.map(modalityOf), followed, site);
  return said && !isKept(said) ? said : undefined;
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
  const modalities = appointments.map(modalityOf);
  const meant = appointments.filter((one) => saidOf(modalityOf(one), modalities, followed, site) === said);
  const hasBegun = ({ status }: Appointment) => status === 'arrived' || status === 'fulfilled';
  if (meant.length === 0 || !meant.every(hasBegun)) return undefined;
  if (!isKept(said)) return 'end';
  const { start } = said.appointment;
  if (start && !meant.some((one) => Date.parse(one.start!) === Date.parse(start))) return 'time';
  const stations = stationsAt(said.places, site).map(({ aeTitle }) => aeTitle);
  return stations.length > 0 && !meant.some((one) => stations.includes(stationAeTitleOf(one)!)) ? 'place' : undefined;
}

/** A step's Appointment with what the RIS says of it beside time and place: its numbers, whether the patient is here, who takes part, why, and notes. */
export function withWhatWasSaid(appointment: Appointment, said: Appointment | undefined): Appointment {
  if (!said) return appointment;
  const { identifier = [], extension = [], participant } = appointment;
  const { reasonCode, appointmentType, serviceType, minutesDuration } = said;
  const isOurs = ({ url }: { url: string }) => url.startsWith('urn:collimator:');
  const isSubjectOrStation = ({ actor }: Appointment['participant'][number]) => actor?.reference !== undefined;
  const whatElse = { reasonCode, appointmentType, serviceType, minutesDuration };
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

/** Of several the newest that will be kept, else the newest: an old appointment is often cancelled after its successor is booked. */
function saidOf(
  modality: string | undefined,
  modalities: readonly (string | undefined)[],
  followed: readonly FollowedAppointment[],
  site: Site,
): FollowedAppointment | undefined {
  const meant = followed
    .filter(({ places }) => {
      const able = stationsAt(places, site).flatMap((station) => station.modalities);
      // A place that can do none of the steps tells nothing of which of them is meant.
      return !modalities.some((one) => able.includes(one!)) || able.includes(modality!);
    })
    .sort((a, b) => b.saidAt.getTime() - a.saidAt.getTime());
  return meant.find(isKept) ?? meant[0];
}

function isKept({ appointment }: FollowedAppointment): boolean {
  return ['booked', 'checked-in', 'fulfilled'].includes(appointment.status);
}

/** @param together the steps the RIS speaks of at once: one begins behind the other, each as long as its procedure */
function followedStep(
  step: RequestedStep,
  { appointment, places }: FollowedAppointment,
  together: readonly RequestedStep[],
  site: Site,
): RequestedStep {
  const station = stationsAt(places, site).find(({ modalities }) => modalities.includes(step.modality));
  const { notBefore, ...rest } = step;
  const { start, end } = appointment;
  const at = start === undefined ? undefined : Date.parse(start) + (step.afterMinutes - together[0]!.afterMinutes) * 60_000; // prettier-ignore
  const length = start && end && together.length === 1 ? (Date.parse(end) - Date.parse(start)) / 60_000 : undefined;
  return {
    ...rest,
    ...(at === undefined ? (notBefore ? { notBefore } : {}) : { start: new Date(at).toISOString() }),
    ...(length === undefined ? {} : { durationMinutes: length }),
    ...(station ? { stationAeTitle: station.aeTitle } : {}),
    followed: appointment,
  };
}

/** The stations of the site file that a place is: by AE title, name or room; those of the most exact word. */
function stationsAt(places: readonly string[], site: Site): Station[] {
  const alike = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  for (const place of places) {
    const stations = site.stations.filter(({ aeTitle, name, room }) => [aeTitle, name, room].some((one) => alike(one, place))); // prettier-ignore
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
