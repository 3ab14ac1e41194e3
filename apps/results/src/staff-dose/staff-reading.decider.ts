import type { Identifier, Observation, Practitioner } from 'fhir/r4.js';
import { sameContent, uuidFrom } from '#fhir';
import { fail, type PersonalDose, type WearLocation } from '#platform';
import { bodySiteOf, personalDoseNames, personalDoseSystem } from './staff-dose-codes.js';

const UCUM = 'http://unitsofmeasure.org';
const ABSENT = 'http://terminology.hl7.org/CodeSystem/data-absent-reason';
/** Of what doses are kept and summed in, so that sums are exact. */
export const NANO = 1_000_000;

/** What a dosimeter was read for. */
export type ReadValue =
  /** A dose, in nanosieverts; */
  | { kind: 'measured'; nanosieverts: number }
  /** less than this, the least that its service reports: how much less nobody knows; */
  | { kind: 'below'; nanosieverts: number }
  /** or nothing: it was lost, spoilt or not given back. */
  | { kind: 'not-read' };

/** One reading of one dosimeter for one quantity. */
export interface StaffReading {
  /** The number its service knows the person by. */
  person: Required<Pick<Identifier, 'system' | 'value'>>;
  /** The dosimeter's own number; without one a person has one dosimeter at a place. */
  badge?: Required<Pick<Identifier, 'system' | 'value'>>;
  location: WearLocation;
  /** First and last day it was worn, as YYYY-MM-DD. */
  start: string;
  end: string;
  quantity: PersonalDose;
  value: ReadValue;
  /** Who read it. */
  service?: string;
}

/** The id of a person. */
export function practitionerIdOf({ system, value }: StaffReading['person']): string {
  return uuidFrom('Practitioner', 'staff dose', system, value);
}

/** The id of a reading: by dosimeter, since one is read once a period, else by person. */
export function readingIdOf({ person, badge, location, start, end, quantity }: StaffReading): string {
  const whose = badge ? ['badge', badge.system, badge.value] : ['person', person.system, person.value];
  return uuidFrom('Observation', 'staff dose', ...whose, location, quantity, start, end);
}

/** A person as far as doses need to know them. */
export function practitionerOf(
  person: StaffReading['person'],
  name: string | undefined,
  known: Practitioner | undefined,
): Practitioner {
  return {
    ...(known ?? { resourceType: 'Practitioner', id: practitionerIdOf(person), identifier: [person] }),
    ...(name ? { name: [{ text: name }] } : {}),
  };
}

/** A reading as the Observation it is kept as. */
export function observationOf(reading: StaffReading): Observation {
  const { person, badge, location, start, end, quantity, value, service } = reading;
  return {
    resourceType: 'Observation',
    id: readingIdOf(reading),
    status: 'final',
    code: { coding: [{ system: personalDoseSystem, code: quantity, display: personalDoseNames[quantity] }] },
    subject: { reference: `Practitioner/${practitionerIdOf(person)}`, identifier: person },
    effectivePeriod: { start, end },
    ...(service ? { performer: [{ display: service }] } : {}),
    ...valueOf(value),
    bodySite: bodySiteOf(location),
    ...(badge ? { device: { identifier: badge, display: 'Personal dosimeter' } } : {}),
  };
}

function valueOf(value: ReadValue): Pick<Observation, 'valueQuantity' | 'dataAbsentReason'> {
  if (value.kind === 'not-read')
    return {
      dataAbsentReason: { coding: [{ system: ABSENT, code: 'not-performed', display: 'Not Performed' }] },
    };
  const comparator = value.kind === 'below' ? { comparator: '<' as const } : {};
  return {
    valueQuantity: { value: value.nanosieverts / NANO, ...comparator, unit: 'mSv', system: UCUM, code: 'mSv' },
  };
}

/** What a reading from a file comes to. */
export interface TakenReading {
  outcome: 'accepted' | 'corrected' | 'unchanged';
  observation: Observation;
}

/**
 * A reading as its service reports it, beside what is known of it. Another value is a correction. What a person took back,
 * or gave to somebody else, no file changes behind their back.
 *
 * @throws Failure state-conflict, duplicate-key
 */
export function takeReading(reading: StaffReading, known: Observation | undefined): TakenReading {
  const observation = observationOf(reading);
  if (!known) return { outcome: 'accepted', observation };
  const isSamePerson = known.subject?.reference === observation.subject!.reference;
  if (known.status === 'entered-in-error') {
    if (isSamePerson)
      throw fail('state-conflict', 'this reading was taken back here: say by PUT of the Observation that it holds', {
        field: reading.quantity,
      });
  } else if (!isSamePerson)
    throw fail('duplicate-key', 'this dosimeter has a reading of the period for somebody else: take that back first', {
      field: 'person',
    });
  return {
    outcome: isSameReading(known, observation) ? 'unchanged' : 'corrected',
    observation: correctedFrom(known, observation),
  };
}

/** A new version of what is known: what was said of it beside the reading stays. */
export function correctedFrom(known: Observation, observation: Observation): Observation {
  if (isSameReading(known, observation)) return known;
  const { meta, note } = known;
  return { ...(note ? { note } : {}), ...observation, status: 'corrected', meta };
}

/** True where two say the same of one reading: by whose hand and how often does not count. */
export function isSameReading(a: Observation, b: Observation): boolean {
  const said = ({
    status,
    code,
    subject,
    effectivePeriod,
    valueQuantity,
    dataAbsentReason,
    bodySite,
    device,
  }: Observation) => ({
    isInError: status === 'entered-in-error',
    code,
    subject: subject?.reference,
    effectivePeriod,
    valueQuantity,
    dataAbsentReason,
    bodySite,
    device,
  });
  return sameContent(said(a), said(b));
}
