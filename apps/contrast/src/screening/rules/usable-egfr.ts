import type { MaxAgeDays } from '../../policy/contrast-policy.js';
import type { RenalProblem } from '../egfr.js';
import { daysBetween, type Bounded } from '../facts.js';
import { inputOf, type RuleContext, type RuleInput } from './rule-result.js';

/** An eGFR that is fresh enough at the exam, or why there is none. */
export interface UsableEgfr {
  egfr: Bounded | undefined;
  problem?: RenalProblem | 'too old';
  inputs: RuleInput[];
}

/** The eGFR to go by, if it is no older at the exam than the policy allows for this class of patient. */
export function usableEgfr({ renal, facts, exam }: RuleContext, maxAgeDays: MaxAgeDays): UsableEgfr {
  const { patientClass, birthDate, sex } = facts;
  const ofPatient = [inputOf('patient class', patientClass)];
  if ('problem' in renal) {
    const { from, problem } = renal;
    return { egfr: undefined, problem, inputs: [inputOf('eGFR', from, () => `unknown: ${problem}`), ...ofPatient] };
  }
  const { egfr, at, from, formula, height } = renal;
  const inputs: RuleInput[] = [
    { ...inputOf('eGFR', from), value: `${textOf(egfr)} mL/min/1.73 m² (${formula})` },
    ...(formula === 'reported'
      ? []
      : [
          { ...inputOf('creatinine', from), value: `${textOf(from.value)} µmol/L` },
          { name: 'birth date', value: birthDate ?? 'unknown' },
        ]),
    ...(formula === 'CKD-EPI 2021' ? [{ name: 'sex', value: sex ?? 'unknown' }] : []),
    ...(height ? [inputOf('height', height, (cm) => `${cm} cm`)] : []),
    ...ofPatient,
  ];
  const limit = patientClass ? maxAgeDays[patientClass.value] : Math.min(...Object.values(maxAgeDays));
  return daysBetween(at, exam.at) > limit ? { egfr: undefined, problem: 'too old', inputs } : { egfr, inputs };
}

/** To one decimal, downwards: what is shown is never better than what was decided on. */
function textOf({ value, comparator }: Bounded): string {
  return `${comparator ?? ''}${Math.floor(value * 10) / 10}`;
}

/** True if a value may be below a number: of a bound it is taken the worse way. */
export function mayBeBelow({ value, comparator }: Bounded, limit: number): boolean {
  return comparator === '<' || comparator === '<=' ? true : value < limit;
}

/** True if a value may be at or above a number. */
export function mayBeAtLeast({ value, comparator }: Bounded, limit: number): boolean {
  if (comparator === '>' || comparator === '>=') return true;
  return comparator === '<' ? value > limit : value >= limit;
}
