import type { Endpoint, ImagingStudy, ImagingStudySeries } from 'fhir/r4.js';
import type { SeriesInPacs } from '#dicom';
import { dicomUidIdentifier, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import type { Failure, Site } from '#platform';

/** Where the search for one study stands. */
export interface StudyLookup {
  studyInstanceUid: string;
  state: 'searching' | 'found' | 'missing';
  attempts: number;
  /** When the exam was completed for us: the bound counts from here. */
  since: Date;
  /** What the modality says it made; a study is complete when the PACS has all of it. */
  expectedInstances: string[];
}

/** What follows from one answer of the PACS, or from none. */
export interface LookupDecision {
  state: StudyLookup['state'];
  /** When to ask again; absent when there is no need to. */
  next?: Date;
  /** What is to be told, once each. */
  event?: 'imaging.result.study-available.v1' | 'imaging.result.study-missing.v1';
}

/** A study given up is still asked for, so that one that comes late is not lost to the record. */
const LATE_EVERY_MS = 3_600_000;
const LATE_FOR_MS = 7 * 86_400_000;

/** Decides on what the PACS has of a study, none of it included. */
export function decideLookup(
  lookup: StudyLookup,
  found: readonly SeriesInPacs[],
  site: Site,
  now: Date,
): LookupDecision {
  // What was found and told stays so: an answer that was asked for before comes too late to say otherwise.
  if (lookup.state === 'found') return { state: 'found' };
  const there = new Set(found.flatMap((series) => series.instances.map((one) => one.sopInstanceUid)));
  const complete = there.size > 0 && lookup.expectedInstances.every((uid) => there.has(uid));
  if (complete) return { state: 'found', event: 'imaging.result.study-available.v1' };
  const { everySeconds, giveUpAfterSeconds } = site.pacs.lookup;
  const age = now.getTime() - lookup.since.getTime();
  const late = new Date(now.getTime() + LATE_EVERY_MS);
  if (lookup.state === 'missing') return { state: 'missing', ...(age < LATE_FOR_MS ? { next: late } : {}) };
  if (age >= giveUpAfterSeconds * 1000)
    return { state: 'missing', next: late, event: 'imaging.result.study-missing.v1' };
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
  if (failure.fate === 'retry' && lookup.state === 'searching')
    return { state: 'searching', next: new Date(now.getTime() + waitMs) };
  return decideLookup(lookup, [], site, now);
}

/**
 * A study, known before or not, with what an exam that adds to it says it made: `registered` until the PACS is seen to
 * have that too. Whose it is, an exam with an order says before one without: that may have been done under a wrong number.
 */
export function studyWith(known: ImagingStudy | undefined, made: ImagingStudy): ImagingStudy {
  if (!known) return { ...made, meta: undefined };
  const referredTo = known.basedOn?.map(({ reference }) => reference) ?? [];
  const others = (made.basedOn ?? []).filter(({ reference }) => !referredTo.includes(reference));
  const there = new Set(instancesOf(known));
  if (others.length === 0 && instancesOf(made).every((uid) => there.has(uid))) return known;
  const basedOn = [...(known.basedOn ?? []), ...others];
  return {
    ...known,
    ...(made.basedOn ? { subject: made.subject } : {}),
    status: 'registered',
    ...(basedOn.length > 0 ? { basedOn } : {}),
    ...counted(joined(known.series, made.series)),
  };
}

/** The study as the PACS has it; while it has not all of it, what the modality said is kept beside. */
export function studyFrom(
  known: ImagingStudy,
  found: readonly SeriesInPacs[],
  state: StudyLookup['state'],
  site: Site,
): ImagingStudy {
  const uid = studyInstanceUidOf(known)!;
  const series = found.map((one) => seriesFrom(one, known));
  const { wadoUrl } = site.pacs;
  const viewer = viewerUrlOf(uid, site);
  return {
    ...known,
    id: uuidFrom('ImagingStudy', uid),
    identifier: [dicomUidIdentifier(uid)],
    status: state === 'found' ? 'available' : 'registered',
    ...counted(state === 'found' ? series : joined(series, known.series)),
    ...(wadoUrl ? { contained: [wadoEndpoint(wadoUrl, uid)], endpoint: [{ reference: '#wado' }] } : {}),
    ...(viewer ? { extension: [{ url: VIEWER_LINK, valueUrl: viewer }] } : {}),
  };
}

/** What the PACS does not say of a series or an instance is as the modality said it. */
function seriesFrom(found: SeriesInPacs, known: ImagingStudy): ImagingStudySeries {
  const said = known.series?.find(({ uid }) => uid === found.seriesInstanceUid);
  const modality = found.modality ? { system: systems.dicomCode, code: found.modality } : said?.modality;
  const description = found.description ?? said?.description;
  return {
    uid: found.seriesInstanceUid,
    modality: modality ?? { display: 'unknown' },
    ...(description ? { description } : {}),
    numberOfInstances: found.instances.length,
    instance: found.instances.map(({ sopInstanceUid, sopClassUid }) => {
      const sopClass = sopClassUid
        ? { system: 'urn:ietf:rfc:3986', code: `urn:oid:${sopClassUid}` }
        : said?.instance?.find(({ uid }) => uid === sopInstanceUid)?.sopClass;
      return { uid: sopInstanceUid, sopClass: sopClass ?? { display: 'unknown' } };
    }),
  };
}

/** The first list of series, with the series and instances that only the second has. */
function joined(first: readonly ImagingStudySeries[] = [], second: readonly ImagingStudySeries[] = []) {
  const there = new Set(first.flatMap(({ instance = [] }) => instance.map(({ uid }) => uid)));
  const series = first.map((one) => {
    const others = second.find(({ uid }) => uid === one.uid)?.instance ?? [];
    const instance = [...(one.instance ?? []), ...others.filter(({ uid }) => !there.has(uid))];
    return { ...one, numberOfInstances: instance.length, instance };
  });
  return [...series, ...second.filter(({ uid }) => !first.some((one) => one.uid === uid))];
}

/** FHIR knows no empty list. */
function counted(series: ImagingStudySeries[]): Partial<ImagingStudy> {
  return {
    numberOfSeries: series.length,
    numberOfInstances: series.reduce((sum, one) => sum + (one.instance?.length ?? 0), 0),
    series: series.length > 0 ? series : undefined,
  };
}

function wadoEndpoint(wadoUrl: string, uid: string): Endpoint {
  return {
    resourceType: 'Endpoint',
    id: 'wado',
    status: 'active',
    connectionType: {
      system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
      code: 'dicom-wado-rs',
    },
    payloadType: [{ text: 'DICOM' }],
    address: `${wadoUrl.replace(/\/$/, '')}/studies/${uid}`,
  };
}

const VIEWER_LINK = 'urn:collimator:extension:viewer-link';

/** The site's link to the viewer for a study: it names the study by UID, never the patient. */
export function viewerUrlOf(studyInstanceUid: string, site: Site): string | undefined {
  return site.pacs.viewerUrl?.replaceAll('{studyInstanceUid}', encodeURIComponent(studyInstanceUid));
}

/** Every instance the modality says it made. */
export function instancesOf(study: ImagingStudy): string[] {
  return (study.series ?? []).flatMap((series) => (series.instance ?? []).map((one) => one.uid));
}
