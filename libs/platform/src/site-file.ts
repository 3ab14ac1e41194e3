import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { contradictionsOf, type SiteMistake } from './site-contradictions.js';
import { injector, lowStock } from './site-contrast.js';
import { procedure, qualityTest, station, worklistView } from './site-department.js';
import { destination } from './site-destination.js';
import { doseReferenceLevels } from './site-dose.js';
import { instructions } from './site-instructions.js';
import { pacs } from './site-pacs.js';
import { siteQuality } from './site-quality.js';
import { staffDose } from './site-staff-dose.js';
import { criticalResult, reconciliation, remoteReading } from './site-results.js';
import { sender } from './site-sender.js';
import { minutes, text, uri, zone } from './site-values.js';

/** A time to keep something, in days. */
const days = z.number().positive();
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
  /** Who asks for a worklist without being a station, such as a console of several, and what it is shown. */
  worklistViews: z.array(worklistView).default([]),
  /** Tests of the equipment: one that failed or is overdue closes its station. */
  qualityControl: z.array(qualityTest).default([]),
  /** What an exam of a patient in isolation does to its room; nothing unless given. */
  turnover: z
    .strictObject({
      /** How long the cleaning takes; `scheduling.isolationTurnoverMinutes` unless given. */
      isolationMinutes: minutes.optional(),
      /** The room opens by itself when the time is over; else only when its cleaning Task is completed. */
      autoRelease: z.boolean().default(false),
    })
    .optional(),
  /** A station is closed while nobody on the roster is certified for it; else readiness only warns. */
  requireCertified: z.boolean().default(false),
  /** How far ahead the exams of a station that is closed until further notice are booked anew, in hours. */
  rebookAheadHours: z.number().positive().max(1440).default(24),
  pacs,
  destinations: z.array(destination).default([]),
  /** Contrast media injectors that say themselves what they gave. */
  injectors: z.array(injector).default([]),
  criticalResults: z.array(criticalResult).default([]),
  remoteReading: z.array(remoteReading).default([]),
  doseReferenceLevels,
  /** Doses of the staff by their personal dosimeters; none are taken unless given. */
  staffDose: staffDose.optional(),
  instructions: instructions.optional(),
  reconciliation: reconciliation.optional(),
  ...siteQuality,
  /** What else makes an order wait for its placer, beside what procedures say of side, body part, sex and age. */
  orderReview: z
    .strictObject({
      /** The same procedure for the same patient again within this time may be a duplicate; never unless given. */
      duplicateWindowHours: z.number().positive().optional(),
      /** X-rays for a patient who is, or may be, pregnant. */
      pregnancy: z.boolean().default(true),
    })
    .prefault({}),
  /** How times are found for what comes without one. */
  scheduling: z
    .strictObject({
      /** Cleaning after a patient in isolation, in minutes; at least the procedure's own turnover. */
      isolationTurnoverMinutes: z.int().min(0).max(1440).default(30),
      /** An emergency has outpatients' exams moved where it would else wait longer than this, in minutes. */
      emergencyWaitMinutes: z.int().min(0).max(1440).default(60),
      /** Exams of one outpatient are put next to each other, at most this far apart, in minutes. */
      sameVisitGapMinutes: z.int().min(0).max(480).default(60),
      /** How much longer than needed an outpatient waits for that, in days; 0: not at all. */
      sameVisitWithinDays: z.int().min(0).max(60).default(7),
      /** Until which birthday a patient is a child. */
      childUntilYears: z.int().min(1).max(21).default(12),
      /** Days on which only what is open for STAT works, such as public holidays. */
      closedDays: z.array(z.strictObject({ date: z.iso.date(), reason: text })).default([]),
    })
    .prefault({}),
  /** Stock of contrast media, beside what the contrast policy says of the products. */
  supplies: z
    .strictObject({
      /** Places that hold stock beside the rooms of stations. */
      stores: z.array(text).default([]),
      /** At how little of an agent, in a room, the site wants to be told. */
      low: z.array(lowStock).default([]),
    })
    .prefault({}),
  unscheduled: z
    .strictObject({
      /** A patient's step within this time of an exam without an order may be that exam; none unless given. */
      matchWithinHours: z.number().positive().optional(),
    })
    .prefault({}),
  /** How long what is over is kept, in days. What is not over, such as a delivery that waits, is always kept. */
  retention: z
    .strictObject({
      /** HL7 v2 messages, in and out; for ever unless given. */
      messageDays: days.optional(),
      /** Who looked at or changed which patient's data; for ever unless given. */
      auditDays: days.optional(),
      /** Messages to other systems, with what they say of patients, after they were delivered or skipped. */
      deliveryDays: days.default(30),
      /** Events after they were published. */
      outboxDays: days.default(14),
      /** Which events were handled: longer than topics and replays reach back, or an event takes effect twice. */
      inboxDays: z
        .number()
        .min(90, 'must be at least 90: an event that comes again later would take effect twice')
        .default(120),
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
/** One AE title that sees the worklist of several stations. */
export type WorklistView = Site['worklistViews'][number];
/** One contrast media injector that says itself what it gave. */
export type Injector = Site['injectors'][number];
/** One test of the equipment. */
export type QualityTest = Site['qualityControl'][number];
/** One kind of finding that somebody has to hear of. */
export type CriticalResult = Site['criticalResults'][number];
/** Who reads elsewhere, what and when. */
export type RemoteReading = Site['remoteReading'][number];
/** What patients are told before and after an exam, each in one language. */
export type InstructionTemplate = NonNullable<Site['instructions']>['templates'][number];
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
