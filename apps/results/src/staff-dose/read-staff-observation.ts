import type { Identifier, Observation, Quantity } from 'fhir/r4.js';
import { referencedId, systems, uuidFrom, validateResource } from '#fhir';
import { fail, personalDoses, staffDoseUnits, wearLocations, type PersonalDose, type WearLocation } from '#platform';
import { loinc, personalDoseSystem, PREGNANCY_STATUS, PREGNANT, wearLocationSystem } from './staff-dose-codes.js';
import { NANO, observationOf, practitionerIdOf, type ReadValue, type StaffReading } from './staff-reading.decider.js';

/** UCUM codes of doses, in nanosieverts. */
const ucum: Record<string, number> = {
  mSv: staffDoseUnits.mSv,
  uSv: staffDoseUnits.uSv,
  mREM: staffDoseUnits.mrem,
  Sv: 1e9,
};
const statuses = ['final', 'amended', 'corrected', 'entered-in-error'];

/** An Observation as somebody states it: whose, and the Observation that makes of it once that is known. */
export interface StatedObservation {
  /** By reference, or by the number that their service knows them by. */
  subject: { id: string } | { person: StaffReading['person'] };
  observationFor(person: StaffReading['person']): Observation;
}

/**
 * Reads an Observation from outside: a reading of a dosimeter (one of {@link personalDoses}), or that a person has declared
 * a pregnancy (LOINC 82810-3, SNOMED CT 77386006).
 *
 * @param today as YYYY-MM-DD
 * @throws Failure field-missing, field-invalid, value-unknown; no value is quoted
 */
export function readStaffObservation(body: unknown, today: string): StatedObservation {
  const stated = validateResource(body, 'Observation');
  const { status, note } = stated;
  if (!statuses.includes(status)) throw invalid('status', `must be one of ${statuses.join(', ')}`);
  const codings = stated.code.coding ?? [];
  const quantity = personalDoses.find((one) =>
    codings.some(({ system, code }) => system === personalDoseSystem && code === one),
  );
  const isPregnancy = codings.some(({ system, code }) => system === loinc && code === PREGNANCY_STATUS);
  if (!quantity && !isPregnancy)
    throw fail(
      'value-unknown',
      `must be one of ${personalDoses.join(', ')} of ${personalDoseSystem}, or LOINC ${PREGNANCY_STATUS}`,
      {
        field: 'Observation.code',
      },
    );
  const said = { ...(note ? { note } : {}), ...(status === 'entered-in-error' ? { status } : {}) };
  const make = quantity ? readingOf(stated, quantity, today) : pregnancyOf(stated, today);
  return { subject: subjectOf(stated), observationFor: (person) => ({ ...make(person), ...said }) };
}

function subjectOf({ subject }: Observation): StatedObservation['subject'] {
  const id = referencedId(subject?.reference, 'Practitioner');
  if (id) return { id };
  const person = numberOf(subject?.identifier);
  if (person) return { person };
  throw fail('field-missing', 'must be Practitioner/<id>, or have the identifier (system and value) of a person', {
    field: 'Observation.subject',
  });
}

function readingOf(
  stated: Observation,
  quantity: PersonalDose,
  today: string,
): (person: StaffReading['person']) => Observation {
  const { start, end } = periodOf(stated, today);
  if (!end)
    throw fail('field-missing', 'must be the last day it was worn', { field: 'Observation.effectivePeriod.end' });
  const location = locationOf(stated);
  const badge = numberOf(stated.device?.identifier);
  if (stated.device && !badge) throw invalid('device.identifier', 'must have system and value');
  const service = stated.performer?.[0]?.display;
  const reading = {
    location,
    start,
    end,
    quantity,
    value: valueOf(stated),
    ...(badge ? { badge } : {}),
    ...(service ? { service } : {}),
  };
  return (person) => observationOf({ ...reading, person });
}

