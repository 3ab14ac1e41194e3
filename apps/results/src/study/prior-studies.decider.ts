import type { Coding, DiagnosticReport, ImagingStudy } from 'fhir/r4.js';
import type { StudyInPacs } from '#dicom';
import { studyInstanceUidOf } from '#fhir';
import type { Site } from '#platform';
import { timeInZone, viewerUrlOf } from './imaging-study.decider.js';

/** How much an earlier study has to do with the one that is read, most first. */
const relevances = ['same-body-site-and-modality', 'same-body-site', 'same-modality', 'other'] as const;

/** An earlier study of the patient, for who reads the new one. */
export interface PriorStudy {
  studyInstanceUid: string;
  relevance: (typeof relevances)[number];
  /** With zone; a date alone where no time is known. */
  started?: string;
  modalities: string[];
  bodySites: string[];
  description?: string;
  numberOfSeries?: number;
  numberOfInstances?: number;
  viewerUrl?: string;
  wadoUrl?: string;
  /** Newest last. */
  reports: { id: string; status: string }[];
  /** True where only the PACS knows it. */
  onlyInPacs: boolean;
}

/** What is known of a patient's studies. */
export interface KnownStudies {
  studies: readonly ImagingStudy[];
  reports: readonly DiagnosticReport[];
  inPacs: readonly StudyInPacs[];
}

/**
 * The studies before one, those of the same body site and modality first, then by body site, by modality, and the rest;
 * among these the newest first. What was withdrawn, what nobody has seen in the PACS yet, and what came later is left
 * out; one whose time is unknown is not, for it may be an earlier one.
 */
export function priorsOf(current: ImagingStudy, { studies, reports, inPacs }: KnownStudies, site: Site): PriorStudy[] {
  const own = studyInstanceUidOf(current);
  const stored = new Map(studies.map((one) => [studyInstanceUidOf(one), one]));
  const available = studies.filter(({ status }) => status === 'available');
  const fromStore = available.map((one) => priorFrom(one, current, reports, site));
  const others = inPacs.filter(({ studyInstanceUid }) => !stored.has(studyInstanceUid));
  const fromPacs = others.map((one) => priorInPacs(one, current, site));
  const unique = new Map([...fromPacs, ...fromStore].map((one) => [one.studyInstanceUid, one]));
  return [...unique.values()]
    .filter(({ studyInstanceUid, started }) => studyInstanceUid !== own && isBefore(started, current.started))
    .sort(
      (a, b) =>
        relevances.indexOf(a.relevance) - relevances.indexOf(b.relevance) ||
        (b.started ?? '').localeCompare(a.started ?? '') ||
        a.studyInstanceUid.localeCompare(b.studyInstanceUid),
    );
}

function priorFrom(study: ImagingStudy, current: ImagingStudy, reports: readonly DiagnosticReport[], site: Site) {
  const uid = studyInstanceUidOf(study)!;
  const orders = (study.basedOn ?? []).map(({ reference }) => reference);
  const isOf = ({ basedOn = [], imagingStudy = [] }: DiagnosticReport) =>
    imagingStudy.some(({ reference }) => reference === `ImagingStudy/${study.id}`) ||
    basedOn.some(({ reference }) => orders.includes(reference));
  const sites = sitesOf(study);
  return {
    ...linksOf(uid, site),
    relevance: relevanceOf(sharesSite(study, current), sharesModality(modalitiesOf(study), current)),
    ...(study.started ? { started: study.started } : {}),
    modalities: modalitiesOf(study),
    bodySites: [...new Set(sites.map(({ display, code }) => display ?? code ?? ''))],
    ...(study.description ? { description: study.description } : {}),
    numberOfSeries: study.numberOfSeries,
    numberOfInstances: study.numberOfInstances,
    reports: reports.filter(isOf).map(({ id, status }) => ({ id: id!, status })),
    onlyInPacs: false,
  } satisfies PriorStudy;
}

function priorInPacs(study: StudyInPacs, current: ImagingStudy, site: Site): PriorStudy {
  const started = timeInZone(study.startedAt, site);
  return {
    ...linksOf(study.studyInstanceUid, site),
    relevance: relevanceOf(false, sharesModality(study.modalities, current)),
    ...(started ? { started } : {}),
    modalities: study.modalities,
    bodySites: [],
    ...(study.description ? { description: study.description } : {}),
    numberOfSeries: study.numberOfSeries,
    numberOfInstances: study.numberOfInstances,
    reports: [],
    onlyInPacs: true,
  };
}

function linksOf(studyInstanceUid: string, site: Site) {
  const viewerUrl = viewerUrlOf(studyInstanceUid, site);
  const { wadoUrl } = site.pacs;
  return {
    studyInstanceUid,
    ...(viewerUrl ? { viewerUrl } : {}),
    ...(wadoUrl ? { wadoUrl: `${wadoUrl.replace(/\/$/, '')}/studies/${studyInstanceUid}` } : {}),
  };
}

function relevanceOf(isSameSite: boolean, isSameModality: boolean): PriorStudy['relevance'] {
  if (isSameSite) return isSameModality ? 'same-body-site-and-modality' : 'same-body-site';
  return isSameModality ? 'same-modality' : 'other';
}

function sharesSite(study: ImagingStudy, current: ImagingStudy): boolean {
  const key = ({ code, display }: Coding) => code ?? display?.toLowerCase();
  const sites = sitesOf(study).map(key);
  return sitesOf(current).some((one) => key(one) !== undefined && sites.includes(key(one)));
}

/** What is about images, not images, makes no study alike. */
const notImages = ['SR', 'KO', 'PR', 'DOC', 'OT'];

function sharesModality(modalities: readonly string[], current: ImagingStudy): boolean {
  return modalitiesOf(current).some((one) => !notImages.includes(one) && modalities.includes(one));
}

function modalitiesOf({ series = [] }: ImagingStudy): string[] {
  return [...new Set(series.flatMap(({ modality }) => modality.code ?? []))];
}

function sitesOf({ series = [] }: ImagingStudy): Coding[] {
  return series.flatMap(({ bodySite }) => bodySite ?? []);
}

/** A date without a time counts as a whole day. */
function isBefore(started: string | undefined, current: string | undefined): boolean {
  if (!started || !current) return true;
  if (started.length === 10 || current.length === 10) return started.slice(0, 10) <= current.slice(0, 10);
  return Date.parse(started) <= Date.parse(current);
}
