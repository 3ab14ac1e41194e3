import type { Coding, Observation } from 'fhir/r4.js';
import { ofTable } from '#platform';
import codes from './tables/clinical-state.json' with { type: 'json' };

const DAY = 24 * 60 * 60 * 1000;
/** A weight of more than a year ago is no weight to go by. */
const WEIGHT_COUNTS = 365 * DAY;
/** What was said of a pregnancy is over after 42 weeks, whatever it was. */
const PREGNANCY_COUNTS = 42 * 7 * DAY;

/** The weight to go by, in kilograms to the gram; undefined if none is known of the last year. */
export function weightInKilograms(observations: readonly Observation[], now: Date): string | undefined {
  const { value, code, unit } = newest(observations, codes.weight, WEIGHT_COUNTS, now)?.valueQuantity ?? {};
  const factor = ofTable(codes.kilograms, code ?? unit);
  return value !== undefined && value > 0 && factor ? String(Number((value * factor).toFixed(3))) : undefined;
}

/**
 * What was said of a pregnancy last, as DICOM Pregnancy Status (0010,21C0): 1 not pregnant, 2 possibly, 3 definitely, 4
 * unknown; undefined if nothing was said in 42 weeks.
 */
export function pregnancyStatus(observations: readonly Observation[], now: Date): number | undefined {
  const value = newest(observations, codes.pregnancy, PREGNANCY_COUNTS, now)?.valueCodeableConcept;
  return value?.coding?.map(({ code }) => ofTable(codes.pregnancyStatus, code)).find((one) => one !== undefined);
}

/** The newest valid statement of one of these things; one without a time is as old as our knowing it. */
function newest(
  observations: readonly Observation[],
  wanted: readonly string[],
  counts: number,
  now: Date,
): Observation | undefined {
  const isIt = ({ system, code = '' }: Coding) => system === 'http://loinc.org' && wanted.includes(code);
  const at = ({ effectiveDateTime, meta }: Observation) => Date.parse(effectiveDateTime ?? meta?.lastUpdated ?? '');
  return observations
    .filter(({ code, status }) => !['entered-in-error', 'cancelled'].includes(status) && code.coding?.some(isIt))
    .filter((one) => now.getTime() - at(one) <= counts)
    .sort((a, b) => at(b) - at(a))[0];
}
