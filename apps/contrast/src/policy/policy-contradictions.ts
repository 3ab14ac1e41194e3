import { afterContrastContradictions, twice } from './after-contrast-contradictions.js';
import type { ContrastPolicy, PolicyRule } from './contrast-policy.js';

/** What of a policy cannot hold though each part is well formed, as path and reason. */
export function contradictionsOf(policy: ContrastPolicy): { path: string; reason: string }[] {
  return [
    ...unknownNames(policy),
    ...twice(
      'rules',
      policy.rules.map(({ id }) => id),
    ),
    ...policy.rules.flatMap((rule, index) => ofRule(rule, `rules.${index}`)),
    ...Object.entries(policy.preparations).flatMap(([name, { steps }]) =>
      steps.some(({ atHours }) => atHours <= 0)
        ? []
        : [{ path: `preparations.${name}.steps`, reason: 'must begin before the exam, or at its start' }],
    ),
    ...ambiguousAgents(policy),
    ...ofProducts(policy),
    ...afterContrastContradictions(policy),
  ];
}

/** A name that is used must be there: a rule that refers to nothing would never be true. */
function unknownNames(policy: ContrastPolicy): { path: string; reason: string }[] {
  const missing = (
    path: string,
    used: string | undefined,
    of: 'sources' | 'classes' | 'groups' | 'history' | 'preparations',
  ) =>
    used === undefined || Object.hasOwn(policy[of], used) ? [] : [{ path, reason: `is not a name in ${of}: ${used}` }];
  return [
    ...Object.entries(policy.groups).flatMap(([name, one]) => [
      ...missing(`groups.${name}.class`, one.class, 'classes'),
      ...missing(`groups.${name}.source`, one.source, 'sources'),
    ]),
    ...policy.agents.flatMap(({ group }, index) => missing(`agents.${index}.group`, group, 'groups')),
    ...missing('labs.formulas.source', policy.labs.formulas.source, 'sources'),
    ...Object.entries(policy.preparations).flatMap(([name, one]) =>
      missing(`preparations.${name}.source`, one.source, 'sources'),
    ),
    ...Object.entries(policy.administration ?? {}).flatMap(([name, one]) =>
      'source' in one ? missing(`administration.${name}.source`, one.source, 'sources') : [],
    ),
    ...policy.rules.flatMap((rule, index) => [
      ...missing(`rules.${index}.source`, rule.source, 'sources'),
      ...rule.groups.flatMap((one) => missing(`rules.${index}.groups`, one, 'groups')),
      ...historyNamesOf(rule).flatMap((one) => missing(`rules.${index}`, one, 'history')),
      ...preparationsOf(rule).flatMap((one) => missing(`rules.${index}`, one, 'preparations')),
    ]),
  ];
}

/** The states a rule asks for. */
export function historyNamesOf(rule: PolicyRule): string[] {
  const own = 'history' in rule && rule.history !== undefined ? [rule.history] : [];
  if (rule.kind !== 'renal-function') return own;
  return [...(rule.neededBy === 'everybody' ? [] : rule.neededBy.history), ...(rule.notWith ? [rule.notWith] : [])];
}

function preparationsOf(rule: object): string[] {
  return Object.entries(rule).flatMap(([key, value]) => {
    if (key === 'preparations') return value as string[];
    return value && typeof value === 'object' ? preparationsOf(value as object) : [];
  });
}

function ofRule(rule: PolicyRule, path: string): { path: string; reason: string }[] {
  switch (rule.kind) {
    case 'renal-function': {
      const rising = rule.bands.every(({ below }, index) => index === 0 || below > rule.bands[index - 1]!.below);
      const mistakes = rising
        ? []
        : [{ path: `${path}.bands`, reason: 'must rise from the lowest eGFR to the highest' }];
      if (rule.neededBy !== 'everybody' && !rule.whenNeedUnknown)
        mistakes.push({
          path: `${path}.whenNeedUnknown`,
          reason: 'is missing: not every state of neededBy will be known',
        });
      return mistakes;
    }
    case 'other-allergy': {
      const asks = [rule.severity.mild, rule.severity.moderate, rule.severity.severe].some(
        ({ outcome }) => outcome !== 'proceed',
      );
      return asks && rule.severity.unknown.outcome === 'proceed'
        ? [{ path: `${path}.severity.unknown`, reason: 'may not be proceed where a known severity is not' }]
        : [];
    }
    case 'age':
      return rule.belowYears === undefined && rule.fromYears === undefined
        ? [{ path: `${path}.belowYears`, reason: 'is missing, or fromYears' }]
        : [];
    default:
      return [];
  }
}

/** A code that is of two agents would leave the group to the order of the file. */
function ambiguousAgents({ agents }: ContrastPolicy): { path: string; reason: string }[] {
  return twice(
    'agents',
    agents.flatMap(({ codes }) => codes.map((one) => `${one.system}|${one.code}`)),
  );
}

/** A package is of one product, and a product of one agent that is there. */
function ofProducts({ agents, products }: ContrastPolicy): { path: string; reason: string }[] {
  const unknown = products.flatMap(({ agent }, index) =>
    agents.some(({ display }) => display === agent)
      ? []
      : [{ path: `products.${index}.agent`, reason: `is not a name in agents: ${agent}` }],
  );
  return [
    ...unknown,
    ...twice(
      'products',
      products.flatMap(({ packages }) => packages.map(({ gtin }) => gtin)),
    ),
  ];
}
