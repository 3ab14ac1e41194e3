import type { ContrastPolicy } from '../policy/contrast-policy.js';
import {
  ageInYears,
  daysBetween,
  type LabProblem,
  type LabValue,
  type Known,
  type PatientFacts,
  type Bounded,
} from './facts.js';
import { milligramsPerDecilitre } from './units.js';

/** The renal function to go by, or why there is none. */
export type RenalFunction =
  | {
      egfr: Bounded;
      at: string;
      from: LabValue;
      formula: 'reported' | 'CKD-EPI 2021' | 'bedside Schwartz';
      height?: Known<number>;
    }
  | { problem: RenalProblem; from?: LabValue };
export type RenalProblem =
  | LabProblem
  | 'no value'
  | 'age unknown'
  | 'sex unknown'
  | 'height unknown'
  | 'no formula for this age'
  | 'a bound'
  | 'in the future';

/**
 * eGFR by CKD-EPI 2021, creatinine, without race (Inker et al., N Engl J Med 2021;385:1737-1749, table 2).
 *
 * @returns mL/min/1.73 m², not rounded
 */
export function ckdEpi2021({
  mgPerDl,
  years,
  sex,
}: {
  mgPerDl: number;
  years: number;
  sex: 'female' | 'male';
}): number {
  const [kappa, alpha, factor] = sex === 'female' ? [0.7, -0.241, 1.012] : [0.9, -0.302, 1];
  const relative = mgPerDl / kappa;
  return 142 * Math.min(relative, 1) ** alpha * Math.max(relative, 1) ** -1.2 * 0.9938 ** years * factor;
}

/**
 * eGFR of a child by the bedside Schwartz formula (Schwartz et al., J Am Soc Nephrol 2009;20:629-637).
 *
 * @returns mL/min/1.73 m², not rounded
 */
export function bedsideSchwartz({ mgPerDl, heightCm }: { mgPerDl: number; heightCm: number }): number {
  return (0.413 * heightCm) / mgPerDl;
}

/**
 * The newest renal function of a patient before the exam: an eGFR as reported, or one computed from creatinine. A newer
 * value that cannot be read is not passed over for an older one, since it may be the bad news. Of an eGFR and a
 * creatinine of one time the reported eGFR counts.
 *
 * @param exam when the contrast is to be given; age counts at the time of the value
 * @param now a value from after now is a mistake
 */
export function renalFunction(facts: PatientFacts, { labs }: ContrastPolicy, now: Date): RenalFunction {
  const newest = newestOf(facts, labs);
  if (!newest) return { problem: 'no value' };
  const { lab, isCreatinine } = newest;
  if (lab.problem !== undefined) return { problem: lab.problem, from: lab };
  // A day for the clocks and zones of laboratories.
  if (daysBetween(lab.at, now) < -1) return { problem: 'in the future', from: lab };
  if (!isCreatinine) return { egfr: lab.value, at: lab.at, from: lab, formula: 'reported' };
  return computed(lab, facts, labs);
}

function newestOf({ egfr, creatinine, birthDate }: PatientFacts, labs: ContrastPolicy['labs']) {
  const isAdult = (at: string) => {
    const years = ageInYears(birthDate, new Date(at));
    return years === undefined ? undefined : years >= labs.formulas.ckdEpi2021.fromYears;
  };
  const reported = [
    // An adults' formula says nothing of a child; whose age is not known is not told a child's by it either.
    ...egfr.adult.filter(({ at }) => isAdult(at) !== false),
    ...egfr.child.filter(({ at }) => isAdult(at) !== true),
  ].map((lab) => ({ lab, isCreatinine: false }));
  const all = [...reported, ...creatinine.map((lab) => ({ lab, isCreatinine: true }))];
  const time = ({ lab }: { lab: LabValue }) => Date.parse(lab.at);
  const rank = ({ lab, isCreatinine }: { lab: LabValue; isCreatinine: boolean }) =>
    (lab.problem ? 2 : 0) + (isCreatinine ? 1 : 0);
  return all.sort((a, b) => time(b) - time(a) || rank(a) - rank(b))[0];
}

function computed(lab: LabValue, facts: PatientFacts, { formulas }: ContrastPolicy['labs']): RenalFunction {
  const years = ageInYears(facts.birthDate, new Date(lab.at));
  if (years === undefined) return { problem: 'age unknown', from: lab };
  const { value, comparator } = lab.value;
  if (comparator) return { problem: 'a bound', from: lab };
  const mgPerDl = milligramsPerDecilitre(value);
  if (years >= formulas.ckdEpi2021.fromYears) {
    if (!facts.sex) return { problem: 'sex unknown', from: lab };
    const egfr = ckdEpi2021({ mgPerDl, years, sex: facts.sex });
    return { egfr: { value: egfr }, at: lab.at, from: lab, formula: 'CKD-EPI 2021' };
  }
  const { bedsideSchwartz: schwartz } = formulas;
  if (!schwartz || years < schwartz.fromYears || years >= schwartz.toYears)
    return { problem: 'no formula for this age', from: lab };
  const height = facts.heightCm.find(
    ({ at }) => at !== undefined && Math.abs(daysBetween(at, new Date(lab.at))) <= schwartz.heightCountsDays,
  );
  if (!height) return { problem: 'height unknown', from: lab };
  const egfr = bedsideSchwartz({ mgPerDl, heightCm: height.value });
  return { egfr: { value: egfr }, at: lab.at, from: lab, formula: 'bedside Schwartz', height };
}
