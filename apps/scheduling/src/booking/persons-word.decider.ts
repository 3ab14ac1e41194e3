import type { Appointment, CodeableConcept } from 'fhir/r4.js';
import { conceptText, extensions, referencedId, sameContent, uuidFrom } from '#fhir';
import { fail, stationByAeTitle, type Site, type Station } from '#platform';
import { isAhead, modalityOf, stationAeTitleOf, stepIdOf } from './appointment.decider.js';
import { saidOfStep, type FollowedAppointment, type Statement } from './followed-appointment.decider.js';

/** What a person may say of an appointment. */
const sayable = ['booked', 'checked-in', 'cancelled', 'noshow'] as const;
/** What of an Appointment is theirs to change; anything else is the order's, the RIS's or ours. */
const changeable = [
  'resourceType',
  'id',
  'meta',
  'text',
  'implicitRules',
  'language',
  'status',
  'start',
  'end',
  'extension',
  'participant',
  'cancelationReason',
  'comment',
];
const MOST_HOURS = 24;

/** What a person says of an appointment that is new. */
export interface PersonsWord {
  status: (typeof sayable)[number];
  /** Where it is given a time or place, or is booked again: when and where. */
  at?: { station: Station; start: Date; end: Date };
  cancelationReason?: CodeableConcept;
  comment?: string;
}

/**
 * What an update of an Appointment says: what it leaves out stays as it is. A start without an end keeps the length.
 *
 * @param stated a valid Appointment
 * @returns undefined where it says nothing new
 * @throws Failure state-conflict where the exam has begun or is done, or what is off is taken off again; field-invalid and field-missing for what cannot be
 *   said, value-unknown and station-unavailable for a station that the site does not have or that cannot do it
 */
export function wordOf(stated: Appointment, current: Appointment, site: Site, now: Date): PersonsWord | undefined {
  const given = Object.fromEntries(
    Object.entries(stated).filter(([, value]) => value !== null && value !== undefined),
  ) as unknown as Appointment;
  assertRestUnchanged(given, current);
  const { status, comment, cancelationReason } = given;
  const aeTitle = stationAsked(given, current, site);
  const [start, end] = [Date.parse(current.start!), Date.parse(current.end!)];
  const from = given.start ? Date.parse(given.start) : start;
  const to = given.end ? Date.parse(given.end) : from + end - start;
  const isMoved = from !== start || to !== end || aeTitle !== stationAeTitleOf(current);
  const isReason = cancelationReason !== undefined && !same(cancelationReason, current.cancelationReason);
  if (status === current.status && !isMoved && !isReason && (comment ?? current.comment) === current.comment)
    return undefined;
  if (current.status === 'arrived' || current.status === 'fulfilled')
    throw fail('state-conflict', 'the exam has begun or is done: its modality says what becomes of it', {
      field: 'Appointment.status',
    });
  if (!isSayable(status))
    throw fail(
      'field-invalid',
      `must be one of ${sayable.join(', ')}: that an exam has begun or is done, its modality says`,
      { field: 'Appointment.status' },
    );
  const isOff = status === 'cancelled' || status === 'noshow';
  if (!isOff && cancelationReason)
    throw fail('field-invalid', 'is for a cancelled or missed appointment only: leave it out (FHIR app-4)', {
      field: 'Appointment.cancelationReason',
    });
  if (isOff && !isAhead(current))
    throw fail('state-conflict', 'it is off the schedule already: book it again first', {
      field: 'Appointment.status',
    });
  if (status === 'cancelled' && !conceptText(cancelationReason))
    throw fail('field-missing', 'say why it is cancelled: a text or a code', {
      field: 'Appointment.cancelationReason',
    });
  if (isOff && isMoved)
    throw fail('field-invalid', 'an appointment that is off is not moved: leave its time and station as they are', {
      field: 'Appointment.start',
    });
  const at = !isOff && (isMoved || !isAhead(current)) ? placeAndTime(aeTitle, from, to, current, site, now) : undefined;
  return {
    status,
    ...(at ? { at } : {}),
    ...(cancelationReason ? { cancelationReason: withText(cancelationReason) } : {}),
    ...(comment ? { comment } : {}),
  };
}

/**
 * A person's word as one more statement of the step of this Appointment, like those of a RIS: it goes on from what was
 * said of that step alone, so that the RIS knows the appointment again.
 *
 * @param all the Appointments of its order
 * @param client through which the person spoke
 */
