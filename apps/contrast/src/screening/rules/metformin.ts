import type { RuleOf } from '../../policy/contrast-policy.js';
import { goOn, stateOf, type RuleContext, type RuleResult } from './rule-result.js';
import { mayBeBelow, usableEgfr } from './usable-egfr.js';

/** Metformin matters where the kidneys may not clear it: with a low eGFR, or with none that can be gone by. */
export function metforminRule(rule: RuleOf<'metformin'>, context: RuleContext): RuleResult {
  const { known, input } = stateOf(context, rule.history);
  if (known?.value === 'no') return { then: goOn, why: 'takes no metformin', inputs: [input] };
  const { egfr, problem, inputs } = usableEgfr(context, rule.maxAgeDays);
  const all = [input, ...inputs];
  if (egfr && !mayBeBelow(egfr, rule.belowEgfr)) return { then: goOn, why: 'the eGFR is high enough', inputs: all };
  if (!known) {
    if (!rule.whenUnknown)
      return { then: goOn, why: 'metformin is not known, and the policy needs no answer', inputs: all };
    return {
      then: rule.whenUnknown,
      why: 'whether metformin is taken is not known, and the eGFR makes it matter',
      inputs: all,
    };
  }
  return egfr
    ? { then: rule.then, why: 'takes metformin with a low eGFR', inputs: all }
    : { then: rule.whenNoValue, why: `takes metformin, and there is no eGFR to go by (${problem})`, inputs: all };
}
