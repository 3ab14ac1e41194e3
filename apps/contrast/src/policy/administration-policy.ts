import { z } from 'zod';
import { name, text } from './policy-values.js';

/** Rights of an administration that are looked at: the five, and what screening says of it. */
export const rights = ['patient', 'agent', 'dose', 'route', 'time', 'screening'] as const;
export type Right = (typeof rights)[number];

const minutes = z.number().min(0);
const ofEveryLimit = { source: name, note: text.optional() };
/**
 * How what is given is checked; without it nothing is compared but the patient. How much may be given for a weight is in
 * the rules `dose-by-weight`, so that screening and giving go by one limit.
 */
export const administration = z.strictObject({
  agent: z.strictObject({
    ...ofEveryLimit,
    /** May be given for the planned one: nothing else, or any of its group. */
    instead: z.enum(['same-agent', 'same-group']),
  }),
  patient: z.strictObject({
    ...ofEveryLimit,
    /** Whether a number off the patient, such as that of the wristband, must be stated before giving. */
    number: z.enum(['needed', 'if-stated']),
  }),
  time: z.strictObject({
    ...ofEveryLimit,
    /** How far ahead the clocks of those who state it may be. */
    aheadMinutes: minutes,
    /** From how long before the booked start until how long after it. */
    beforeMinutes: minutes,
    afterMinutes: minutes,
  }),
  /** From when on what was delivered differs from the plan: by more than this part of it. */
  tolerance: z.strictObject({ ...ofEveryLimit, dosePercent: minutes, ratePercent: minutes }),
  /** When two statements, of a person and of an injector, are of one injection. */
  sameInjection: z.strictObject({
    ...ofEveryLimit,
    /** Their times are not farther apart. */
    withinMinutes: minutes,
    /** Volumes that differ by more contradict each other. */
    doseMl: z.number().min(0),
  }),
  /** What a person who records it afterwards must give a reason for; everything else is recorded and flagged. */
  reasonNeeded: z.array(z.enum(rights).exclude(['patient'])).default([]),
});

/** How what is given is checked. */
export type AdministrationPolicy = z.output<typeof administration>;
