import type { RuleOf } from '../../policy/contrast-policy.js';
import { goOn, stateOf, type RuleContext, type RuleResult } from './rule-result.js';

/** Thyroid disease, dialysis, or any other state: yes, no, or not known. */
export function patientStateRule(rule: RuleOf<'thyroid' | 'dialysis' | 'condition'>, context: RuleContext): RuleResult {
  return ofState(rule, context);
}

/** What follows from a state: of a possible one what follows from a yes, unless the rule says else. */
export function ofState(
  rule: Pick<RuleOf<'condition'>, 'history' | 'yes' | 'whenUnknown'>,
  context: RuleContext,
  possible = rule.yes,
): RuleResult {
  const { known, display, input } = stateOf(context, rule.history);
  if (known?.value === 'yes') return { then: rule.yes, why: display, inputs: [input] };
  if (known?.value === 'possible') return { then: possible, why: `possible: ${display}`, inputs: [input] };
  if (known?.value === 'no') return { then: goOn, why: `not so: ${display}`, inputs: [input] };
  if (!rule.whenUnknown)
    return { then: goOn, why: `not known, and the policy needs no answer: ${display}`, inputs: [input] };
  return { then: rule.whenUnknown, why: `not known: ${display}`, inputs: [input] };
}
