import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from '@jest/globals';
import type { PolicyContent } from './contrast-policy.js';
import { checkPolicy, loadPolicy, PolicyFileInvalid } from './load-policy.js';

const shipped = 'deploy/local/contrast-policy.yaml';
const content = () => parse(readFileSync(shipped, 'utf8')) as PolicyContent;
const mistakesOf = (change: (policy: PolicyContent) => void): string[] => {
  const changed = content();
  change(changed);
  try {
    checkPolicy(changed);
    return [];
  } catch (error) {
    return (error as PolicyFileInvalid).mistakes;
  }
};
const ruleAt = (id: string) => content().rules.findIndex((one) => one.id === id);
const change = (id: string, overrides: object) => (policy: PolicyContent) => {
  policy.rules[ruleAt(id)] = { ...policy.rules[ruleAt(id)], ...overrides } as PolicyContent['rules'][number];
};

describe('the shipped example', () => {
  it('is a policy, says that nobody signed it, and names a source with its edition for every rule', () => {
    const policy = loadPolicy(shipped)!;
    expect(policy.signedOff).toBeUndefined();
    for (const { source } of policy.rules)
      expect(policy.sources[source]).toMatchObject({ edition: expect.any(String) });
  });
});

describe('a policy file', () => {
  it('is not needed', () => expect(loadPolicy(undefined)).toBeUndefined());
  it('that is not there, or no YAML, is refused', () => {
    expect(() => loadPolicy('no/such/file.yaml')).toThrow(/cannot be used:\n {2}\(file\): ENOENT/);
    expect(() => loadPolicy('README.md')).toThrow(PolicyFileInvalid);
  });
  it.each<[string, (policy: PolicyContent) => void, string]>([
    [
      'a key that is none',
      (policy) => Object.assign(policy, { colour: 1 }),
      'colour: is not a key of the contrast policy here',
    ],
    ['no version', (policy) => Object.assign(policy, { version: undefined }), 'version: is missing'],
    [
      'a kind of rule that is none',
      change('asthma', { kind: 'horoscope' }),
      `rules.${ruleAt('asthma')}.kind: must be a kind of rule: see apps/contrast/README.md`,
    ],
    [
      'an outcome that is none',
      change('asthma', { yes: 'maybe' }),
      `rules.${ruleAt('asthma')}.yes: must be proceed, needs-decision, stop, or { prepare: [names of preparations] }`,
    ],
    [
      'the unknown taken for normal',
      change('thyroid', { whenUnknown: 'proceed' }),
      `rules.${ruleAt('thyroid')}.whenUnknown: may not be proceed: what is not known is not normal; leave the rule out if it is not needed`,
    ],
    [
      'no lab taken for a good one',
      change('gbca-group-1-renal', { whenNoValue: 'proceed' }),
      `rules.${ruleAt('gbca-group-1-renal')}.whenNoValue: may not be proceed: what is not known is not normal; leave the rule out if it is not needed`,
    ],
    [
      'nothing for a need that is not known',
      change('iodinated-renal-intravenous', { whenNeedUnknown: undefined }),
      `rules.${ruleAt('iodinated-renal-intravenous')}.whenNeedUnknown: is missing: not every state of neededBy will be known`,
    ],
    [
      'bands that fall',
      change('iodinated-renal-intra-arterial', {
        bands: [
          { below: 45, then: 'stop' },
          { below: 30, then: 'stop' },
        ],
      }),
      `rules.${ruleAt('iodinated-renal-intra-arterial')}.bands: must rise from the lowest eGFR to the highest`,
    ],
    [
      'a source nobody named',
      change('asthma', { source: 'rumour' }),
      `rules.${ruleAt('asthma')}.source: is not a name in sources: rumour`,
    ],
    [
      'a group nobody named',
      change('asthma', { groups: ['barium'] }),
      `rules.${ruleAt('asthma')}.groups: is not a name in groups: barium`,
    ],
    [
      'a state nobody named',
      change('asthma', { history: 'mood' }),
      `rules.${ruleAt('asthma')}: is not a name in history: mood`,
    ],
    [
      'a preparation nobody named',
      change('asthma', { yes: { prepare: ['tea'] } }),
      `rules.${ruleAt('asthma')}: is not a name in preparations: tea`,
    ],
    ['one id for two rules', change('asthma', { id: 'thyroid' }), 'rules: has thyroid twice'],
    [
      'one code for two agents',
      (policy) => policy.agents.push({ ...policy.agents[0]!, display: 'again' }),
      'agents: has http://www.whocc.no/atc|V08AB05 twice',
    ],
    [
      'an age rule without an age',
      change('infants', { belowYears: undefined }),
      `rules.${ruleAt('infants')}.belowYears: is missing, or fromYears`,
    ],
    [
      'an unknown allergy taken for none',
      change('other-allergies', {
        severity: { mild: 'proceed', moderate: 'proceed', severe: 'stop', unknown: 'proceed' },
      }),
      `rules.${ruleAt('other-allergies')}.severity.unknown: may not be proceed where a known severity is not`,
    ],
    [
      'a preparation that begins after the exam',
      (policy) => (policy.preparations.saline = { ...policy.preparations.saline!, steps: [{ atHours: 1, do: 'x' }] }),
      'preparations.saline.steps: must begin before the exam, or at its start',
    ],
    [
      'a product of an agent nobody named',
      (policy) => (policy.products![0]!.agent = 'rumour'),
      'products.0.agent: is not a name in agents: rumour',
    ],
    [
      'a GTIN with a wrong check digit',
      (policy) => (policy.products![0]!.packages[0]!.gtin = '9521234543214'),
      'products.0.packages.0.gtin: must be a GTIN of 8, 12, 13 or 14 digits with its check digit',
    ],
    [
      'one GTIN for two packages',
      (policy) =>
        policy.products!.push({
          ...policy.products![0]!,
          display: 'again',
          packages: [policy.products![0]!.packages[0]!],
        }),
      'products: has 09521234000013 twice',
    ],
    [
      'a limit of giving by a source nobody named',
      (policy) => (policy.administration!.time.source = 'rumour'),
      'administration.time.source: is not a name in sources: rumour',
    ],
    [
      'a reason for the wrong patient',
      (policy) => (policy.administration!.reasonNeeded = ['patient' as never]),
      'administration.reasonNeeded.0: Invalid option: expected one of "agent"|"dose"|"route"|"time"|"screening"|"supply"',
    ],
    [
      'a plan of escalation that is none',
      (policy) => (policy.observation!.overdue.escalation = 'shout'),
      'observation.overdue.escalation: is not a name in escalation: shout',
    ],
    [
      'a reaction nobody is asked to see to',
      (policy) => (policy.reactions!.severities.severe.escalation = 'shout'),
      'reactions.severities.severe.escalation: is not a name in escalation: shout',
    ],
    [
      'nobody to ask',
      (policy) => (policy.escalation!['reaction-mild']!.levels = []),
      'escalation.reaction-mild.levels: Too small: expected array to have >=1 items',
    ],
    [
      'the same one asked twice',
      (policy) => policy.escalation!['reaction-mild']!.levels.push(policy.escalation!['reaction-mild']!.levels[0]!),
      'escalation.reaction-mild.levels: has Radiologist on duty twice',
    ],
    [
      'an observation that forgets somebody',
      (policy) => (policy.observation!.rows[0]!.routes = ['intravenous']),
      'observation.rows: must have one for everybody, without groups, routes and afterReaction',
    ],
    [
      'a vital sign nobody described',
      (policy) => (policy.observation!.rows[1]!.vitalSigns!.measure = ['mood']),
      'observation.rows.1.vitalSigns.measure: is not a name in vitalSigns: mood',
    ],
    [
      'vital signs behind the end',
      (policy) => (policy.observation!.rows[1]!.forMinutes = 40),
      'observation.rows.1.vitalSigns.atMinutes: must lie within forMinutes',
    ],
    [
      'follow-ups that do not rise',
      (policy) => (policy.reactions!.extravasation.followUpHours = [24, 4]),
      'reactions.extravasation.followUpHours: must rise from the first to the last',
    ],
    [
      'allergies that are never known again',
      (policy) => (policy.reactions!.makeAllergyOf = ['physiologic']),
      'reactions.makeAllergyOf: must hold allergic-like: it would never be known again',
    ],
    [
      'a word for two manifestations',
      (policy) => policy.reactions!.manifestations.push({ code: '84229001', display: 'Fatigue', names: ['Hives'] }),
      'reactions.manifestations: has hives twice',
    ],
    [
      'a manifestation that is no concept',
      (policy) => (policy.reactions!.manifestations[0]!.code = 'hives'),
      'reactions.manifestations.0.code: must be a SNOMED CT concept id',
    ],
    [
      'a source nobody named',
      (policy) => (policy.escalation!['reaction-mild']!.source = 'rumour'),
      'escalation.reaction-mild.source: is not a name in sources: rumour',
    ],
    [
      'a date that is none',
      (policy) => (policy.signedOff = { by: 'Dr. X', on: 'today' }),
      "signedOff.on: must be a quoted date, such as '2026-11-25'",
    ],
  ])('with %s is refused with its path and the reason', (_, mutate, mistake) => {
    expect(mistakesOf(mutate)).toEqual([mistake]);
  });
});
