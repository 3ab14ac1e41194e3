import type { Severity } from '../policy/contrast-policy.js';

/** Something known of a patient, when it was so, and where it is written. */
export interface Known<T> {
  value: T;
  /** ISO 8601, as exactly as it was stated. */
  at?: string;
  /** Such as `Observation/<id>`. */
  reference?: string;
}

/** A number, or a bound of one: `>` 60 says that it is more than 60. */
export interface Bounded {
  value: number;
  comparator?: '<' | '<=' | '>=' | '>';
}

/** A laboratory value with a time: what is known of it, or why it cannot be used. */
export type LabValue = Known<Bounded> & { at: string } & ({ problem?: undefined } | { problem: LabProblem });
/** Why a value that is there cannot be gone by. */
export type LabProblem = 'no unit' | 'unknown unit' | 'no number' | 'not plausible';

export type Answer = 'yes' | 'no' | 'possible';

/** An allergy or a reaction of before, as far as screening reads it. */
export interface PriorReaction {
  /** What it was to, as told; empty where only a code was told, or nothing. */
  substance: string;
  /** Codes of the substance, as `system|code`. */
  codes: readonly string[];
  severity: Severity;
  at?: string;
  reference?: string;
}

/** What screening knows of a patient. What is not there is not known; it is never taken for normal. */
export interface PatientFacts {
  patientClass: Known<'outpatient' | 'inpatient' | 'emergency'> | undefined;
  birthDate: string | undefined;
  sex: 'female' | 'male' | undefined;
  /** Newest first. */
  weightKg: readonly Known<number>[];
  heightCm: readonly Known<number>[];
  egfr: { adult: readonly LabValue[]; child: readonly LabValue[] };
  /** In µmol/L, newest first. */
  creatinine: readonly LabValue[];
  /** By the policy's names of states. */
  history: Readonly<Record<string, Known<Answer> | undefined>>;
  allergies: {
    /** What says that the patient has none. */
    none: Known<true> | undefined;
    reactions: readonly PriorReaction[];
  };
}

const DAY = 24 * 60 * 60 * 1000;

/** Days from a stated time to another; a date alone counts from its beginning, so that nothing looks fresher than it is. */
export function daysBetween(at: string, until: Date): number {
  return (until.getTime() - Date.parse(at)) / DAY;
}

/** Age in completed years at a time; undefined where the birth date is not known to the day. */
export function ageInYears(birthDate: string | undefined, at: Date): number | undefined {
  const [year, month, day] =
    /^(\d{4})-(\d\d)-(\d\d)$/
      .exec(birthDate ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const isBefore = at.getUTCMonth() + 1 < month || (at.getUTCMonth() + 1 === month && at.getUTCDate() < day);
  const age = at.getUTCFullYear() - year - (isBefore ? 1 : 0);
  return age >= 0 ? age : undefined;
}
