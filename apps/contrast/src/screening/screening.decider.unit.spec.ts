import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { outcomes, type PolicyRule } from '../policy/contrast-policy.js';
import { decisionRows, now, policy, recordOf, screened, signedPolicy, type DecisionRow } from './a-screening.spec.js';
import { factsOfPatient } from './facts-of-patient.js';
import { nothingStands, type Standing } from './screening.decider.js';

const rows = decisionRows();

describe('the decision table', () => {
  it('has at least 150 rows, each said once', () => {
    expect(rows.length).toBeGreaterThanOrEqual(150);
    expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
  });
  it('tries every rule of the shipped policy', () => {
    const tried = new Set(rows.map(({ because }) => because));
    expect(policy.rules.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual([]);
  });
  it.each(rows.map((row) => [row.what, row] as const))('%s', (_, row) => {
    const { outcome, findings } = screened(row);
    const because = findings.find(({ rule }) => rule === row.because);
    expect({ outcome, because: because?.outcome, why: because?.why }).toEqual({
      outcome: row.outcome,
      because: row.outcome,
      why: expect.any(String),
    });
  });
});

describe('screening', () => {
  it('needs a decision without a policy, and by one that nobody signed off', () => {
    expect(screened({}, 'none')).toMatchObject({ outcome: 'needs-decision', findings: [{ rule: 'no-policy' }] });
    const unsigned = screened(
      {},
      signedPolicy((content) => delete content.signedOff),
    );
    expect(unsigned.outcome).toBe('needs-decision');
    // The rules are applied all the same, so that whoever signs sees what they would do.
    expect(unsigned.findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['policy-unsigned', 'thyroid']));
    expect(screened({}).outcome).toBe('proceed');
  });

  it('says of each finding its inputs with their dates and where they are written', () => {
    const { findings } = screened({ observations: 'crea=4mg/dL@5', states: 'kidney-disease=yes' });
    const renal = findings.find(({ rule }) => rule === 'iodinated-renal-intravenous')!;
    expect(renal).toMatchObject({ outcome: 'proceed-with-preparation', preparations: ['saline'], source: 'acr' });
    expect(renal.inputs).toEqual([
      {
        name: 'eGFR',
        value: '17.3 mL/min/1.73 m² (CKD-EPI 2021)',
        at: '2026-02-25T10:00:00.000Z',
        reference: 'Observation/crea-4mg-dL-5',
      },
      {
        name: 'creatinine',
        value: '353.6 µmol/L',
        at: '2026-02-25T10:00:00.000Z',
        reference: 'Observation/crea-4mg-dL-5',
      },
      { name: 'birth date', value: '1976-01-31' },
      { name: 'sex', value: 'male' },
      { name: 'patient class', value: 'outpatient', reference: 'Encounter/visit' },
    ]);
  });

  it('asks no eGFR of whom another rule is for: on dialysis it says nothing', () => {
    const { findings } = screened({ states: 'dialysis=yes kidney-disease=yes', observations: 'egfr=8@1' });
    expect(findings.find(({ rule }) => rule === 'iodinated-renal-intravenous')?.outcome).toBe('proceed');
    expect(findings[0]).toMatchObject({ rule: 'iodinated-dialysis', outcome: 'needs-decision' });
  });

  it('puts the worst finding first', () => {
    const ranks = screened(rows.at(-1)!).findings.map(({ outcome }) => outcomes.indexOf(outcome));
    expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
  });
});

describe('an override', () => {
  const row = { states: 'kidney-disease=yes', observations: 'egfr=60@100' };
  const overriding = (of: Partial<DecisionRow>): Standing => {
    const { rule, digest } = screened(of).findings[0]!;
    const mitigation = [
      { action: { text: 'no time for a new value' }, author: { display: 'Dr. Duty' }, date: now.toISOString() },
    ];
    return { ...nothingStands, overrides: new Map([[rule, { digest, mitigation }]]) };
  };
  it('counts as long as nothing that it rested on changed', () => {
    const { outcome, findings } = screened(row, policy, overriding(row));
    expect(outcome).toBe('proceed');
    expect(findings[0]).toMatchObject({ outcome: 'needs-decision', effective: 'proceed', mitigation: [{}] });
  });
  it.each<[string, Partial<DecisionRow>]>([
    ['a newer value that is stale as well', { ...row, observations: 'egfr=60@95' }],
    ['another agent', { ...row, agent: 'iohexol' }],
    ['another dose', { ...row, dose: '120' }],
    ['another birth of need', { ...row, states: 'kidney-disease=yes@1' }],
  ])('lapses with %s', (_, changed) => {
    expect(screened(changed, policy, overriding(row)).outcome).toBe('needs-decision');
  });
  it('of one rule leaves the others', () => {
    const two = { ...row, states: 'kidney-disease=yes acute-kidney-injury=yes' };
    expect(screened(two, policy, overriding(two)).outcome).toBe('needs-decision');
  });
});

