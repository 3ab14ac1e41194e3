import type { PolicyRule } from '../../policy/contrast-policy.js';
import { ageRule, doseByWeightRule } from './age-and-weight.js';
import { agentGroupRule } from './agent-group.js';
import { lactationRule, pregnancyRule } from './childbearing.js';
import { metforminRule } from './metformin.js';
import { patientStateRule } from './patient-state.js';
import { otherAllergyRule, priorReactionRule } from './prior-reaction.js';
import { renalFunctionRule } from './renal-function.js';
import type { RuleContext, RuleResult } from './rule-result.js';

export type * from './rule-result.js';

/** What a rule of the policy finds, by its kind. The kinds are a closed list: the policy has numbers, not a language. */
export function applyRule(rule: PolicyRule, context: RuleContext): RuleResult {
  switch (rule.kind) {
    case 'renal-function':
      return renalFunctionRule(rule, context);
    case 'prior-reaction':
      return priorReactionRule(rule, context);
    case 'other-allergy':
      return otherAllergyRule(rule, context);
    case 'pregnancy':
      return pregnancyRule(rule, context);
    case 'lactation':
      return lactationRule(rule, context);
    case 'thyroid':
    case 'dialysis':
    case 'condition':
      return patientStateRule(rule, context);
    case 'metformin':
      return metforminRule(rule, context);
    case 'age':
      return ageRule(rule, context);
    case 'dose-by-weight':
      return doseByWeightRule(rule, context);
    case 'agent-group':
      return agentGroupRule(rule, context);
  }
}
