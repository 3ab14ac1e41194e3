import { z } from 'zod';
import { text, uri } from './site-values.js';

const minutes = z.int().min(1).max(43200);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a quoted time of day, such as '07:00'");
const weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
const modality = z.string().regex(/^[A-Z]{2,16}$/, 'must be a DICOM modality, such as CT');

/** Findings that somebody has to hear of, and to say that they did; the first row that fits a report counts. */
export const criticalResult = z
  .strictObject({
    /** What the site calls it, such as ACR-1. */
    category: text,
    display: text,
    /** Whose reports it is read from: MSH-3 of senders or clients by FHIR; everybody's unless given. */
    from: z.array(text).min(1).optional(),
    /** Flags that say so (OBX-8, Observation.interpretation), such as AA, HH and LL. */
    flags: z.array(text).default([]),
    /** Coded findings, conclusions or categories that say so, such as RadLex RID49480. */
    codes: z.array(z.strictObject({ system: uri.optional(), code: text })).default([]),
    priority: z.enum(['routine', 'urgent', 'asap', 'stat']).default('stat'),
    /** Who is asked one after the other; `orderer` is who ordered the exam. */
    levels: z.array(z.strictObject({ ask: text, acknowledgeWithinMinutes: minutes })).min(1),
    /** How often the last one is asked again. */
    againEveryMinutes: minutes.default(30),
  })
  .refine(({ flags, codes }) => flags.length + codes.length > 0, 'must have flags or codes');

/** Studies that somebody elsewhere reads (teleradiology); the first row that fits a study counts. */
export const remoteReading = z.strictObject({
  organization: text,
  /** Its number, where the site has one. */
  identifier: z.strictObject({ system: uri, value: text }).optional(),
  /** All unless given. */
  modalities: z.array(modality).min(1).optional(),
  subspecialties: z.array(text).min(1).optional(),
  priorities: z
    .array(z.enum(['routine', 'urgent', 'asap', 'stat']))
    .min(1)
    .optional(),
  /** When the study comes, in the site's zone: days and hours (over midnight where `to` is not later); always unless given. */
  days: z.array(weekday).min(1).optional(),
  from: timeOfDay.default('00:00'),
  to: timeOfDay.default('00:00'),
  /** What is not read by then comes back. */
  readWithinMinutes: minutes,
});

/** What is made of the images of a procedure, each time it was done. */
export const postProcessing = z.strictObject({ code: text, display: text });

/** When what is here is compared with the PACS and with who is told by FHIR, each night. */
export const reconciliation = z.strictObject({
  /** In the site's zone. */
  at: timeOfDay,
  /** How many days up to yesterday are looked at. */
  days: z.int().min(1).max(31).default(2),
});
