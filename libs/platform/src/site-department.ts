import { z } from 'zod';
import { postProcessing } from './site-results.js';
import { aeTitle, closingTime, coding, minutes, port, text, timeOfDay, uri, weekdays } from './site-values.js';

export const procedure = z.strictObject({
  code: text,
  display: text,
  /** DICOM Modality (0008,0060). */
  modality: z.string().regex(/^[A-Z]{2,16}$/, 'must be a DICOM modality, such as CT'),
  durationMinutes: minutes,
  /** Where it takes another time: by lane, or for children; the longest that applies is taken. */
  durations: z
    .strictObject({ emergency: minutes.optional(), inpatient: minutes.optional(), child: minutes.optional() })
    .default({}),
  /** What its station must have, such as an injector: keys of the `capabilities` of stations. */
  needs: z.array(text).default([]),
  /** How long the room is made ready after it, in minutes. */
  turnoverMinutes: z.int().min(0).max(1440).default(0),
  /** How long the patient prepares for it (fasting, oral contrast), in minutes; an emergency does not wait for it. */
  leadMinutes: z.int().min(0).max(20160).default(0),
  /** Its codes in other systems, such as LOINC or the RSNA Playbook: an order may name it by any of them. */
  codes: z.array(z.strictObject({ system: uri, code: text })).default([]),
  bodySite: coding.optional(),
  /** The side it is of; `either` where the order must say which. */
  laterality: z.enum(['left', 'right', 'either']).optional(),
  /** Whom it is for, where it is not for everybody. */
  sex: z.enum(['female', 'male']).optional(),
  ages: z
    .strictObject({ fromYears: z.number().min(0).default(0), toYears: z.number().positive().optional() })
    .optional(),
  protocol: z.strictObject({ code: text, scheme: text, display: text }).optional(),
  /** Who is to read it, such as neuro: the reading list can be asked for it. */
  subspecialty: text.optional(),
  postProcessing: z.array(postProcessing).default([]),
  preparation: text.optional(),
  /** Positioning aids, shielding and whatever else is laid out for it, as codes of a system or of the site. */
  setup: z.array(z.strictObject({ system: uri.optional(), code: text, display: text })).default([]),
  contrast: z
    .strictObject({
      agent: coding,
      /** Planned volume in millilitres. */
      doseMl: z.number().positive(),
      /** Planned injection rate in millilitres per second. */
      rateMlPerSecond: z.number().positive().optional(),
      route: coding,
    })
    .optional(),
});

export const station = z.strictObject({
  aeTitle,
  name: text,
  modalities: z.array(procedure.shape.modality).min(1),
  room: text,
  /** A unit that goes to the bedside instead of having the patient come to a room. */
  portable: z.boolean().default(false),
  /** What it has that not every station has, such as an injector. */
  capabilities: z.array(text).default([]),
  /** The station that stands in for it while it is closed: its AE title. */
  backup: text.optional(),
  /** Where it is told what is safely stored (DICOM storage commitment); without it, it cannot ask. */
  dicom: z.strictObject({ host: text, port }).optional(),
  opens: timeOfDay.default('00:00'),
  closes: closingTime.default('24:00'),
  /** Where the days of the week differ: these instead of opens and closes; a day in none of them is closed. */
  openingHours: z
    .array(z.strictObject({ days: z.array(z.enum(weekdays)).min(1), opens: timeOfDay, closes: closingTime }))
    .min(1)
    .optional(),
  /** A STAT exam may be put here outside the opening hours. */
  alwaysOpenForStat: z.boolean().default(true),
});

export const worklistView = z.strictObject({
  aeTitle,
  name: text,
  /** What it shows: the steps of these stations and rooms, of all where neither is given, */
  stations: z.array(text).min(1).optional(),
  rooms: z.array(text).min(1).optional(),
  /** of these modalities only, where they are given. */
  modalities: z.array(procedure.shape.modality).min(1).optional(),
});

export const qualityTest = z.strictObject({
  code: text,
  system: uri.default('urn:collimator:quality-test'),
  display: text,
  /** The stations that need it: those named, or all that have one of these modalities. */
  stations: z.array(text).min(1).optional(),
  modalities: z.array(procedure.shape.modality).min(1).optional(),
  /** Due again that many days after it was passed, */
  everyDays: z.int().min(1).max(3660),
  /** at that time of that day, in the site's zone. */
  dueAt: timeOfDay.or(z.literal('24:00')).default('24:00'),
  /** Within which a measured value passes, where the result does not say so itself. */
  limits: z.strictObject({ low: z.number().optional(), high: z.number().optional(), unit: text }).optional(),
});
