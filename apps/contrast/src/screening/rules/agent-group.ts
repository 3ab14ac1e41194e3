import type { RuleOf } from '../../policy/contrast-policy.js';
import type { RuleContext, RuleResult } from './rule-result.js';

/** What holds for every exam with an agent of a group. */
export function agentGroupRule(rule: RuleOf<'agent-group'>, { exam, policy }: RuleContext): RuleResult {
  const { display } = policy.groups[exam.agent.group]!;
  return { then: rule.then, why: `the agent is of ${display}`, inputs: [{ name: 'agent', value: exam.agent.display }] };
}
