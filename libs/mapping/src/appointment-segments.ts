import { DateTime } from 'luxon';
import type { AppointmentParticipant, Period, Reference } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { compact, conceptFromCwe, listOf, systemOfCodes } from './data-types.js';
import { fhirDateTime } from './date-time.js';
import { personFromXcn, placeFromPl } from './references.js';
import type { Surroundings } from './rows.js';
import statuses from './tables/appointment-status.json' with { type: 'json' };
import units from './tables/duration-unit.json' with { type: 'json' };

/** The segments that say when, where and with whom a service is done (HL7 v2.5.1 section 10.3, group RESOURCES). */
export interface ResourceSegments {
  ais?: Segment;
  tq1?: Segment;
  /** AIG, AIL and AIP. */
  resources: Segment[];
}

const resourceNames = ['AIG', 'AIL', 'AIP'];
/** Events that name a service or a resource to take it off the appointment. */
const takeOff = ['S20', 'S21', 'S22'];

/**
 * The services of a message, each with its resources: those of its group (RGS), or where its group has none those of the
 * whole message. What the message takes off (action code D of table 0206, or the event) is left out.
 */
export function servicesOf(message: Hl7Message, event: string | undefined): ResourceSegments[] {
  const isAdded = (segment: Segment) => {
    const action = segment.get(2);
    return action ? action !== 'D' : !takeOff.includes(event ?? '');
  };
  const groups: { services: Segment[]; resources: Segment[] }[] = [{ services: [], resources: [] }];
  for (const segment of message.segments) {
    if (segment.name === 'RGS') groups.push({ services: [], resources: [] });
    if (segment.name === 'AIS' && isAdded(segment)) groups.at(-1)!.services.push(segment);
    if (resourceNames.includes(segment.name) && isAdded(segment)) groups.at(-1)!.resources.push(segment);
  }
  const all = groups.flatMap(({ resources }) => resources);
  const tq1 = message.first('TQ1');
  const services = groups.flatMap(({ services, resources }) =>
    services.map((ais) => ({ ais, tq1, resources: resources.length > 0 ? resources : all })),
  );
  return services.length > 0 ? services : [{ tq1, resources: all }];
}

/** A time of day, FHIR's instant: a date alone says too little. Undefined where it is empty. @throws Hl7Refusal 102 */
export function instantFrom(
  segment: Segment | undefined,
  field: number,
  around: Surroundings,
  component = 1,
): string | undefined {
  const text = segment?.get(field, component);
  if (!segment || !text) return undefined;
  const place = component === 1 ? segment.at(field) : segment.at(field, component);
  const at = fhirDateTime(text, around.zone, place);
  if (at.includes('T')) return at;
  throw contentError(
    102,
    `${segment.name}-${field} must say the time of day too: write YYYYMMDDHHMM[SS][+ZZZZ]`,
    place,
  );
}

/**
 * A number and its unit in milliseconds; undefined without either, since a unit is not assumed.
 *
 * @throws Hl7Refusal 102 for what is no number, 103 for an unknown unit
 */
export function durationFrom(segment: Segment | undefined, field: number, unitField = field + 1): number | undefined {
  const [text, unit] = [segment?.get(field), segment?.get(unitField)];
  if (!segment || !text || !unit) return undefined;
  if (!/^[+-]?\d+(\.\d+)?$/.test(text))
    throw contentError(102, `${segment.name}-${field} must be a number`, segment.at(field));
  const milliseconds = ofTable<number>(units, unit.toLowerCase());
  if (milliseconds === undefined)
    throw contentError(
      103,
      `${segment.name}-${unitField} must be a unit of time: s, min, h or d`,
      segment.at(unitField),
    );
  return Number(text) * milliseconds;
}

/** A time so much later, in the zone it is written in. */
export function laterBy(at: string, milliseconds: number): string {
  return DateTime.fromISO(at, { setZone: true }).plus({ milliseconds }).toISO({ suppressMilliseconds: true })!;
}

/** Where each resource segment says when it is needed: start, offset and duration, each with its unit behind it. */
const times: Record<string, { start: number; offset: number; duration: number }> = {
  AIS: { start: 4, offset: 5, duration: 7 },
  AIG: { start: 8, offset: 9, duration: 11 },
  AIL: { start: 6, offset: 7, duration: 9 },
  AIP: { start: 6, offset: 7, duration: 9 },
};

/**
 * When what a segment names is needed: its own start, or its offset from the appointment's; to its duration.
 *
 * @param from when the appointment begins
 * @throws Hl7Refusal 102, 103
 */
export function periodOf(segment: Segment, from: string | undefined, around: Surroundings): Period | undefined {
  const fields = times[segment.name]!;
  const offset = durationFrom(segment, fields.offset);
  const start =
    instantFrom(segment, fields.start, around) ?? (from && offset !== undefined ? laterBy(from, offset) : undefined);
  const duration = durationFrom(segment, fields.duration);
  if (!start) return undefined;
  return compact({ start, end: duration === undefined ? undefined : laterBy(start, duration) });
}

/** A resource of the appointment (IG segment maps AIG, AIL, AIP[Appointment]); undefined where it is not named. */
export function participantFrom(
  segment: Segment,
  from: string | undefined,
  around: Surroundings,
): AppointmentParticipant | undefined {
  const actor = actorOf(segment, around);
  if (!actor) return undefined;
  const type = segment.name === 'AIL' ? undefined : conceptFromCwe(segment, 4);
  return compact({
    type: listOf(type),
    actor,
    status: participationOf(segment),
    period: periodOf(segment, from, around),
  });
}

/** Names and numbers of where the appointment is: of the locations first (AIL-3), then of other resources (AIG-3). */
export function placesOf(resources: readonly Segment[]): string[] {
  const said = (name: string, components: number[]) =>
    resources
      .filter((one) => one.name === name)
      .flatMap((segment) => components.map((component) => segment.get(3, component)));
  return [...new Set(listOf(...said('AIL', [3, 2, 1, 9]), ...said('AIG', [1, 2])))];
}

function actorOf(segment: Segment, around: Surroundings): Reference | undefined {
  if (segment.name === 'AIP') return personFromXcn(segment, 3, around);
  if (segment.name === 'AIL') {
    const display = placeFromPl(segment, 3);
    return display ? { type: 'Location', display } : undefined;
  }
  const [value, display] = [segment.get(3), segment.get(3, 2)];
  const identifier = value ? compact({ system: systemOfCodes(segment.get(3, 3)), value }) : undefined;
  return identifier || display ? compact({ identifier, display: display ?? value }) : undefined;
}

/**
 * AIP-12, table 0278, which the IG maps to participant.status without saying how: who is off the appointment declines,
 * who is not sure of it is tentative.
 */
function participationOf(segment: Segment): AppointmentParticipant['status'] {
  const status = segment.name === 'AIP' ? ofTable(statuses, segment.get(12)?.toLowerCase()) : undefined;
  if (['cancelled', 'entered-in-error', 'noshow'].includes(status ?? '')) return 'declined';
  return ['pending', 'waitlist'].includes(status ?? '') ? 'tentative' : 'accepted';
}
