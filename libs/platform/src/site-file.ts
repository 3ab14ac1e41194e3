import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { injectorColumns } from './injector-columns.js';
import { contradictionsOf, type SiteMistake } from './site-contradictions.js';
import { destination } from './site-destination.js';
import { doseReferenceLevels } from './site-dose.js';
import { instructions } from './site-instructions.js';
import { siteQuality } from './site-quality.js';
import { criticalResult, postProcessing, reconciliation, remoteReading } from './site-results.js';
import { sender } from './site-sender.js';
import { httpUrl, port, text, uri, zone } from './site-values.js';

/** A time to keep something, in days. */
const days = z.number().positive();
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a quoted time of day, such as '07:00'");
const closingTime = timeOfDay.or(z.literal('24:00'));
const minutes = z.int().min(1).max(1440);
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const coding = z.strictObject({ system: uri, code: text, display: text });

/** DICOM VR AE (PS3.5 section 6.2): at most 16 characters, no backslash, no control characters. */
const aeTitle = z
  .string()
  .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/, 'must be 1 to 16 printable ASCII characters without a backslash')
  .refine((title) => title.trim() === title, 'must not begin or end with a space');

const procedure = z.strictObject({
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

const station = z.strictObject({
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

const worklistView = z.strictObject({
  aeTitle,
  name: text,
  /** What it shows: the steps of these stations and rooms, of all where neither is given, */
  stations: z.array(text).min(1).optional(),
  rooms: z.array(text).min(1).optional(),
  /** of these modalities only, where they are given. */
  modalities: z.array(procedure.shape.modality).min(1).optional(),
});

const qualityTest = z.strictObject({
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

const lowStock = z.strictObject({
  /** A room of a station, or a store. */
  room: text,
  /** Name of an agent in the contrast policy. */
  agent: text,
  /** Low at that many millilitres or fewer, unopened and left in what is open, */
  lowMl: z.number().min(0).optional(),
  /** or at that many unopened containers or fewer. */
  lowContainers: z.int().min(0).optional(),
});

const injector = z.strictObject({
  /** What its reports are sent as: `?injector=<name>`. */
  name: text,
  /** Whose token its own software sends with: what comes by it is said by the injector, not by a person. */
  client: text.optional(),
  /** Identifier system of its own numbers. */
  system: uri,
  /** As whom it reports by DICOM (Performed Imaging Agent Administration SR); by DICOM it does not unless given. */
  aeTitle: aeTitle.optional(),
  /** The station it stands at, by AE title. */
  station: aeTitle.optional(),
  /** Of times without one; the site's unless given. */
  timeZone: zone.optional(),
  /** Our column → the one its vendor writes; a column of ours needs no row. */
  columns: z.partialRecord(z.enum(injectorColumns), text).default({}),
  /** Values of a column of ours: what its vendor writes → what is meant. */
  values: z.partialRecord(z.enum(injectorColumns), z.record(text, text)).default({}),
  /** Of its pressures. */
  pressureUnit: z.enum(['kPa', 'psi', 'bar']).default('kPa'),
});

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
  pacs: z.strictObject({
    name: text,
    /** Where it is asked what it has, by QIDO-RS; else by C-FIND (`find`). One of both is given. */
    qidoUrl: httpUrl.optional(),
    /** A PACS without DICOMweb: where it answers C-FIND of the Study Root. */
    find: z
      .strictObject({
        host: text,
        port,
        aeTitle,
        /** Files in PEM: the authority that signed its certificate, and our own certificate and key where it wants one. */
        tls: z.strictObject({ caFile: text, certFile: text.optional(), keyFile: text.optional() }).optional(),
      })
      .optional(),
    /** Name of the environment variable that holds the Authorization header it wants by HTTP, such as `Basic …`. */
    authorizationEnv: text.optional(),
    /** Orthanc's own REST interface, whose changes are followed: what arrives is looked at without waiting. */
    orthanc: z.strictObject({ url: httpUrl, everySeconds: z.number().positive().default(5) }).optional(),
    /** Prior studies are looked for there too, by Patient ID, which by QIDO-RS is in the URL. */
    priors: z.boolean().default(false),
    /** Who may say by DICOM what is there of a study (Instance Availability Notification). */
    aeTitles: z.array(aeTitle).default([]),
    /** Where it is asked by DICOM whether a study that was found is safely stored; it is not asked unless given. */
    storageCommitment: z.strictObject({ host: text, port, aeTitle }).optional(),
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
        /** When a study that was found is looked at again, for what came or was rejected since. */
        againAfterSeconds: z.array(z.number().positive()).default([300, 3600, 21_600, 86_400, 604_800]),
        /** How long the PACS may have images before an exam that made them, or an order, must be known. */
        withoutExamAfterSeconds: z.number().min(0).default(3600),
      })
      .prefault({}),
  }),
  destinations: z.array(destination).default([]),
  /** Contrast media injectors that say themselves what they gave. */
  injectors: z.array(injector).default([]),
  criticalResults: z.array(criticalResult).default([]),
  remoteReading: z.array(remoteReading).default([]),
  doseReferenceLevels,
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
      inboxDays: z.number().min(90, 'must be at least 90: an event that comes again later would take effect twice').default(120), // prettier-ignore
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
