import type {
  Annotation,
  Appointment,
  AppointmentParticipant,
  Encounter,
  Extension,
  Patient,
  Reference,
} from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { serviceRequestIdOf, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import {
  durationFrom,
  instantFrom,
  laterBy,
  participantFrom,
  periodOf,
  placesOf,
  servicesOf,
  type ResourceSegments,
} from './appointment-segments.js';
import type { Clinical } from './clinical.js';
import { compact, conceptFromCwe, conceptOf, dateTimeFrom, entityFromEi, listOf } from './data-types.js';
import { missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { patientFromAdt } from './patient.js';
import { personFromXcn } from './references.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import eventStatuses from './tables/appointment-status-by-event.json' with { type: 'json' };
import statuses from './tables/appointment-status.json' with { type: 'json' };
import units from './tables/duration-unit.json' with { type: 'json' };

/** The appointment messages that are read, such as `SIU^S12`. S23 and S24 block times of no patient. */
export const appointmentTypes: readonly string[] = Object.keys(eventStatuses).map((event) => `SIU^${event}`);

/** An Appointment as far as a message states it: a status it does not state stays as it was. */
export type StatedAppointment = Omit<Appointment, 'status'> & { status?: Appointment['status'] };

/** What a scheduling system says of the appointment of one order. */
export interface AppointmentStated {
  /** `basedOn` names its order by the numbers given, and refers to it where they say which one it is. */
  appointment: StatedAppointment;
  /** Names and numbers of where it is, the most exact first. */
  places: string[];
}

/** What an appointment message says: one patient, and the appointment of each order it names. */
export interface AppointmentMessage {
  patient: Patient;
  encounter?: Encounter;
  clinical?: Clinical[];
  appointments: AppointmentStated[];
}

/** Statuses of an appointment that will not be kept. */
const off: readonly (string | undefined)[] = ['cancelled', 'noshow', 'entered-in-error'];

const participantTypes = 'http://terminology.hl7.org/CodeSystem/participant-type';

/** IG segment map SCH[Appointment]. */
const scheduleRows: readonly Row<Appointment>[] = [
  row(7, 'reasonCode', (sch, field) =>
    isOfTable(sch, field, '0277') ? [] : listOf(conceptOf(sch, field, 'AppointmentReasonCodes')),
  ),
  row(8, 'appointmentType', (sch, field) => conceptOf(sch, field, 'AppointmentTypeCodes')),
  row(7, 'appointmentType', (sch, field) =>
    isOfTable(sch, field, '0277') ? conceptOf(sch, field, 'AppointmentTypeCodes') : undefined,
  ),
  row(9, 'minutesDuration', (sch, field) => wholeMinutes(durationFrom(sch, field))),
  row(12, 'participant', contact('placer contact', participantTypes)),
  row(16, 'participant', contact('filler contact', participantTypes)),
  row(20, 'participant', contact('enterer', 'http://terminology.hl7.org/CodeSystem/provenance-participant-type')),
];

/**
 * Reads SIU^S12 to S22 and S26 (IG message map SIU_S12). The order is the placer's: it is named, not made. Where the
 * message names several orders, each has an appointment, and of as many services (AIS) the one at its place.
 *
 * @throws Hl7Refusal naming the field at fault; 101 without the number of an order
 */
export function appointmentsFromMessage(message: Hl7Message, sender: Sender, site: Site): AppointmentMessage {
  const about = patientFromAdt(message, sender, site);
  const [sch, second] = message.all('SCH');
  if (!sch) throw missingSegment('SCH');
  if (second) throw contentError(100, 'a second SCH follows: send one appointment a message', second.at(1));
  const around = surroundingsOf(sender, site);
  const orders = ordersOf(sch, around);
  const services = servicesOf(message, eventOf(message));
  const appointments = orders.map((basedOn, index): AppointmentStated => {
    const service = services[services.length === orders.length ? index : 0]!;
    const stated = appointmentFrom(message, sch, service, around);
    const subject = { actor: { reference: `Patient/${about.patient.id}` }, status: 'accepted' as const };
    const identifier = numbersOf(sch, sender, around);
    return {
      appointment: {
        resourceType: 'Appointment',
        id: idOf(identifier, basedOn),
        ...stated,
        ...compact({ identifier }),
        basedOn,
        participant: [subject, ...(stated.participant ?? [])],
      },
      places: placesOf(service.resources),
    };
  });
  return { ...about, appointments };
}

/** The appointment of one service, but for whom and for which order it is. */
function appointmentFrom(
  message: Hl7Message,
  sch: Segment,
  service: ResourceSegments,
  around: Surroundings,
): Partial<Appointment> {
  const { ais, tq1, resources } = service;
  const event = eventOf(message);
  const times = timesOf(sch, service, around);
  const isTakenBack = ais?.isDeleted(4) || tq1?.isDeleted(7) || sch.isDeleted(11);
  const said = statusOf(event, sch, ais);
  // Without its time it is nothing that could be kept, until it gets one.
  const status = isTakenBack && !off.includes(said) ? 'pending' : said;
  if ((event === 'S12' || event === 'S13') && !times.start && (status === 'booked' || status === 'checked-in'))
    throw missing('SCH', 11, 'start (component 4), or TQ1-7 or AIS-4,');
  const { participant: contacts = [], ...rows } = applyRows(scheduleRows, sch, around);
  const base = appointmentStart(sch, service, around);
  const participant = [...contacts, ...resources.flatMap((one) => participantFrom(one, base, around) ?? [])];
  return {
    ...rows,
    ...(isTakenBack ? { start: undefined, end: undefined } : {}),
    ...compact({
      status,
      // FHIR allows it on a cancelled Appointment and a missed one only (app-4).
      cancelationReason: status === 'cancelled' || status === 'noshow' ? conceptFromCwe(sch, 6) : undefined,
      serviceType: ais ? listOf(conceptFromCwe(ais, 3)) : [],
      ...(isTakenBack ? {} : times),
      extension: notesOf(message, ais, around),
      participant,
    }),
  };
}

/**
 * When it is. An Appointment is one procedure step here, so that the time of the service (AIS-4, or its offset from the
 * appointment's) counts before the appointment's own (TQ1-7, SCH-11.4); else that of its first place or resource.
 */
function timesOf(sch: Segment, service: ResourceSegments, around: Surroundings): { start?: string; end?: string } {
  const { ais, tq1, resources } = service;
  const base = appointmentStart(sch, service, around);
  const ofService = ais && periodOf(ais, base, around);
  const ofResource = resources.map((one) => periodOf(one, undefined, around)).find((period) => period?.start);
  const start = ofService?.start ?? base ?? ofResource?.start;
  if (!start) return {};
  const length = durationFrom(ais, 7) ?? durationFrom(sch, 9) ?? lengthOfTq(sch);
  const end =
    ofService?.end ??
    instantFrom(tq1, 8, around) ??
    instantFrom(sch, 11, around, 5) ??
    (length === undefined ? ofResource?.end : laterBy(start, length));
  if (end && Date.parse(end) <= Date.parse(start))
    throw contentError(102, 'the appointment must end after it begins: check its end and duration', sch.at(11));
  return compact({ start, end });
}

/** When the appointment as a whole begins: offsets count from then. */
function appointmentStart(sch: Segment, { tq1 }: ResourceSegments, around: Surroundings): string | undefined {
  return instantFrom(tq1, 7, around) ?? instantFrom(sch, 11, around, 4);
}

/** SCH-11.3, such as M30 (data type TQ). */
function lengthOfTq(sch: Segment): number | undefined {
  const [, unit = '', count] = /^([SMHD])(\d+)$/.exec(sch.get(11, 3) ?? '') ?? [];
  return count ? Number(count) * ofTable<number>(units, unit.toLowerCase())! : undefined;
}

/**
 * SCH-25, else AIS-10, by table 0278 (IG concept map FillerStatusCodes[Appointment]; ours: Arrived is checked-in, Overbook
 * booked, Discontinued cancelled), else the event. An event that ends the appointment does so whatever the codes say:
 * they may tell how, but not that it goes on, since a cancelled exam must not stay on a worklist.
 */
function statusOf(
  event: string | undefined,
  sch: Segment,
  ais: Segment | undefined,
): Appointment['status'] | undefined {
  const coded = [sch.get(25), ais?.get(10)]
    .map((code) => ofTable(statuses, code?.toLowerCase()))
    .find((one) => one !== undefined) as Appointment['status'] | undefined;
  const byEvent = ofTable(eventStatuses, event) as Appointment['status'] | 'as it was' | undefined;
  if (off.includes(byEvent) && !off.includes(coded)) return byEvent as Appointment['status'];
  return coded ?? (byEvent === 'as it was' ? undefined : byEvent);
}

/** SCH-1 and SCH-2. */
function numbersOf(sch: Segment, sender: Sender, around: Surroundings) {
  return [1, 2].flatMap((field) => {
    const number = entityFromEi(sch, field, around);
    return number
      ? [typedIdentifier(field === 1 ? 'PLAC' : 'FILL', number.system ?? senderSystem(sender), number.value)]
      : [];
  });
}

/** The orders of SCH-26 and SCH-27, repetition by repetition. @throws Hl7Refusal 101 without any */
function ordersOf(sch: Segment, around: Surroundings): Reference[][] {
  const repetitions = [26, 27].flatMap((field) => eachRepetition(sch, field, (repetition) => repetition));
  const orders = [...new Set(repetitions)].map((repetition) => {
    const [placer, filler] = [26, 27].map((field) => entityFromEi(sch, field, around, repetition));
    return [...(placer ? [orderNamed('PLAC', placer)] : []), ...(filler ? [orderNamed('FILL', filler)] : [])];
  });
  const named = orders.filter((one) => one.length > 0);
  if (named.length === 0) throw missing('SCH', 26, 'placer order number, or SCH-27 filler order number,');
  return named;
}

/** Only a placer order number with its authority says by itself which order it is. */
function orderNamed(
  type: 'PLAC' | 'FILL',
  { system, value }: { system: string | undefined; value: string },
): Reference {
  const id = type === 'PLAC' && system ? serviceRequestIdOf({ system, value }) : undefined;
  return {
    ...(id ? { reference: `ServiceRequest/${id}` } : {}),
    type: 'ServiceRequest',
    identifier: typedIdentifier(type, system, value),
  };
}

/** Identity of what a scheduling system says of an order: its own number of the appointment, and the order's. */
function idOf(numbers: readonly { system?: string; value?: string }[], [order]: Reference[]): string {
  const number = numbers.at(-1);
  const { system = '', value = '' } = order!.identifier!;
  return uuidFrom('Appointment', 'told', number?.system ?? '', number?.value ?? '', system, value);
}

/** Each NTE behind SCH or behind the service (IG segment map NTE[Appointment-Comment]). */
function notesOf(message: Hl7Message, ais: Segment | undefined, around: Surroundings): Extension[] {
  let behind: Segment | undefined;
  return message.segments.flatMap((segment) => {
    if (segment.name !== 'NTE' && segment.name !== 'TQ1') behind = segment;
    if (segment.name !== 'NTE' || (behind?.name !== 'SCH' && behind !== ais)) return [];
    const text = eachRepetition(segment, 3, (repetition) => segment.text(3, repetition)).join('\n');
    if (!text) return [];
    const valueAnnotation = compact<Annotation>({
      text,
      time: dateTimeFrom(segment, 6, around),
      authorReference: personFromXcn(segment, 5, around),
      extension: [
        ...codedExtension(segment, 4, 'http://hl7.org/fhir/StructureDefinition/annotationType'),
        ...codedExtension(segment, 9, 'http://hl7.org/fhir/StructureDefinition/alternate-codes'),
      ],
    });
    return [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.note', valueAnnotation }];
  });
}

function codedExtension(segment: Segment, field: number, url: string): Extension[] {
  const valueCodeableConcept = conceptFromCwe(segment, field);
  return valueCodeableConcept ? [{ url, valueCodeableConcept }] : [];
}

function contact(code: string, system: string): Row<Appointment>['read'] {
  return (sch, field, around) =>
    eachRepetition(sch, field, (repetition): AppointmentParticipant | undefined => {
      const actor = personFromXcn(sch, field, around, repetition);
      return actor && { type: [{ coding: [{ system, code }] }], actor, status: 'accepted' };
    });
}

function isOfTable(segment: Segment, field: number, table: string): boolean {
  return segment.get(field, 3) === `HL7${table}`;
}

function wholeMinutes(milliseconds: number | undefined): number | undefined {
  const minutes = (milliseconds ?? 0) / 60_000;
  return Number.isInteger(minutes) && minutes > 0 ? minutes : undefined;
}

function eventOf(message: Hl7Message): string | undefined {
  return message.header.get(9, 2);
}
