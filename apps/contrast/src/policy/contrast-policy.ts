import { z } from 'zod';
import { gtin14Of } from '../barcodes/gtin.js';
import { administration } from './administration-policy.js';
import { escalationPlan, observationRow, reactions } from './after-contrast-policy.js';
import { code, days, isoDate, known, name, observed, route, text, uri, years } from './policy-values.js';

/** What follows from a rule: go on, go on after one of these preparations (the first that fits), ask, or do not. */
const consequence = z.union(
  [
    z.enum(['proceed', 'needs-decision', 'stop']).transform((outcome) => ({ outcome, preparations: [] as string[] })),
    z
      .strictObject({ prepare: z.array(name).min(1) })
      .transform(({ prepare }) => ({ outcome: 'proceed-with-preparation' as const, preparations: prepare })),
  ],
  { error: 'must be proceed, needs-decision, stop, or { prepare: [names of preparations] }' },
);
/** Of what is not known: nobody may go on as if it were known to be well. */
const ofUnknown = consequence.refine(
  ({ outcome }) => outcome !== 'proceed',
  'may not be proceed: what is not known is not normal; leave the rule out if it is not needed',
);

const bySeverity = z.strictObject({
  mild: consequence,
  moderate: consequence,
  severe: consequence,
  /** A reaction whose severity nobody told. */
  unknown: ofUnknown,
});

const ofEveryRule = {
  id: name,
  /** Name of one of `sources`. */
  source: name,
  /** Where in the source, or why the site differs from it. */
  note: text.optional(),
  /** Agent groups it is for. */
  groups: z.array(name).min(1),
  /** Routes it is for; all unless given. */
  routes: z.array(route).min(1).optional(),
};
/** How old a value may be at the exam, by whose it is; of a patient whose class is not known the shortest counts. */
const maxAgeDays = z.strictObject({ outpatient: days, inpatient: days, emergency: days });
/** Who may be pregnant or breast-feeding: not male, and in these years of age; whose sex or age is not known may be. */
const ages = z.strictObject({ fromYears: years, toYears: years });
/** A state that matters whether it is asked or not: without `whenUnknown` only a known yes counts. */
const state = { history: name, yes: consequence, whenUnknown: ofUnknown.optional() };

const rule = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('renal-function'),
      /** By eGFR in mL/min/1.73 m², each band below its number; at or above the last one: proceed. */
      bands: z.array(z.strictObject({ below: z.number().positive(), then: consequence })).min(1),
      maxAgeDays,
      /** Who needs a value at all: everybody, or those with any of these states, or from this age on. */
      neededBy: z.union([
        z.literal('everybody'),
        z.strictObject({ history: z.array(name).min(1), fromYears: years.optional() }),
      ]),
      /** A value is needed and there is none, or it is too old or cannot be read. */
      whenNoValue: ofUnknown,
      /** There is none, and whether it is needed is not known. */
      whenNeedUnknown: ofUnknown.optional(),
      /** A state, such as maintenance dialysis, in which the eGFR says nothing and this rule is left to another. */
      notWith: name.optional(),
    }),
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('prior-reaction'),
      /** To the planned agent itself, or to any of its class. */
      to: z.enum(['same-agent', 'same-class']),
      severity: bySeverity,
      /** A question that asks for it; its yes without a known substance counts as of unknown severity. */
      history: name.optional(),
      whenUnknown: ofUnknown.optional(),
    }),
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('other-allergy'),
      severity: bySeverity.extend({ unknown: consequence }),
    }),
    z.strictObject({ ...ofEveryRule, kind: z.literal('pregnancy'), ...state, possible: consequence, ages }),
    z.strictObject({ ...ofEveryRule, kind: z.literal('lactation'), ...state, ages }),
    z.strictObject({ ...ofEveryRule, kind: z.literal('thyroid'), ...state }),
    z.strictObject({ ...ofEveryRule, kind: z.literal('dialysis'), ...state }),
    /** Any other state of `history`, such as asthma or an acute kidney injury. */
    z.strictObject({ ...ofEveryRule, kind: z.literal('condition'), ...state }),
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('metformin'),
      history: name,
      /** Who takes it and has an eGFR below this. */
      belowEgfr: z.number().positive(),
      then: consequence,
      maxAgeDays,
      /** Who takes it and has no eGFR to go by. */
      whenNoValue: ofUnknown,
      /** Not known whether they take it, where the eGFR makes it matter. */
      whenUnknown: ofUnknown.optional(),
    }),
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('age'),
      belowYears: years.optional(),
      fromYears: years.optional(),
      then: consequence,
      whenUnknown: ofUnknown,
    }),
    z.strictObject({
      ...ofEveryRule,
      kind: z.literal('dose-by-weight'),
      /** Most millilitres of the planned agent for each kilogram. */
      maxMlPerKg: z.number().positive(),
      then: consequence,
      weightCountsDays: z.strictObject({ adult: days, child: days }),
      /** Whose weight must be known: everybody's, or that of patients younger than this. */
      neededBelowYears: z.union([z.literal('everybody'), years]),
      whenUnknown: ofUnknown,
    }),
    z.strictObject({ ...ofEveryRule, kind: z.literal('agent-group'), then: consequence }),
  ],
  { error: 'must be a kind of rule: see apps/contrast/README.md' },
);

