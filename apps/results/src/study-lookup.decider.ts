import type { Endpoint, ImagingStudy, ImagingStudySeries } from 'fhir/r4.js';
import type { QidoSeries } from '#dicom';
import { dicomUidIdentifier, systems, uuidFrom } from '#fhir';
import type { Site } from '#platform';

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

/** What follows from one answer of the PACS. */
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
export function decideLookup(lookup: StudyLookup, found: readonly QidoSeries[], site: Site, now: Date): LookupDecision {
  const there = new Set(found.flatMap((series) => series.instances.map((one) => one.sopInstanceUid)));
  const complete = there.size > 0 && lookup.expectedInstances.every((uid) => there.has(uid));
  if (complete) return { state: 'found', event: 'imaging.result.study-available.v1' };
  const { everySeconds, giveUpAfterSeconds } = site.pacs.lookup;
  const age = now.getTime() - lookup.since.getTime();
  if (lookup.state === 'missing')
    return { state: 'missing', ...(age < LATE_FOR_MS ? { next: new Date(now.getTime() + LATE_EVERY_MS) } : {}) };
  if (age >= giveUpAfterSeconds * 1000)
    return {
      state: 'missing',
      next: new Date(now.getTime() + LATE_EVERY_MS),
      event: 'imaging.result.study-missing.v1',
    };
  return { state: 'searching', next: new Date(now.getTime() + everySeconds * 1000) };
}

/** The study as the PACS has it; what the modality said is kept for what the PACS has not. */
export function studyFrom(
  known: ImagingStudy,
  found: readonly QidoSeries[],
  state: StudyLookup['state'],
  site: Site,
): ImagingStudy {
  const uid = known.identifier![0]!.value!.replace('urn:oid:', '');
  const series = found.map((one): ImagingStudySeries => ({
    uid: one.seriesInstanceUid,
    modality: { system: systems.dicomCode, code: one.modality ?? 'OT' },
    ...(one.description ? { description: one.description } : {}),
    numberOfInstances: one.instances.length,
    instance: one.instances.map((instance) => ({
      uid: instance.sopInstanceUid,
      sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${instance.sopClassUid ?? ''}` },
    })),
  }));
  const { wadoUrl } = site.pacs;
  const viewer = viewerUrlOf(uid, site);
  return {
    ...known,
    id: uuidFrom('ImagingStudy', uid),
    identifier: [dicomUidIdentifier(uid)],
    status: state === 'found' ? 'available' : 'registered',
    numberOfSeries: series.length,
    numberOfInstances: series.reduce((sum, one) => sum + one.numberOfInstances!, 0),
    series,
    ...(wadoUrl ? { contained: [wadoEndpoint(wadoUrl, uid)], endpoint: [{ reference: '#wado' }] } : {}),
    ...(viewer ? { extension: [{ url: VIEWER_LINK, valueUrl: viewer }] } : {}),
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
