import type { RuleOf } from '../../policy/contrast-policy.js';
import { ageInYears, daysBetween } from '../facts.js';
import { goOn, inputOf, type RuleContext, type RuleResult } from './rule-result.js';

/** Patients below or from an age at the exam, in completed years. */
export function ageRule(rule: RuleOf<'age'>, { facts, exam }: RuleContext): RuleResult {
  const age = ageInYears(facts.birthDate, exam.at);
  const inputs = [{ name: 'birth date', value: facts.birthDate ?? 'unknown' }];
  if (age === undefined) return { then: rule.whenUnknown, why: 'the age is not known', inputs };
  const isMeant =
    (rule.belowYears !== undefined && age < rule.belowYears) || (rule.fromYears !== undefined && age >= rule.fromYears);
  return isMeant
    ? { then: rule.then, why: 'the age is one the policy asks about', inputs }
    : { then: goOn, why: 'the age is none the policy asks about', inputs };
}

/** The planned volume for the weight of the patient. */
export function doseByWeightRule(
  rule: RuleOf<'dose-by-weight'>,
  { facts, exam, policy }: Omit<RuleContext, 'renal'>,
): RuleResult {
  const age = ageInYears(facts.birthDate, exam.at);
  const isChild = age !== undefined && age < policy.labs.formulas.ckdEpi2021.fromYears;
  const counts = isChild ? rule.weightCountsDays.child : rule.weightCountsDays.adult;
  const weight = facts.weightKg.find(({ at }) => at !== undefined && daysBetween(at, exam.at) <= counts);
  const inputs = [
    inputOf('weight', weight, (kg) => `${kg} kg`),
    { name: 'planned dose', value: exam.doseMl === undefined ? 'unknown' : `${exam.doseMl} mL` },
    { name: 'birth date', value: facts.birthDate ?? 'unknown' },
  ];
  const isNeeded = rule.neededBelowYears === 'everybody' || age === undefined || age < rule.neededBelowYears;
  if (!weight || exam.doseMl === undefined) {
    const what = weight ? 'the planned dose is not known' : 'there is no weight to go by';
    return isNeeded
      ? { then: rule.whenUnknown, why: what, inputs }
      : { then: goOn, why: `${what}, and none is needed at this age`, inputs };
  }
  return exam.doseMl > rule.maxMlPerKg * weight.value
    ? { then: rule.then, why: `the planned dose is more than ${rule.maxMlPerKg} mL/kg`, inputs }
    : { then: goOn, why: `the planned dose is at most ${rule.maxMlPerKg} mL/kg`, inputs };
}