export function statementOf(
  { status, at, cancelationReason, comment }: PersonsWord,
  appointment: Appointment,
  all: readonly Appointment[],
  followed: readonly FollowedAppointment[],
  client: string,
  site: Site,
): { before: FollowedAppointment[]; statement: Statement } {
  const known = saidOfStep(appointment, all, followed, site);
  const before = known?.isAlone ? known.said : undefined;
  const { identifier, basedOn = appointment.basedOn } = before?.appointment ?? {};
  // What was said of several steps together says no time of this one alone: it stays where it is.
  const stays =
    known && !known.isAlone
      ? { start: appointment.start!, end: appointment.end!, aeTitle: stationAeTitleOf(appointment)! }
      : undefined;
  const time = at ? { start: at.start.toISOString(), end: at.end.toISOString(), aeTitle: at.station.aeTitle } : stays;
  return {
    before: before ? [before] : [],
    statement: {
      appointment: {
        resourceType: 'Appointment',
        id: before?.id ?? uuidFrom('Appointment', 'said', appointment.id!),
        ...(identifier ? { identifier } : {}),
        status,
        ...(time ? { start: time.start, end: time.end } : {}),
        ...(cancelationReason ? { cancelationReason } : {}),
        ...(comment ? { comment } : {}),
        basedOn,
        participant: appointment.participant.filter(({ actor }) => actor?.reference?.startsWith('Patient/')),
      },
      places: time ? [time.aeTitle] : [],
      person: client,
      stepId: stepIdOf(appointment),
    },
  };
}

function isSayable(status: Appointment['status']): status is PersonsWord['status'] {
  return (sayable as readonly string[]).includes(status);
}

function placeAndTime(
  aeTitle: string | undefined,
  from: number,
  to: number,
  current: Appointment,
  site: Site,
  now: Date,
): PersonsWord['at'] {
  const [start, end] = [new Date(from), new Date(to)];
  const hours = (to - from) / 3_600_000;
  if (!(hours > 0 && hours <= MOST_HOURS))
    throw fail('field-invalid', `must be behind the start, by ${MOST_HOURS} hours at most`, {
      field: 'Appointment.end',
    });
  if (end <= now) throw fail('field-invalid', 'must not lie in the past', { field: 'Appointment.start' });
  const station = stationByAeTitle(site, aeTitle);
  if (!station)
    throw fail('value-unknown', 'the station is not in the site file', { field: 'Appointment.participant' });
  if (!station.modalities.includes(modalityOf(current)!))
    throw fail('station-unavailable', 'the station does not have the modality of this step: choose one that does', {
      field: 'Appointment.participant',
    });
  return { station, start, end };
}

/** The AE title of the station asked for: the participant or the extension, whichever names another than now. */
function stationAsked(stated: Appointment, current: Appointment, site: Site): string | undefined {
  const now = stationAeTitleOf(current);
  const field = 'Appointment.participant';
  const devices = stated.participant.flatMap(({ actor }) => referencedId(actor?.reference, 'Device') ?? []);
  if (devices.length > 1) throw fail('field-invalid', 'must name one station', { field });
  const [byDevice] = devices.map((id) => site.stations.find(({ aeTitle }) => uuidFrom('Device', aeTitle) === id));
  const isOfNow = devices[0] === uuidFrom('Device', now ?? '');
  if (devices.length > 0 && !byDevice && !isOfNow)
    throw fail('value-unknown', 'the Device is no station of the site file', { field });
  const asked = [stationAeTitleOf(stated), isOfNow ? now : byDevice?.aeTitle].filter(
    (one) => one !== undefined && one !== now,
  );
  if (new Set(asked).size > 1)
    throw fail('field-invalid', 'names another station than the extension: leave one of them as it is', { field });
  return asked[0] ?? now;
}

/** @throws Failure field-invalid naming the element */
function assertRestUnchanged(stated: Appointment, current: Appointment): void {
  const refuse = (element: string) =>
    fail('field-invalid', 'cannot be changed here: status, start, end, station, cancelationReason and comment can', {
      field: `Appointment.${element}`,
    });
  for (const [element, value] of Object.entries(stated))
    if (!changeable.includes(element) && !same(value, (current as unknown as Record<string, unknown>)[element]))
      throw refuse(element);
  const isOther = (all: readonly object[] | undefined) => (one: object) => !all?.some((other) => same(one, other));
  const extension = stated.extension?.filter(({ url }) => url !== extensions.stationAeTitle);
  if (extension?.some(isOther(current.extension))) throw refuse('extension');
  const others = stated.participant.filter(({ actor }) => !actor?.reference?.startsWith('Device/'));
  if (others.some(isOther(current.participant))) throw refuse('participant');
}

function same(a: unknown, b: unknown): boolean {
  return sameContent({ of: a }, { of: b });
}

function withText(reason: CodeableConcept): CodeableConcept {
  return { ...reason, text: conceptText(reason) };
}
