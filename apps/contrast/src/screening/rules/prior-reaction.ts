import { outcomes, type ContrastPolicy, type RuleOf, type Severity } from '../../policy/contrast-policy.js';
import type { PriorReaction } from '../facts.js';
import { keyOf } from '../facts-of-patient.js';
import { asWords, hasWords } from '../words.js';
import {
  goOn,
  inputOf,
  stateOf,
  type ContrastExam,
  type RuleContext,
  type RuleInput,
  type RuleResult,
} from './rule-result.js';

/** A reaction of before to the planned agent, or to any agent of its class, by how severe it was. */
export function priorReactionRule(rule: RuleOf<'prior-reaction'>, context: RuleContext): RuleResult {
  const { reactions, none } = context.facts.allergies;
  const { exam, policy } = context;
  const isMeant = (one: PriorReaction) =>
    isToAgent(one, exam.agent) || (rule.to === 'same-class' && isToClass(one, exam.agent.class, policy));
  const found = reactions.filter(isMeant);
  const asked = rule.history === undefined ? undefined : stateOf(context, rule.history);
  const inputs: RuleInput[] = [...found.map(asInput), ...(asked ? [asked.input] : [])];
  if (found.length > 0) {
    const { severity } = worst(found, rule.severity);
    return {
      then: rule.severity[severity],
      why: `a reaction of before to the ${rule.to === 'same-agent' ? 'agent' : 'class of the agent'}, ${severity === 'unknown' ? 'its severity not known' : severity}`,
      inputs,
    };
  }
  if (asked?.known && asked.known.value !== 'no')
    return {
      then: rule.severity.unknown,
      why: 'a reaction to contrast was told, to what and how severe is not known',
      inputs,
    };
  // One that nobody named may be to contrast.
  const isNamed = reactions.every(({ substance }) => substance !== '');
  const listAnswers = isNamed && (none !== undefined || (policy.allergies.listAnswers && reactions.length > 0));
  const others = reactions.length > 0 ? reactions.map(asInput) : [inputOf('allergies', none, () => 'none known')];
  if (asked?.known || listAnswers)
    return { then: goOn, why: 'no such reaction is known, and it was asked', inputs: [...inputs, ...others] };
  if (!rule.whenUnknown)
    return { then: goOn, why: 'no such reaction is known; the policy needs no answer', inputs: [...inputs, ...others] };
  return {
    then: rule.whenUnknown,
    why: 'whether there was a reaction of before is not known',
    inputs: [...inputs, ...others],
  };
}

/** Allergies to anything but contrast. */
export function otherAllergyRule(rule: RuleOf<'other-allergy'>, context: RuleContext): RuleResult {
  const { reactions, none } = context.facts.allergies;
  const { exam, policy } = context;
  const others = reactions.filter((one) => !isToAgent(one, exam.agent) && !isToClass(one, exam.agent.class, policy));
  if (others.length > 0) {
    const { severity } = worst(others, rule.severity);
    return { then: rule.severity[severity], why: 'allergies to other substances', inputs: others.map(asInput) };
  }
  // One who has told of contrast alone was asked; one of whom nothing is told may have others.
  const isAsked = none !== undefined || reactions.length > 0;
  const inputs = [inputOf('allergies', none, () => 'none known')];
  return isAsked
    ? { then: goOn, why: 'no allergy to other substances is known', inputs }
    : { then: rule.severity.unknown, why: 'whether there are allergies is not known', inputs };
}

/** The reaction of which the worst follows, which need not be the most severe one. */
function worst(found: readonly PriorReaction[], severity: RuleOf<'other-allergy'>['severity']): { severity: Severity } {
  const rank = (one: PriorReaction) => outcomes.indexOf(severity[one.severity].outcome);
  return found.reduce((a, b) => (rank(b) > rank(a) ? b : a));
}

/** To the agent itself, by a code or a name. */
export function isToAgent({ substance, codes }: PriorReaction, { keys, names }: ContrastExam['agent']): boolean {
  return codes.some((one) => keys.includes(one)) || names.some((name) => hasWords(substance, name));
}

/** To an agent of the class, or to the class as a whole. */
export function isToClass({ substance, codes }: PriorReaction, name: string, policy: ContrastPolicy): boolean {
  const known = classOf(policy, name);
  const text = asWords(substance);
  const isOne = (key: string) =>
    known.codes.some((one) => key === one.key || (one.andBelow && key.startsWith(one.key)));
  return codes.some(isOne) || known.names.some((words) => text.includes(words));
}

/** By what a class and its agents are known: worked out once a policy, since it is asked of every allergy. */
function classOf(policy: ContrastPolicy, name: string): KnownClass {
  const known = knownClasses.get(policy) ?? new Map<string, KnownClass>();
  knownClasses.set(policy, known);
  const found = known.get(name) ?? namesOfClass(policy, name);
  known.set(name, found);
  return found;
}

interface KnownClass {
  codes: { key: string; andBelow: boolean }[];
  /** As {@link asWords} has them. */
  names: string[];
}

const knownClasses = new WeakMap<ContrastPolicy, Map<string, KnownClass>>();

function namesOfClass({ classes, agents, groups }: ContrastPolicy, name: string): KnownClass {
  const own = agents.filter(({ group }) => groups[group]!.class === name);
  const { codes, names } = classes[name]!;
  return {
    codes: [...codes, ...own.flatMap((one) => one.codes)].map((one) => ({ key: keyOf(one), andBelow: one.andBelow })),
    names: [...names, ...own.flatMap((one) => [one.display, ...one.names])].map(asWords),
  };
}

function asInput({ substance, severity, at, reference }: PriorReaction): RuleInput {
  return inputOf(`reaction to ${substance || 'an unnamed substance'}`, {
    value: severity === 'unknown' ? 'severity unknown' : severity,
    ...(at ? { at } : {}),
    ...(reference ? { reference } : {}),
  });
}
