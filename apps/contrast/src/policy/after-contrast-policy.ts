import { z } from 'zod';
import { name, observed, route, text } from './policy-elements.js';

/** Of a week at most; parts of a minute are allowed. */
const minutes = z
  .number()
  .positive()
  .max(7 * 24 * 60);
/** Who is asked one after the other to acknowledge something, and how long each of them has. */
export const escalationPlan = z.strictObject({
  source: name,
  note: text.optional(),
  levels: z.array(z.strictObject({ ask: text, acknowledgeWithinMinutes: minutes })).min(1),
  /** Behind the last level, which is asked again and again. */
  againEveryMinutes: minutes,
});

/** How long a patient is watched after contrast; of the rows that are about them the longest counts. */
const observationRow = z.strictObject({
  id: name,
  source: name,
  note: text.optional(),
  /** Agent groups it is for; all unless given, also an agent that the policy does not have. */
  groups: z.array(name).min(1).optional(),
  /** Routes it is for; all unless given, also one that the policy does not have. */
  routes: z.array(route).min(1).optional(),
  /** Only those of whom a reaction of before to the class of the agent is known. */
  afterReaction: z.boolean().default(false),
  forMinutes: minutes,
  /** What is measured, how many minutes after contrast, and how late it may be. */
  vitalSigns: z
    .strictObject({
      atMinutes: z.array(z.number().min(0)).min(1),
      withinMinutes: minutes,
      measure: z.array(name).min(1),
    })
    .optional(),
});

/** Kinds of reactions: by hypersensitivity, by what the agent does to anybody, beside the vessel, or not said. */
const reactionKind = z.enum(['allergic-like', 'physiologic', 'extravasation', 'unknown']);

/** What becomes of a reaction beside its record. */
export const reactions = z.strictObject({
  source: name,
  note: text.optional(),
  severities: z.record(
    z.enum(['mild', 'moderate', 'severe']),
    z.strictObject({
      /** Name of a plan in `escalation`: who is asked to see to it. */
      escalation: name,
      /** What the patient risks when given the same again (FHIR R4 AllergyIntolerance.criticality). */
      criticality: z.enum(['low', 'high', 'unable-to-assess']),
    }),
  ),
  /** Which kinds make an allergy, or an intolerance, that the EMR and every later screening learn of. */
  makeAllergyOf: z.array(reactionKind.exclude(['extravasation'])),
  /** What people call what they see, as SNOMED CT. */
  manifestations: z
    .array(
      z.strictObject({
        code: z.string().regex(/^\d{6,18}$/, 'must be a SNOMED CT concept id'),
        display: text,
        names: z.array(text).default([]),
      }),
    )
    .min(1),
  /** The modality says that there was a reaction and nobody has recorded it: who is asked to. */
  unrecorded: z.strictObject({ escalation: name }),
  extravasation: z.strictObject({
    source: name,
    note: text.optional(),
    /** When the arm is looked at again, in hours after contrast, and how late that may be. */
    followUpHours: z
      .array(
        z
          .number()
          .positive()
          .max(24 * 14),
      )
      .min(1),
    withinMinutes: minutes,
    escalation: name,
  }),
});

/** A vital sign with its LOINC codes: one of them is the measure. */
export const vitalSign = z.strictObject({ display: text, codes: z.array(observed).min(1) });

/** How patients are watched after contrast, and who is asked where nobody says that they may go. */
export const observation = z.strictObject({
  rows: z.array(observationRow).min(1),
  overdue: z.strictObject({ escalation: name }),
  /** Of contrast that became known later than this after it was given nobody is watched: the patient has gone. */
  knownWithinHours: z.number().positive().default(12),
});

/** Who is asked what nobody has acknowledged. */
export type PolicyEscalation = z.output<typeof escalationPlan>;
/** How long whom. */
export type ObservationRow = z.output<typeof observationRow>;
/** What becomes of reactions. */
export type ReactionPolicy = z.output<typeof reactions>;
export type ReactionKind = z.output<typeof reactionKind>;
