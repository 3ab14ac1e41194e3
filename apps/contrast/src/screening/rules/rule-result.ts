import type { Consequence, ContrastPolicy, Route } from '../../policy/contrast-policy.js';
import type { RenalFunction } from '../egfr.js';
import type { Answer, Known, PatientFacts } from '../facts.js';

/** The exam that is screened. */
export interface ContrastExam {
  /** The planned agent as the policy knows it. */
  agent: { display: string; group: string; class: string; keys: readonly string[]; names: readonly string[] };
  route: Route;
  doseMl?: number;
  /** When the contrast is to be given, as far as it is known; else now. */
  at: Date;
}

/** What a rule may look at. */
export interface RuleContext {
  exam: ContrastExam;
  facts: PatientFacts;
  policy: ContrastPolicy;
  renal: RenalFunction;
}

/** One thing a rule looked at: its value, or that it is not known, with its date and where it is written. */
export interface RuleInput {
  name: string;
  value: string;
  at?: string;
  reference?: string;
}

/** What a rule found. */
export interface RuleResult {
  then: Consequence;
  /** Why, in one sentence for people. */
  why: string;
  inputs: RuleInput[];
}

export const goOn: Consequence = { outcome: 'proceed', preparations: [] };

/** A rule that is not about this patient. */
export function doesNotApply(why: string, ...inputs: RuleInput[]): RuleResult {
  return { then: goOn, why, inputs };
}

/** An input as known, or as `unknown`. */
export function inputOf<T>(
  name: string,
  known: Known<T> | undefined,
  asText: (value: T) => string = String,
): RuleInput {
  if (!known) return { name, value: 'unknown' };
  const { at, reference } = known;
  return { name, value: asText(known.value), ...(at ? { at } : {}), ...(reference ? { reference } : {}) };
}

/** A state of the patient by its name in the policy. */
export function stateOf(
  { facts, policy }: RuleContext,
  name: string,
): { known: Known<Answer> | undefined; input: RuleInput; display: string } {
  const known = facts.history[name];
  const { display } = policy.history[name]!;
  return { known, display, input: inputOf(display, known) };
}
