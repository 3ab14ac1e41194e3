import { DateTime } from 'luxon';
import type { Patient } from 'fhir/r4.js';
import { doseUnitOf, inUnitOf, type DoseMeasure, type DoseReferenceLevel, type Site } from '#platform';
import { highestOf, type StudyDose } from './dose-of-study.decider.js';
import type { Amount } from './dose-report.js';

/** From this birthday on a level without age and weight is for the patient. */
const ADULT_YEARS = 18;

/** Whose dose it is. Age in years at the exam, as far as days tell. */
export interface Irradiated {
  ageYears?: number;
  weightKg?: number;
  sex?: string;
}

/** A dose beside one reference level. */
export interface Comparison {
  level: DoseReferenceLevel;
  /** In the unit of the measure. */
  limit: number;
  value?: number;
  /** `above` only where it is more than the level. */
  outcome: 'above' | 'within' | 'not-compared';
  /** Why it was not compared, in words without the patient's data. */
  why?: string;
}

/** Who was irradiated: our own record says the age and sex before the report does; weight only the report has. */
export function irradiated(dose: StudyDose, patient: Patient | undefined, site: Pick<Site, 'timeZone'>): Irradiated {
  const { birthDate, ageYears, sex, weightKg } = dose.patient;
  const born = patient?.birthDate ?? birthDate;
  const at = dose.startedAt ? DateTime.fromISO(dose.startedAt, { zone: site.timeZone }) : undefined;
  // A year or a month alone would make a child of an adult, or the other way round.
  const isWhole = born !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(born);
  const years =
    isWhole && at ? at.startOf('day').diff(DateTime.fromISO(born, { zone: site.timeZone }), 'years').years : ageYears;
  const said = patient?.gender ?? { F: 'female', M: 'male', O: 'other' }[sex ?? ''];
  return {
    ...(years !== undefined && years >= 0 && years < 130 ? { ageYears: years } : {}),
    ...(weightKg !== undefined ? { weightKg } : {}),
    ...(said ? { sex: said } : {}),
  };
}

/**
 * A dose beside the site's diagnostic reference levels of its procedure and protocols. A level is of nobody else's age and
 * weight; where the patient's are not known it is not compared, and says so. It flags an exam to look at: it is no limit
 * for a patient (ICRP publication 135).
 */
export function comparedWithLevels(
  dose: StudyDose,
  procedure: string | undefined,
  who: Irradiated,
  levels: readonly DoseReferenceLevel[],
): Comparison[] {
  return levels.flatMap((level): Comparison[] => {
    const amount = amountFor(level, dose, procedure);
    const limit = inUnitOf(level.measure, level.level, level.unit);
    if (amount === undefined || limit === undefined) return [];
    const fit = isFor(level, who);
    if (fit === false) return [];
    if (fit !== true) return [{ level, limit, outcome: 'not-compared', why: fit }];
    if ('unknown' in amount) return [{ level, limit, outcome: 'not-compared', why: amount.unknown }];
    const { value } = amount;
    return [{ level, limit, value, outcome: value > limit ? 'above' : 'within' }];
  });
}

/** What of the dose a level is about; undefined where it is about another exam, or the dose has no such measure. */
function amountFor(level: DoseReferenceLevel, dose: StudyDose, procedure: string | undefined): Amount | undefined {
  const { measure, protocol } = level;
  if (protocol === undefined) return level.procedure === procedure ? dose.totals[measure] : undefined;
  const isIt = (name: string | undefined) => name?.trim().toLowerCase() === protocol.toLowerCase();
  // CTDIvol is of one acquisition, all else of the exam, which is of the protocol that gave most.
  if (measure !== 'ctdi-vol') return isIt(dose.protocol) ? dose.totals[measure] : undefined;
  const said = dose.events.flatMap(
    ({ protocol: name, isLocalizer, amounts }) => (isIt(name) && !isLocalizer && amounts['ctdi-vol']) || [],
  );
  return said.length > 0 ? highestOf(said) : undefined;
}

/** True, false, or why it cannot be told. */
function isFor(level: DoseReferenceLevel, { ageYears, weightKg }: Irradiated): true | false | string {
  const { ageFromYears, ageToYears, weightFromKg, weightToKg } = level;
  const hasWeight = weightFromKg !== undefined || weightToKg !== undefined;
  const hasAge = ageFromYears !== undefined || ageToYears !== undefined;
  if (hasAge || !hasWeight) {
    if (ageYears === undefined) return "the patient's age is not known";
    const from = hasAge ? (ageFromYears ?? 0) : ADULT_YEARS;
    if (ageYears < from || (ageToYears !== undefined && ageYears >= ageToYears)) return false;
  }
  if (!hasWeight) return true;
  if (weightKg === undefined) return "the patient's weight is not known";
  return weightKg >= (weightFromKg ?? 0) && (weightToKg === undefined || weightKg < weightToKg);
}

/** A value with its unit, as people read it. */
export function quantityText(measure: DoseMeasure, value: number): string {
  return `${Number(value.toPrecision(4))} ${doseUnitOf(measure)}`;
}
