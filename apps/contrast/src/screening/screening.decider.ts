import type { DetectedIssueMitigation } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { outcomes, worstOf, type ContrastPolicy, type Outcome } from '../policy/contrast-policy.js';
import { renalFunction } from './egfr.js';
import type { PatientFacts } from './facts.js';
import { planPreparation, type ExamTime, type PreparationPlan } from './preparation.js';
import { applyRule, type ContrastExam, type RuleInput } from './rules/index.js';

/** What was planned to be given, as the contrast record says; what the policy does not know is undefined. */
export interface PlannedContrast {
  /** The agent's name, as planned. */
  display: string;
  agent: ContrastExam['agent'] | undefined;
  route: ContrastExam['route'] | undefined;
  doseMl?: number;
}

/** What one rule found, and what a physician decided of it. */
export interface Finding {
  /** Id of the rule in the policy, or one of {@link ownRules}. */
  rule: string;
  outcome: Outcome;
  /** What it counts for: proceed once it was overridden. */
  effective: Outcome;
  preparations: string[];
  why: string;
  inputs: RuleInput[];
  /** Name of the source in the policy. */
  source?: string;
  /** The same as long as nothing that it rests on changed. */
  digest: string;
  /** What a physician decided; gone once anything it rested on has changed. */
  mitigation: DetectedIssueMitigation[];
}

/** What screening says of an exam. */
export interface Screening {
  outcome: Outcome;
  /** Worst first. */
  findings: Finding[];
  preparation: PreparationPlan | undefined;
}

/** What stands of an earlier screening of the same exam. */
export interface Standing {
  /** By rule. */
  overrides: ReadonlyMap<string, { digest: string; mitigation: DetectedIssueMitigation[] }>;
  /** Since when a preparation is known to be needed. */
  preparationSince: Date | undefined;
  /** What of the preparation was recorded as done, as `<preparation>/<index>`. */
  done: ReadonlySet<string>;
}

/** What screening finds of itself, whatever the policy says. */
export const ownRules = {
  'no-policy': 'There is no contrast policy: no exam with contrast is screened',
  'policy-unsigned': 'The contrast policy is not signed off by the site',
  'agent-unknown': 'The planned agent is not in the contrast policy: no rule can be applied',
  'route-unknown': 'The planned route is not in the contrast policy: rules for all routes were applied',
  'preparation-open': 'The exam has begun, and not all of its preparation is recorded as done',
  'lead-time': 'The exam begins before its preparation can be done: move it, or decide',
} as const;

/** Who knows the outcome of nothing that was screened before. */
export const nothingStands: Standing = { overrides: new Map(), preparationSince: undefined, done: new Set() };

type Found = Omit<Finding, 'effective' | 'digest' | 'mitigation'>;

/**
 * Screens an exam with contrast: every rule of the policy for its agent and route, and the worst outcome wins. What no
 * rule can be applied to needs a decision. An override counts while what it rested on stands.
 *
 * @param policy undefined where the site has none
 */
export function decideScreening(
  {
    planned,
    time,
    facts,
    standing,
  }: { planned: PlannedContrast; time: ExamTime; facts: PatientFacts; standing: Standing },
  policy: ContrastPolicy | undefined,
  now: Date,
): Screening {
  const found = policy ? findingsOf({ planned, time, facts }, policy, now) : [own('no-policy')];
  const findings = found.map((one) => judged(one, planned, standing));
  const preparation = policy && preparationOf(findings, policy, time, standing.preparationSince ?? now);
  if (preparation)
    for (const one of aboutPreparation(preparation, time, standing)) findings.push(judged(one, planned, standing));
  const rank = ({ outcome }: Finding) => outcomes.indexOf(outcome);
  return {
    outcome: worstOf(findings.map(({ effective }) => effective)),
    findings: findings.sort((a, b) => rank(b) - rank(a)),
    preparation,
  };
}

function findingsOf(
  { planned, time, facts }: { planned: PlannedContrast; time: ExamTime; facts: PatientFacts },
  policy: ContrastPolicy,
  now: Date,
): Found[] {
  const unsigned = policy.signedOff ? [] : [own('policy-unsigned')];
  const { agent, route, doseMl, display } = planned;
  if (!agent) return [...unsigned, own('agent-unknown', { name: 'agent', value: display })];
  const at = time.booked && time.booked > now ? time.booked : now;
  const renal = renalFunction(facts, policy, now);
  const rules = policy.rules.filter(
    ({ groups, routes }) => groups.includes(agent.group) && (!routes || !route || routes.includes(route)),
  );
  const context = {
    exam: { agent, route: route ?? 'other', ...(doseMl === undefined ? {} : { doseMl }), at },
    facts,
    policy,
    renal,
  };
  return [
    ...unsigned,
    ...(route ? [] : [own('route-unknown')]),
    ...rules.map((rule): Found => {
      const { then, why, inputs } = applyRule(rule, context);
      return { rule: rule.id, source: rule.source, ...then, why, inputs };
    }),
  ];
}

function own(rule: keyof typeof ownRules, ...inputs: RuleInput[]): Found {
  return { rule, outcome: 'needs-decision', preparations: [], why: ownRules[rule], inputs };
}

/** A preparation that cannot be done in time, or was not done, is never passed over in silence. */
function aboutPreparation(
  { readyFrom, names, steps, fits }: PreparationPlan,
  { booked, hasBegun }: ExamTime,
  { done }: Standing,
): Found[] {
  const tooEarly = own(
    'lead-time',
    { name: 'exam', value: booked?.toISOString() ?? 'unknown' },
    { name: 'ready from', value: readyFrom.toISOString() },
    { name: 'preparation', value: names.join(', ') },
  );
  const open = steps.filter(({ atHours, preparation, index }) => atHours < 0 && !done.has(`${preparation}/${index}`));
  const notDone = own('preparation-open', ...open.map((step) => ({ name: step.preparation, value: step.do })));
  return [...(fits ? [] : [tooEarly]), ...(hasBegun && open.length > 0 ? [notDone] : [])];
}

function judged(found: Found, { display, doseMl, route }: PlannedContrast, { overrides }: Standing): Finding {
  const { rule, outcome, preparations, inputs } = found;
  const digest = uuidFrom(
    'screening inputs',
    JSON.stringify([rule, outcome, preparations, inputs, display, doseMl, route]),
  );
  const override = overrides.get(rule);
  const mitigation = outcome !== 'proceed' && override?.digest === digest ? override.mitigation : [];
  return { ...found, digest, mitigation, effective: mitigation.length > 0 ? 'proceed' : outcome };
}

function preparationOf(
  findings: readonly Finding[],
  policy: ContrastPolicy,
  time: ExamTime,
  since: Date,
): PreparationPlan | undefined {
  const asking = findings.filter(({ effective }) => effective === 'proceed-with-preparation');
  return planPreparation(
    asking.map(({ preparations }) => preparations),
    policy,
    time,
    since,
  );
}
