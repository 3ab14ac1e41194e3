import type { AllergyIntolerance, Coding, Observation } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import codes from './tables/patient-state.json' with { type: 'json' };

/** What is known of a patient's state that technologists see in the worklist. */
export type Clinical = AllergyIntolerance | Observation;

const DAY = 24 * 60 * 60 * 1000;
/** A weight of more than a year ago is no weight to go by. */
const WEIGHT_COUNTS = 365 * DAY;
/** What was said of a pregnancy is over after 42 weeks, whatever it was. */
const PREGNANCY_COUNTS = 42 * 7 * DAY;

/**
 * What an item says of its patient's state: allergies, weight and pregnancy. Whoever does the exam asks all the same;
 * what is not known, or known too long, is empty and never made up.
 */
export function stateAttributes(clinical: readonly Clinical[], now: Date): DatasetInput {
  const observations = clinical.filter((one): one is Observation => one.resourceType === 'Observation');
  const allergies = clinical.filter((one): one is AllergyIntolerance => one.resourceType === 'AllergyIntolerance');
  return {
    ...allergyAttributes(allergies),
    PatientWeight: weight(observations, now) ?? '',
    PregnancyStatus: pregnancy(observations, now) ?? '',
  };
}

/**
 * Allergies (0010,2110): the substances, with what they did where it is known. One that ended or was an error is not
 * said.
 */
function allergyAttributes(allergies: readonly AllergyIntolerance[]): DatasetInput {
  const isPresent = ({ clinicalStatus, verificationStatus }: AllergyIntolerance) =>
    clinicalStatus?.coding?.[0]?.code === 'active' && verificationStatus?.coding?.[0]?.code !== 'entered-in-error';
  const said = allergies.filter(isPresent).map(({ code, reaction }) => {
    const substance = code?.text ?? code?.coding?.[0]?.display ?? code?.coding?.[0]?.code ?? '';
    const effects = (reaction ?? []).flatMap(({ manifestation }) => manifestation.map(({ text }) => text ?? ''));
    const text = effects.some(Boolean) ? `${substance}: ${effects.filter(Boolean).join(', ')}` : substance;
    return text.replaceAll('\\', ' ').slice(0, 64);
  });
  return { Allergies: said.length > 0 ? [...new Set(said)] : '' };
}

/** Patient's Weight (0010,1030), in kilograms (VR DS, 16 characters). */
function weight(observations: readonly Observation[], now: Date): string | undefined {
  const { value, code, unit } = newest(observations, codes.weight, WEIGHT_COUNTS, now)?.valueQuantity ?? {};
  const factor = ofTable(codes.kilograms, code ?? unit);
  return value !== undefined && value > 0 && factor ? String(Number((value * factor).toFixed(3))).slice(0, 16) : undefined; // prettier-ignore
}

/** Pregnancy Status (0010,21C0): 1 not pregnant, 2 possibly, 3 definitely, 4 unknown. */
function pregnancy(observations: readonly Observation[], now: Date): number | undefined {
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

function ofTable<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}