/** One step of a timetable, by hours from the start of the exam: -13 is thirteen hours before, 4 four hours after. */
const preparationStep = z.strictObject({
  atHours: z.number().min(-168).max(168),
  /** How long it goes on, for an infusion. */
  forHours: z.number().positive().max(48).optional(),
  do: text,
});

/** GTIN of a package as it is printed, 8 to 14 digits; kept as the 14 of a data carrier. */
const gtin = z.string('must be quoted digits').transform((digits, context) => {
  const filled = gtin14Of(digits);
  if (filled) return filled;
  context.addIssue({ code: 'custom', message: 'must be a GTIN of 8, 12, 13 or 14 digits with its check digit' });
  return z.NEVER;
});
/** A product that is given, in the packages it comes in. */
const product = z.strictObject({
  /** Name (`display`) of one of `agents`. */
  agent: text,
  display: text,
  /** Such as 370 mg/mL of iodine, or 1 mmol/mL. */
  concentration: z.strictObject({ value: z.number().positive(), unit: text }),
  packages: z
    .array(
      z.strictObject({
        gtin,
        volumeMl: z.number().positive(),
        kind: z.enum(['single-dose', 'multi-dose']),
        /** How long one that was opened may be used. */
        openHours: z.number().positive().optional(),
        /** How many administrations may come from one that was opened. */
        openDoses: z.int().positive().optional(),
      }),
    )
    .min(1),
});

