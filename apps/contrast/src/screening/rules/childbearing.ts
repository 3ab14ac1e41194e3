import type { RuleOf } from '../../policy/contrast-policy.js';
import { ageInYears } from '../facts.js';
import { ofState } from './patient-state.js';
import { doesNotApply, type RuleContext, type RuleInput, type RuleResult } from './rule-result.js';

/** Pregnancy: asked of whom it may concern; one whose sex or age is not known may be concerned. */
export function pregnancyRule(rule: RuleOf<'pregnancy'>, context: RuleContext): RuleResult {
  return ofConcerned(rule, context, rule.possible);
}

/** Breast-feeding, the same. */
export function lactationRule(rule: RuleOf<'lactation'>, context: RuleContext): RuleResult {
  return ofConcerned(rule, context, rule.yes);
}

function ofConcerned(
  rule: RuleOf<'pregnancy' | 'lactation'>,
  context: RuleContext,
  possible: RuleOf<'pregnancy'>['possible'],
): RuleResult {
  const { sex, birthDate, history } = context.facts;
  const inputs: RuleInput[] = [
    { name: 'sex', value: sex ?? 'unknown' },
    { name: 'birth date', value: birthDate ?? 'unknown' },
  ];
  const answer = history[rule.history]?.value;
  // What was said counts for more than what the record makes likely.
  const isSaid = answer === 'yes' || answer === 'possible';
  if (!isSaid && sex === 'male') return doesNotApply('not asked of male patients', ...inputs);
  const age = ageInYears(birthDate, context.exam.at);
  const isOfAge = age === undefined || (age >= rule.ages.fromYears && age <= rule.ages.toYears);
  if (!isSaid && !isOfAge) return doesNotApply('not asked at this age', ...inputs);
  const result = ofState(rule, context, possible);
  return { ...result, inputs: [...result.inputs, ...inputs] };
}
