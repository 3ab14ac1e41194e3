import { z } from 'zod';
import { doseMeasures, doseUnitsFor } from './dose-measures.js';
import { text } from './site-values.js';

/**
 * One diagnostic reference level: what dose of what exam, of patients of what age and weight, is looked at. A row without
 * age and weight is for adults.
 */
const doseReferenceLevel = z
  .strictObject({
    /** For one procedure of the department, by its code, */
    procedure: text.optional(),
    /** or for one protocol, as the scanner calls it; upper and lower case are the same. */
    protocol: text.optional(),
    /** From this birthday, */
    ageFromYears: z.number().min(0).optional(),
    /** until before that one. */
    ageToYears: z.number().positive().optional(),
    /** From this weight on, and below that one, in kilograms. */
    weightFromKg: z.number().min(0).optional(),
    weightToKg: z.number().positive().optional(),
    measure: z.enum(doseMeasures),
    level: z.number().positive(),
    /** UCUM. */
    unit: text,
    /** Who says so, and when: such as `BfS 2022`. */
    source: text,
  })
  .superRefine((row, { addIssue }) => {
    if ((row.procedure === undefined) === (row.protocol === undefined))
      addIssue({ code: 'custom', path: ['procedure'], message: 'must be given, or else protocol, and not both' });
    if (row.ageFromYears !== undefined && row.ageToYears !== undefined && row.ageFromYears >= row.ageToYears)
      addIssue({ code: 'custom', path: ['ageToYears'], message: 'must be more than ageFromYears' });
    if (row.weightFromKg !== undefined && row.weightToKg !== undefined && row.weightFromKg >= row.weightToKg)
      addIssue({ code: 'custom', path: ['weightToKg'], message: 'must be more than weightFromKg' });
    const units = doseUnitsFor(row.measure);
    if (!units.includes(row.unit))
      addIssue({ code: 'custom', path: ['unit'], message: `must be one of ${units.join(', ')}` });
  });

/** The diagnostic reference levels of a site; none unless given: they are the site's, or its country's, to set. */
export const doseReferenceLevels = z.array(doseReferenceLevel).default([]);

/** One of them. */
export type DoseReferenceLevel = z.output<typeof doseReferenceLevel>;
