import type { ImagingStudy } from 'fhir/r4.js';
import type { SeriesInPacs } from '#dicom';
import type { EventType } from '#events';
import { sameContent } from '#fhir';
import type { Failure, Site } from '#platform';
import type { Rejected } from './rejection.decider.js';
import type { AlertKind } from './study-alert.decider.js';

/** Where the search for one study stands. */
export interface StudyLookup {
  studyInstanceUid: string;
  state: 'searching' | 'found' | 'missing';
  attempts: number;
  /** When the exam was completed for us: the bound counts from here. */
  since: Date;
  /** What the modality says it made; a study is complete when the PACS has all of it. */
  expectedInstances: string[];
  /** When the study was found, or was last seen to have changed since. */
  foundAt?: Date | null;
  /** When it was told available, undefined if it never was. */
  toldAt?: Date | null;
}

/** What there is of a study at one look. */
export interface Look {
  /** What the PACS has, with what was rejected of it. */
  found: readonly SeriesInPacs[];
  rejected: Rejected;
}

/** What follows from one answer of the PACS, or from none. */
export interface LookupDecision {
  state: StudyLookup['state'];
  /** When to ask again; absent when there is no need to. */
  next?: Date;
}

/** A study given up is still asked for, so that one that comes late is not lost to the record. */
const LATE_EVERY_MS = 3_600_000;
const LATE_FOR_MS = 7 * 86_400_000;

/**
 * Decides on what the PACS has of a study, none of it included. What was rejected counts as come: nobody is to wait for
 * it. A study that was found stays so, and is looked at again at the times the site says, for what came since.
 */
export function decideLookup(lookup: StudyLookup, look: Look, site: Site, now: Date): LookupDecision {
  if (lookup.state === 'found') return { state: 'found', ...againAfter(lookup.foundAt ?? lookup.since, site, now) };
  if (isComplete(lookup, look)) return { state: 'found', ...againAfter(now, site, now) };
  const { everySeconds, giveUpAfterSeconds } = site.pacs.lookup;
  const age = now.getTime() - lookup.since.getTime();
  const late = new Date(now.getTime() + LATE_EVERY_MS);
  if (lookup.state === 'missing') return { state: 'missing', ...(age < LATE_FOR_MS ? { next: late } : {}) };
  if (age >= giveUpAfterSeconds * 1000) return { state: 'missing', next: late };
  return { state: 'searching', next: new Date(now.getTime() + everySeconds * 1000) };
}

/**
 * Decides on a look-up that failed. A failure that passes by itself (fate retry: the PACS is away, busy or in trouble)
 * says nothing about the study: it is asked for again after the wait, for as long as it takes, and never told missing.
 * Any other will not pass by itself, and counts as an answer that has nothing of the study.
 */
export function decideFailedLookup(
  lookup: StudyLookup,
  failure: Failure,
  waitMs: number,
  site: Site,
  now: Date,
): LookupDecision {
  if (failure.fate === 'retry' && lookup.state !== 'missing')
    return { state: lookup.state, next: new Date(now.getTime() + waitMs) };
  return decideLookup(lookup, { found: [], rejected: new Map() }, site, now);
}

/** What is to be told after a look, each state of a study once; undefined for nothing new. */
export function tellingAfter(
  lookup: StudyLookup,
  state: StudyLookup['state'],
  before: ImagingStudy,
  after: ImagingStudy,
): EventType | undefined {
  if (state === 'missing') return lookup.state === 'missing' ? undefined : 'imaging.result.study-missing.v1';
  if (state === 'searching' || sameContent(before, after)) return undefined;
  if (after.status === 'available') return 'imaging.result.study-available.v1';
  // What was never told available need not be taken back; what is withdrawn stays so, however many documents reject it.
  const wasWithdrawn = before.status === after.status;
  return lookup.toldAt && !wasWithdrawn ? 'imaging.result.study-withdrawn.v1' : undefined;
}

/**
 * What is wrong between an exam and its images; undefined where nothing is, or where it is too early to say. A PACS that
 * suddenly has nothing of a study that was found is no reason to take the study back, but somebody has to look.
 */
export function alertAfter(
  { expectedInstances }: StudyLookup,
  state: StudyLookup['state'],
  { found, rejected }: Look,
): AlertKind | undefined {
  if (state === 'searching') return undefined;
  const there = instancesIn(found);
  const isAllRejected = there.size === 0 && rejected.size > 0;
  if (there.size === 0 && !isAllRejected) return 'completed-without-images';
  return expectedInstances.every((uid) => there.has(uid) || rejected.has(uid))
    ? undefined
    : 'fewer-images-than-performed';
}

function isComplete({ expectedInstances }: StudyLookup, { found, rejected }: Look): boolean {
  const there = instancesIn(found);
  return there.size + rejected.size > 0 && expectedInstances.every((uid) => there.has(uid) || rejected.has(uid));
}

/** The first of the site's times, counted from when the study was found or last changed, that is still to come. */
function againAfter(since: Date, site: Site, now: Date): { next?: Date } {
  const times = site.pacs.lookup.againAfterSeconds.map((seconds) => new Date(since.getTime() + seconds * 1000));
  const next = times.sort((a, b) => a.getTime() - b.getTime()).find((time) => time > now);
  return next ? { next } : {};
}

function instancesIn(found: readonly SeriesInPacs[]): Set<string> {
  return new Set(found.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid)));
}
