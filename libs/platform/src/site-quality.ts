import { z } from 'zod';
import { text } from './site-values.js';

const modality = z.string().regex(/^[A-Z]{2,16}$/, 'must be a DICOM modality, such as DX');

/** What is looked at in each study of these modalities before it is let go; each item is answered passed or failed. */
const qualityChecklist = z.strictObject({
  modalities: z.array(modality).min(1),
  items: z
    .array(z.strictObject({ code: text, display: text }))
    .min(1)
    .refine((items) => new Set(items.map(({ code }) => code)).size === items.length, 'must have each code once'),
});

/** Somebody is told where the share of rejected or repeated images is, beyond chance, above what the site accepts. */
const qualityAlarm = z.strictObject({
  measure: z.enum(['reject', 'repeat']),
  by: z.enum(['room', 'detector', 'view', 'reason']),
  /** Over the exposures of the last days. */
  windowDays: z.int().min(1).max(366),
  /** A share of 1, such as 0.08: told when the lower end of the 95 % interval is above it. */
  aboveShare: z.number().min(0).max(1),
  /** With fewer images in the window nothing is said. */
  minimumImages: z.int().min(1).default(50),
});

/** Which exposures are counted, and when an exposure index is out of range. */
const exposures = z
  .strictObject({
    /** Modalities whose images are exposures a technologist makes one by one. */
    modalities: z.array(modality).min(1).default(['CR', 'DX', 'IO', 'MG', 'PX']),
    /** Deviation Index (0018,1413) below and above which an image is listed as doubtful; none is unless given. */
    deviationIndex: z
      .strictObject({ low: z.number(), high: z.number() })
      .refine(({ low, high }) => low < high, 'low must be below high')
      .optional(),
  })
  .prefault({});

/** What the site file says of the quality of images. */
export const siteQuality = {
  qualityChecklists: z.array(qualityChecklist).default([]),
  qualityAlarms: z.array(qualityAlarm).default([]),
  exposures,
};

/** One row of what the site wants to be told of reject and repeat rates. */
export type QualityAlarm = z.output<typeof qualityAlarm>;
