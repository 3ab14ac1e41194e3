import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { IANAZone } from 'luxon';
import { contradictionsOf, type SiteMistake } from './site-contradictions.js';

const text = z.string().trim().min(1);
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3');
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
const zone = text.refine((name) => IANAZone.isValidZone(name), 'must be an IANA time zone, such as Europe/Berlin');
const port = z.int().min(1).max(65535);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a quoted time of day, such as '07:00'");
const coding = z.strictObject({ system: uri, code: text, display: text });

/** DICOM VR AE (PS3.5 section 6.2): at most 16 characters, no backslash, no control characters. */
const aeTitle = z
  .string()
  .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/, 'must be 1 to 16 printable ASCII characters without a backslash')
  .refine((title) => title.trim() === title, 'must not begin or end with a space');

const sender = z.strictObject({
  /** MSH-3. */
  application: text,
  /** MSH-4. */
  facility: text,
  /** Zone of the sender's times that carry no offset. */
  timeZone: zone.optional(),
  /** What this sender may send here; anything else is answered AR. Of ORU^R01 orders takes labs, results reports. */
  sends: z.array(z.enum(['orders', 'admissions', 'reports', 'labs'])).min(1),
  /**
   * What its order messages are answered with: `ACK`, or `ORDER` for the response that tells of each order (ORR^O02,
   * ORG^O20, ORI^O24).
   */
  orderAnswer: z.enum(['ACK', 'ORDER']).default('ACK'),
  /**
   * Name of the MLLP destination that is told what becomes of this sender's orders, and gets application
   * acknowledgements in enhanced mode.
   */
  repliesTo: text.optional(),
  /** The sender's own procedure codes, each to a code of `procedures`. */
  procedureCodes: z.record(text, text).default({}),
});

const procedure = z.strictObject({
  code: text,
  display: text,
  /** DICOM Modality (0008,0060). */
  modality: z.string().regex(/^[A-Z]{2,16}$/, 'must be a DICOM modality, such as CT'),
  durationMinutes: z.int().min(1).max(1440),
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
  preparation: text.optional(),
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

const station = z.strictObject({
  aeTitle,
  name: text,
  modalities: z.array(procedure.shape.modality).min(1),
  room: text,
  /** A unit that goes to the bedside instead of having the patient come to a room. */
  portable: z.boolean().default(false),
  opens: timeOfDay.default('00:00'),
  closes: timeOfDay.or(z.literal('24:00')).default('24:00'),
  /** A STAT exam may be put here outside the opening hours. */
  alwaysOpenForStat: z.boolean().default(true),
});

const destination = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      name: text,
      kind: z.literal('fhir'),
      url: httpUrl,
      timeoutSeconds: z.number().positive().default(10),
      /** Name of the environment variable that holds the bearer token. */
      bearerTokenEnv: text.optional(),
    }),
    z.strictObject({
      name: text,
      kind: z.literal('mllp'),
      host: text,
      port,
      /** MSH-5 and MSH-6 of what we send. */
      application: text,
      facility: text,
      ackTimeoutSeconds: z.number().positive().default(10),
      /** Beside the status of orders, which `repliesTo` of a sender asks for: results of exams, merges of patients. */
      gets: z.array(z.enum(['results', 'merges'])).default(['results']),
    }),
  ],
  { error: 'must be fhir or mllp' },
);

const siteFile = z.strictObject({
  name: text,
  timeZone: zone,
  accession: z.strictObject({
    prefix: z.string().regex(/^[A-Z0-9]{0,8}$/, 'must be up to 8 capital letters or digits'),
    /** Digits behind the prefix; prefix and digits together fit DICOM VR SH, 16 characters. */
    digits: z.int().min(4).max(16),
  }),
  authorities: z.record(text, uri),
  patientAuthority: text,
  senders: z.array(sender).min(1),
  procedures: z.array(procedure).min(1),
  stations: z.array(station).min(1),
  pacs: z.strictObject({
    name: text,
    qidoUrl: httpUrl,
    wadoUrl: httpUrl.optional(),
    /** How long one question may take, 15 unless given. */
    timeoutSeconds: z.number().positive().optional(),
    /** `{studyInstanceUid}` is replaced by the study's UID. */
    viewerUrl: z
      .string()
      .regex(/^https?:\/\/\S*\{studyInstanceUid\}\S*$/, 'must be an http or https URL that holds {studyInstanceUid}')
      .optional(),
    lookup: z
      .strictObject({
        firstAfterSeconds: z.number().min(0).default(2),
        everySeconds: z.number().positive().default(10),
        giveUpAfterSeconds: z.number().positive().default(1800),
      })
      .prefault({}),
  }),
  destinations: z.array(destination).default([]),
  /** What else makes an order wait for its placer, beside what procedures say of side, body part, sex and age. */
  orderReview: z
    .strictObject({
      /** The same procedure for the same patient again within this time may be a duplicate; never unless given. */
      duplicateWindowHours: z.number().positive().optional(),
      /** X-rays for a patient who is, or may be, pregnant. */
      pregnancy: z.boolean().default(true),
    })
    .prefault({}),
  retention: z
    .strictObject({
      /** How long HL7 v2 messages are kept, in days; for ever unless given. */
      messageDays: z.number().positive().optional(),
    })
    .prefault({}),
  /** MSH-3 and MSH-4 of what we send. */
  identity: z.strictObject({ application: text, facility: text }),
});

/** Everything about one hospital that is not infrastructure; see deploy/local/site.yaml for one with comments. */
export type Site = z.output<typeof siteFile>;
/** The same as it is written: what has a default may be left out. */
export type SiteContent = z.input<typeof siteFile>;
/** One system that sends HL7 v2 here. */
export type Sender = Site['senders'][number];
/** One procedure the department performs. */
export type SiteProcedure = Site['procedures'][number];
/** One modality or other station that asks for a worklist. */
export type Station = Site['stations'][number];
/** One system that gets results. */
export type Destination = Site['destinations'][number];

/** Thrown at start; the message lists every mistake as `path: reason`, one a line. */
export class SiteFileInvalid extends Error {
  override readonly name = 'SiteFileInvalid';
  constructor(
    path: string,
    readonly mistakes: string[],
  ) {
    super([`The site file ${path} cannot be used:`, ...mistakes.map((one) => `  ${one}`)].join('\n'));
  }
}

/**
 * Reads and checks the site file (YAML).
 *
 * @throws SiteFileInvalid naming every mistake with its path and reason
 */
export function loadSite(path: string): Site {
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SiteFileInvalid(path, [`(file): ${(error as Error).message.split('\n')[0]}`]);
  }
  return checkSite(content, path);
}

/**
 * Checks the content of a site file.
 *
 * @throws SiteFileInvalid naming every mistake with its path and reason
 */
export function checkSite(content: unknown, path = '(site)'): Site {
  const result = siteFile.safeParse(content);
  const mistakes = [
    ...(result.error?.issues ?? []).flatMap((issue) => mistakesOf(issue, content)),
    ...contradictionsOf(content),
  ];
  if (result.success && mistakes.length === 0) return result.data;
  throw new SiteFileInvalid(
    path,
    mistakes.map((one) => `${one.path || '(file)'}: ${one.reason}`),
  );
}

/** What one thing that zod found is to the person who wrote the file: its path, and the reason. */
export function mistakesOf(issue: z.core.$ZodIssue, content: unknown, file = 'the site file'): SiteMistake[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), reason: `is not a key of ${file} here` }));
  const found = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined | null)?.[key],
    content,
  );
  return [{ path: path.join('.'), reason: found === undefined ? 'is missing' : issue.message }];
}
