import type { DicomJson } from './dicom-json.js';

/** One series of a study as the PACS has it; what it does not say is left out. */
export interface SeriesInPacs {
  seriesInstanceUid: string;
  modality?: string;
  description?: string;
  number?: number;
  /** Body Part Examined (0018,0015), a defined term of PS3.16 annex L. */
  bodyPart?: string;
  /** Laterality (0020,0060): R or L. */
  laterality?: string;
  /** The modality's local time without zone, `YYYY-MM-DDTHH:MM:SS`. */
  startedAt?: string;
  /** Operators' Name (0008,1070): who ran the modality, as `Family^Given`. */
  operator?: string;
  instances: InstanceInPacs[];
}

export interface InstanceInPacs {
  sopInstanceUid: string;
  sopClassUid?: string;
  number?: number;
  /** How it was exposed, of projection radiographs and where the PACS says any of it. */
  exposure?: ExposureInPacs;
}

/** What a radiograph says of its exposure (PS3.3 sections C.8.11.7 and C.8.11.3, IEC 62494-1). */
export interface ExposureInPacs {
  /** View Position (0018,5101), such as PA. */
  view?: string;
  /** Image Laterality (0020,0062): R, L, U or B. */
  laterality?: string;
  /** Detector ID (0018,700A). */
  detector?: string;
  /** Exposure Index (0018,1411), Target Exposure Index (0018,1412) and Deviation Index (0018,1413): without unit. */
  exposureIndex?: number;
  targetExposureIndex?: number;
  deviationIndex?: number;
  /** Acquisition Date and Time (0008,0022 and 0008,0032), local without zone. */
  acquiredAt?: string;
}

/** One study as the PACS lists it. */
export interface StudyInPacs {
  studyInstanceUid: string;
  accessionNumber?: string;
  patientId?: string;
  modalities: string[];
  description?: string;
  /** The modality's local time without zone; a date alone where no time is said. */
  startedAt?: string;
  numberOfSeries?: number;
  numberOfInstances?: number;
}

/** What can be asked of a PACS, whatever it speaks. Every question may fail as {@link PacsQuery.seriesOf}. */
export interface PacsQuery {
  /**
   * The series of a study with their instances; none if the PACS does not have it (yet).
   *
   * @throws Failure peer-unavailable, peer-busy, peer-denied, peer-error, peer-timeout (retry); peer-refused,
   *   peer-answer-malformed (park)
   */
  seriesOf(studyInstanceUid: string): Promise<SeriesInPacs[]>;
  /** The study an instance belongs to; undefined if the PACS does not have the instance (yet). */
  studyOf(sopInstanceUid: string): Promise<string | undefined>;
  /** A study as it is listed; undefined if the PACS does not have it (yet). */
  study(studyInstanceUid: string): Promise<StudyInPacs | undefined>;
  /** The studies under exactly this Patient ID; none for a number that would be read as a wildcard. */
  studiesOfPatient(patientId: string): Promise<StudyInPacs[]>;
  /** The studies of these days, `YYYY-MM-DD` by the modalities' local time, both included; one without a date is in none. */
  studiesBetween(from: string, to: string): Promise<StudyInPacs[]>;
  /** The data set of one instance without its bulk data; undefined where this way of asking cannot give it. */
  contentOf?(instance: {
    studyInstanceUid: string;
    seriesInstanceUid: string;
    sopInstanceUid: string;
  }): Promise<DicomJson | undefined>;
}

/** `*` and `?` match others than the one patient (PS3.4 section C.2.2.2.4), and a backslash makes two values of one. */
export function isPlainKey(value: string): boolean {
  return value.trim() !== '' && [...value].every((one) => one >= ' ' && !'*?\\'.includes(one));
}

/** DA and TM as one local time, `YYYY-MM-DDTHH:MM:SS`; the date alone where the time is none. */
export function localTimeOf(date: string | undefined, time: string | undefined): string | undefined {
  const day = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date?.trim() ?? '');
  if (!day) return undefined;
  const written = day.slice(1).join('-');
  const [, hours, minutes = '00', seconds = '00'] = /^(\d\d):?(\d\d)?:?(\d\d)?/.exec(time?.trim() ?? '') ?? [];
  return hours === undefined ? written : `${written}T${hours}:${minutes}:${seconds}`;
}

/** A range of days as a DA matching key (PS3.4 section C.2.2.2.5). */
export function dateRange(from: string, to: string): string {
  return `${from.replaceAll('-', '')}-${to.replaceAll('-', '')}`;
}

/** True of a study of these days: not every PACS heeds the key. */
export function isBetween({ startedAt }: StudyInPacs, from: string, to: string): boolean {
  const day = startedAt?.slice(0, 10);
  return day !== undefined && from <= day && day <= to;
}