/** The shape of the policy file; see deploy/local/contrast-policy.yaml for one with comments. */
export const policyFile = z.strictObject({
  version: text,
  edition: text,
  /** Who of the site answers for it; without it every exam needs a decision. */
  signedOff: z.strictObject({ by: text, on: isoDate }).optional(),
  sources: z.record(name, z.strictObject({ title: text, edition: text })),
  /** Classes of agents, with what people call a whole class when they tell an allergy. */
  classes: z.record(name, known),
  groups: z.record(name, z.strictObject({ display: text, class: name, source: name })),
  agents: z.array(z.strictObject({ display: text, group: name, ...known.shape })).min(1),
  /** What the site stocks, by the GTIN on its packages. */
  products: z.array(product).default([]),
  routes: z.array(z.strictObject({ system: uri, code: text, route })),
  labs: z.strictObject({
    /** Values reported as eGFR: by formulas for adults, and for children. */
    egfr: z.strictObject({ adult: z.array(observed), child: z.array(observed).default([]) }),
    creatinine: z.array(observed),
    /** What no patient has is a mistake, mostly of the unit. */
    plausible: z.strictObject({
      creatinineUmolPerL: z.strictObject({ from: z.number().positive(), to: z.number().positive() }),
      egfr: z.strictObject({ from: z.number().min(0), to: z.number().positive() }),
      heightCm: z.strictObject({ from: z.number().positive(), to: z.number().positive() }),
      weightKg: z.strictObject({ from: z.number().positive(), to: z.number().positive() }),
    }),
    /** From and up to which age the formulas hold: CKD-EPI 2021, and bedside Schwartz with the height it needs. */
    formulas: z.strictObject({
      source: name,
      ckdEpi2021: z.strictObject({ fromYears: years }),
      bedsideSchwartz: z.strictObject({ fromYears: years, toYears: years, heightCountsDays: days }).optional(),
    }),
  }),
  body: z.strictObject({ weight: z.array(observed), height: z.array(observed) }),
  allergies: z.strictObject({
    /** What says that there are none. */
    none: known,
    /** A list without contrast on it answers whether there was a reaction to contrast. */
    listAnswers: z.boolean(),
    /** What makes a reaction severe whatever else is said of it. */
    severeManifestations: known,
  }),
  /** States of a patient: the diagnoses that say yes, and the questions asked of them, with their answers. */
  history: z.record(
    name,
    z.strictObject({
      display: text,
      conditions: z.array(code).default([]),
      questions: z.array(observed).default([]),
      /** How long an answer counts; for ever unless given. */
      countsDays: days.optional(),
    }),
  ),
  answers: z.strictObject({ yes: z.array(text).min(1), no: z.array(text).min(1), possible: z.array(text).default([]) }),
  preparations: z.record(
    name,
    z.strictObject({ display: text, source: name, note: text.optional(), steps: z.array(preparationStep).min(1) }),
  ),
  /** Which outcomes a physician may override, with author and reason. */
  mayOverride: z.array(z.enum(['proceed-with-preparation', 'needs-decision', 'stop'])),
  rules: z.array(rule).min(1),
  administration: administration.optional(),
  /** Plans by name: who is asked what nobody has acknowledged. */
  escalation: z.record(name, escalationPlan).default({}),
  /** Vital signs by name, with their LOINC codes: one of them is the measure. */
  vitalSigns: z.record(name, z.strictObject({ display: text, codes: z.array(observed).min(1) })).default({}),
  /** How patients are watched after contrast; nobody is where it is left out. */
  observation: z
    .strictObject({
      rows: z.array(observationRow).min(1),
      overdue: z.strictObject({ escalation: name }),
      /** Of contrast that became known later than this after it was given nobody is watched: the patient has gone. */
      knownWithinHours: z.number().positive().default(12),
    })
    .optional(),
  /** What becomes of a reaction beside its record; where it is left out nobody is asked, and every one is an allergy. */
  reactions: reactions.optional(),
});

/** A site's contrast policy, checked. */
export type ContrastPolicy = z.output<typeof policyFile>;
/** The same as it is written: what has a default may be left out. */
export type PolicyContent = z.input<typeof policyFile>;
/** One rule of any kind. */
export type PolicyRule = ContrastPolicy['rules'][number];
/** A rule of one kind. */
export type RuleOf<K extends PolicyRule['kind']> = Extract<PolicyRule, { kind: K }>;
/** What follows from a rule. */
export type Consequence = z.output<typeof consequence>;
export type Outcome = Consequence['outcome'];
export type Severity = keyof z.output<typeof bySeverity>;
export type MaxAgeDays = z.output<typeof maxAgeDays>;
export type PolicyCode = z.output<typeof code>;
export type Known = z.output<typeof known>;
export type Route = z.output<typeof route>;
export type Product = z.output<typeof product>;

/** From best to worst. */
export const outcomes: readonly Outcome[] = ['proceed', 'proceed-with-preparation', 'needs-decision', 'stop'];

/** The worst of several outcomes; proceed if there is none. */
export function worstOf(several: readonly Outcome[]): Outcome {
  return outcomes[Math.max(0, ...several.map((one) => outcomes.indexOf(one)))]!;
}
