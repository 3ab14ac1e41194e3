import { z } from 'zod';

export const text = z.string().trim().min(1);
export const name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be small letters, digits and dashes');
export const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI');
export const isoDate = z.string().regex(/^\d{4}-\d\d-\d\d$/, "must be a quoted date, such as '2026-11-25'");
export const years = z.number().min(0).max(130);
export const days = z.number().positive();

/** A code of a system; with `andBelow` also every code that begins with it, as in ICD-10. */
export const code = z.strictObject({ system: uri, code: text, andBelow: z.boolean().default(false) });
/** A code of what is observed. */
export const observed = z.strictObject({ system: uri, code: text }).transform((one) => ({ ...one, andBelow: false }));
/** What a thing is known by: codes, and names looked for as whole words in any text of it, in any case. */
export const known = z.strictObject({ codes: z.array(code).default([]), names: z.array(text).default([]) });

/** How contrast goes in; `enteric` is by mouth, tube or rectum. */
export const route = z.enum(['intravenous', 'intra-arterial', 'enteric', 'other']);