/** What takes one thing away from a patient of whom everything is known, and which kinds of rules need it. */
const gaps: [string, Partial<DecisionRow>, readonly PolicyRule['kind'][]][] = [
  ['the eGFR', { observations: 'weight=70kg@1' }, ['renal-function', 'metformin']],
  ['the unit of the eGFR', { observations: 'egfr=60none@1 & weight=70kg@1' }, ['renal-function', 'metformin']],
  ['the time of the eGFR', { observations: 'egfr=60@none & weight=70kg@1' }, ['renal-function', 'metformin']],
  ['the weight', { observations: 'egfr=60@1' }, ['dose-by-weight']],
  ['pregnancy', { states: 'pregnancy=?' }, ['pregnancy']],
  ['lactation', { states: 'lactation=?' }, ['lactation']],
  ['thyroid', { states: 'thyroid=?' }, ['thyroid']],
  ['dialysis', { states: 'dialysis=?' }, ['dialysis']],
  ['a condition', { states: 'asthma=? acute-kidney-injury=?' }, ['condition']],
  ['the age', { birth: 'unknown' }, ['age']],
  ['the allergies', { allergies: '', states: 'contrast-reaction=?' }, ['prior-reaction']],
];
/** Every rule with everything that it may leave out of account needed. */
const strict = signedPolicy((content) => {
  for (const one of content.rules as Record<string, unknown>[]) {
    if (
      ['pregnancy', 'lactation', 'thyroid', 'dialysis', 'condition', 'metformin', 'prior-reaction'].includes(
        one.kind as string,
      )
    )
      one.whenUnknown = 'needs-decision';
    if (one.kind === 'renal-function') one.neededBy = 'everybody';
    if (one.kind === 'dose-by-weight') one.neededBelowYears = 'everybody';
  }
});
const complete = { sex: 'female', birth: '30', observations: 'egfr=60@1 & weight=70kg@1' };
const agentOf = {
  'iodinated-low-osmolar': 'iopromide',
  'gbca-group-1': 'gadodiamide',
  'gbca-group-2': 'gadobutrol',
  'gbca-group-3': 'gadoxetate disodium',
} as Record<string, string>;
const routeOf = { intravenous: 'iv', 'intra-arterial': 'ia', enteric: 'oral', other: 'iv' };

describe('what is not known', () => {
  const cases = strict.rules.flatMap((rule) =>
    gaps.filter(([, , kinds]) => kinds.includes(rule.kind)).map(([what, gap]) => [rule.id, what, rule, gap] as const),
  );
  it.each(cases)('%s does not proceed without %s', (id, _, rule, gap) => {
    const states = rule.kind === 'metformin' ? 'metformin=yes' : '';
    const row = {
      ...complete,
      agent: agentOf[rule.groups[0]!]!,
      route: routeOf[rule.routes?.[0] ?? 'intravenous'],
      dose: '7',
      states,
      ...gap,
    };
    expect(screened(row, strict).findings.find((one) => one.rule === id)?.outcome).not.toBe('proceed');
  });

  it('never makes an outcome better where it was a reason to go on (property)', () => {
    // Taking observations and answers away from anybody never turns what a rule needs into a proceed.
    const states = ['kidney-disease', 'metformin', 'dialysis', 'pregnancy', 'contrast-reaction', 'acute-kidney-injury'];
    const answer = fc.constantFrom('yes', 'no', '?');
    const anyone = fc.record({
      agent: fc.constantFrom(...Object.values(agentOf)),
      route: fc.constantFrom('iv', 'ia'),
      sex: fc.constantFrom('female', 'male', 'unknown'),
      birth: fc.constantFrom('unknown', '0', '5', '17', '18', '30', '69', '70', '95'),
      patientClass: fc.constantFrom('outpatient', 'inpatient', 'emergency', 'unknown'),
      answers: fc.tuple(...states.map(() => answer)),
      egfr: fc.double({ min: 1, max: 200, noNaN: true }),
      days: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(anyone, ({ answers, egfr, days, ...person }) => {
        const said = states.map((name, index) => `${name}=${answers[index]}`).join(' ');
        const row = {
          ...person,
          dose: '7',
          states: said,
          observations: `weight=70kg@1 & egfr=${egfr.toFixed(3)}@${days}`,
        };
        const known = screened(row, strict);
        const unknown = screened({ ...row, observations: 'weight=70kg@1' }, strict);
        const renal = (one: typeof known) => one.findings.filter(({ rule }) => /renal|metformin/.test(rule));
        for (const { rule, outcome } of renal(unknown)) {
          const isElsewhere =
            outcome === 'proceed' && (answers[2] === 'yes' || (rule === 'metformin' && answers[1] === 'no'));
          if (!isElsewhere) expect(outcome).not.toBe('proceed');
        }
        for (const { rule, outcome } of renal(known))
          if (outcome === 'proceed' && person.route === 'iv' && rule.includes('renal') && answers[2] !== 'yes')
            expect({ egfr: egfr >= 29.9995, days: days <= (person.patientClass === 'outpatient' ? 90 : 7) }).toEqual({
              egfr: true,
              days: true,
            });
      }),
      { numRuns: 300 },
    );
  });

  it('is never read from a value in a unit that is not of it (property)', () => {
    const unit = fc.stringMatching(/^[a-zA-Zµ/%]{0,8}$/).filter((one) => !/^(u|µ|m)mol\/[lL]$|^mg\/d?[lL]$/.test(one));
    fc.assert(
      fc.property(unit, fc.double({ min: 0.01, max: 3000, noNaN: true }), (code, value) => {
        const record = recordOf({ observations: `crea=${value.toFixed(3)}${code || 'none'}@1` });
        const [lab] = factsOfPatient(record, policy, now).creatinine;
        expect(lab!.problem).toMatch(/unit/);
      }),
    );
  });
});