function pregnancyOf(stated: Observation, today: string): (person: StaffReading['person']) => Observation {
  const { start, end } = periodOf(stated, today);
  const isPregnant = stated.valueCodeableConcept?.coding?.some(
    ({ system, code }) => system === systems.snomed && code === PREGNANT,
  );
  if (!isPregnant)
    throw invalid('valueCodeableConcept', `must be SNOMED CT ${PREGNANT}; that it is over effectivePeriod.end says`);
  return (person) => ({
    resourceType: 'Observation',
    id: uuidFrom('Observation', 'staff pregnancy', practitionerIdOf(person), start),
    status: 'final',
    code: { coding: [{ system: loinc, code: PREGNANCY_STATUS, display: 'Pregnancy status' }] },
    subject: { reference: `Practitioner/${practitionerIdOf(person)}`, identifier: person },
    effectivePeriod: { start, ...(end ? { end } : {}) },
    valueCodeableConcept: { coding: [{ system: systems.snomed, code: PREGNANT, display: 'Pregnant' }] },
  });
}

/** Days, since dosimeters are worn by days and a time would claim more than is known. */
function periodOf({ effectivePeriod }: Observation, today: string): { start: string; end?: string } {
  const { start, end } = effectivePeriod ?? {};
  if (start === undefined) throw fail('field-missing', 'must be a day', { field: 'Observation.effectivePeriod.start' });
  for (const [name, day] of Object.entries({ start, ...(end === undefined ? {} : { end }) })) {
    if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(Date.parse(day)) || !new Date(day).toISOString().startsWith(day))
      throw invalid(`effectivePeriod.${name}`, 'must be a day as YYYY-MM-DD');
    if (day > today) throw invalid(`effectivePeriod.${name}`, 'must not be in the future');
  }
  if (end !== undefined && end < start) throw invalid('effectivePeriod.end', 'must not be before start');
  return { start, ...(end === undefined ? {} : { end }) };
}

function locationOf({ bodySite }: Observation): WearLocation {
  const location = wearLocations.find((one) =>
    bodySite?.coding?.some(({ system, code }) => system === wearLocationSystem && code === one),
  );
  if (location) return location;
  throw fail('value-unknown', `must have a coding of ${wearLocationSystem}: ${wearLocations.join(', ')}`, {
    field: 'Observation.bodySite',
  });
}

function valueOf({ valueQuantity, dataAbsentReason }: Observation): ReadValue {
  if (valueQuantity && !dataAbsentReason) return quantityOf(valueQuantity);
  if (dataAbsentReason && !valueQuantity) return { kind: 'not-read' };
  throw fail('field-missing', 'must have either valueQuantity or dataAbsentReason', {
    field: 'Observation.valueQuantity',
  });
}

function quantityOf({ value, comparator, system, code }: Quantity): ReadValue {
  if (value === undefined || value < 0) throw invalid('valueQuantity.value', 'must be a number of 0 or more');
  if (comparator !== undefined && comparator !== '<')
    throw invalid('valueQuantity.comparator', 'must be < where it is given');
  const unit = system === 'http://unitsofmeasure.org' && code && Object.hasOwn(ucum, code) ? ucum[code] : undefined;
  if (!unit)
    throw fail('value-unknown', `must be UCUM: ${Object.keys(ucum).join(', ')}`, {
      field: 'Observation.valueQuantity.code',
    });
  const nanosieverts = Math.round(value * unit);
  if (nanosieverts > 100_000_000 * NANO) throw invalid('valueQuantity.value', 'is more than anybody can have had');
  return { kind: comparator ? 'below' : 'measured', nanosieverts };
}

function numberOf(identifier: Identifier | undefined): StaffReading['person'] | undefined {
  const { system, value } = identifier ?? {};
  return system && value ? { system, value } : undefined;
}

function invalid(element: string, message: string) {
  return fail('field-invalid', message, { field: `Observation.${element}` });
}
