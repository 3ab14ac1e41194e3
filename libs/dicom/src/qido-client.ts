import { asFailure, fail, Failure } from '#platform';
import type { DicomJson } from './dicom-json.js';
import {
  dateRange,
  isBetween,
  isPlainKey,
  localTimeOf,
  type ExposureInPacs,
  type PacsQuery,
  type SeriesInPacs,
  type StudyInPacs,
} from './pacs-query.js';

export interface QidoOptions {
  /** Base of the DICOMweb service, such as `http://pacs/dicom-web`. */
  url: string;
  timeoutMs: number;
  headers?: Record<string, string>;
  /** Largest answer that is read, 64 MB unless given: some thousand instances take a few. */
  maxAnswerBytes?: number;
}

/** Longer lists are cut: no study has as many instances. */
const MOST_MATCHES = 200_000;
/** How many series of a study are asked for at once. */
const SERIES_AT_ONCE = 4;

type Attributes = Record<string, { Value?: unknown[] } | undefined>;

/** Tags of the DICOM JSON model (PS3.18 annex F). */
const tags = {
  accessionNumber: '00080050',
  acquisitionDate: '00080022',
  acquisitionTime: '00080032',
  bodyPart: '00180015',
  detectorId: '0018700A',
  deviationIndex: '00181413',
  exposureIndex: '00181411',
  imageLaterality: '00200062',
  instanceNumber: '00200013',
  laterality: '00200060',
  modality: '00080060',
  modalitiesInStudy: '00080061',
  numberOfStudyInstances: '00201208',
  numberOfStudySeries: '00201206',
  operatorsName: '00081070',
  patientId: '00100020',
  seriesDate: '00080021',
  seriesDescription: '0008103E',
  seriesInstanceUid: '0020000E',
  seriesNumber: '00200011',
  seriesTime: '00080031',
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  startDate: '00400244',
  startTime: '00400245',
  studyDate: '00080020',
  studyDescription: '00081030',
  studyInstanceUid: '0020000D',
  studyTime: '00080030',
  targetExposureIndex: '00181412',
  viewPosition: '00185101',
} as const;

/** What a PACS does not give of a series, or a study, unless it is asked for (PS3.18 tables 10.6.3-3 and -4). */
const ofSeries = [tags.bodyPart, tags.laterality, tags.seriesDate, tags.seriesTime, tags.operatorsName];
const ofStudy = [tags.studyDescription];
const ofRadiograph = [
  tags.viewPosition,
  tags.imageLaterality,
  tags.detectorId,
  tags.exposureIndex,
  tags.targetExposureIndex,
  tags.deviationIndex,
  tags.acquisitionDate,
  tags.acquisitionTime,
];
/** Of images of other modalities there are too many, and they have none of it. */
const radiographs = ['CR', 'DX', 'IO', 'MG', 'PX'];

/**
 * Asks a PACS what it has, by QIDO-RS (PS3.18 section 10.6). Queries are by UID; only {@link studiesOfPatient} puts a
 * patient's number into a URL, which QIDO-RS knows no other way for.
 */
export class QidoClient implements PacsQuery {
  constructor(private readonly options: QidoOptions) {}

  /**
   * The series of a study with their instances; none if the PACS does not have it (yet).
   *
   * @throws Failure peer-unavailable, peer-busy, peer-error, peer-timeout (retry); peer-refused, peer-answer-malformed (park)
   */
  async seriesOf(studyInstanceUid: string): Promise<SeriesInPacs[]> {
    const study = `/studies/${encodeURIComponent(studyInstanceUid)}`;
    const series = await this.getWith(`${study}/series`, ofSeries);
    const found: SeriesInPacs[] = [];
    for (let at = 0; at < series.length; at += SERIES_AT_ONCE) {
      const some = series.slice(at, at + SERIES_AT_ONCE).map((one) => this.withInstances(one, study));
      found.push(...(await Promise.all(some)));
    }
    return found;
  }

  /**
   * The study an instance belongs to; undefined if the PACS does not have the instance (yet).
   *
   * @throws Failure as {@link seriesOf}
   */
  async studyOf(sopInstanceUid: string): Promise<string | undefined> {
    const uid = encodeURIComponent(sopInstanceUid);
    const found = await this.get(`/instances?SOPInstanceUID=${uid}&includefield=${tags.studyInstanceUid}`);
    // A PACS that overlooks the key answers with other instances.
    const instance = found.find((one) => text(one, tags.sopInstanceUid) === sopInstanceUid);
    return instance && required(instance, tags.studyInstanceUid);
  }

  async study(studyInstanceUid: string): Promise<StudyInPacs | undefined> {
    const found = await this.getWith(`/studies?StudyInstanceUID=${encodeURIComponent(studyInstanceUid)}`, ofStudy);
    return found.map(studyFrom).find((one) => one.studyInstanceUid === studyInstanceUid);
  }

  async studiesOfPatient(patientId: string): Promise<StudyInPacs[]> {
    if (!isPlainKey(patientId)) return [];
    const found = await this.getWith(`/studies?PatientID=${encodeURIComponent(patientId)}`, ofStudy);
    return found.map(studyFrom).filter((one) => one.patientId === patientId);
  }

  async studiesBetween(from: string, to: string): Promise<StudyInPacs[]> {
    const found = await this.getWith(`/studies?StudyDate=${dateRange(from, to)}`, [
      ...ofStudy,
      tags.numberOfStudyInstances,
    ]);
    return found.map(studyFrom).filter((one) => isBetween(one, from, to));
  }

  /** By WADO-RS (PS3.18 section 10.4), metadata only. @throws Failure as {@link seriesOf} */
  async contentOf(instance: {
    studyInstanceUid: string;
    seriesInstanceUid: string;
    sopInstanceUid: string;
  }): Promise<DicomJson | undefined> {
    const [study, series, one] = [instance.studyInstanceUid, instance.seriesInstanceUid, instance.sopInstanceUid].map(
      encodeURIComponent,
    );
    const [found] = await this.get(`/studies/${study}/series/${series}/instances/${one}/metadata`);
    return found as DicomJson | undefined;
  }

  private async withInstances(series: Attributes, study: string): Promise<SeriesInPacs> {
    const seriesInstanceUid = required(series, tags.seriesInstanceUid);
    const list = `${study}/series/${encodeURIComponent(seriesInstanceUid)}/instances`;
    const isRadiograph = radiographs.includes(text(series, tags.modality) ?? '');
    const instances = isRadiograph ? await this.getWith(list, ofRadiograph) : await this.get(list);
    return {
      seriesInstanceUid,
      modality: text(series, tags.modality),
      description: text(series, tags.seriesDescription),
      number: number(series, tags.seriesNumber),
      bodyPart: text(series, tags.bodyPart),
      laterality: text(series, tags.laterality),
      startedAt:
        localTimeOf(text(series, tags.seriesDate), text(series, tags.seriesTime)) ??
        localTimeOf(text(series, tags.startDate), text(series, tags.startTime)),
      operator: text(series, tags.operatorsName),
      instances: instances.map((instance) => ({
        sopInstanceUid: required(instance, tags.sopInstanceUid),
        sopClassUid: text(instance, tags.sopClassUid),
        number: number(instance, tags.instanceNumber),
        ...(isRadiograph ? exposureOf(instance) : {}),
      })),
    };
  }

  /** Some PACS refuse a query that asks for more than they give of themselves: these are asked for what they give. */
  private async getWith(path: string, fields: readonly string[]): Promise<Attributes[]> {
    try {
      return await this.get(`${path}${path.includes('?') ? '&' : '?'}includefield=${fields.join(',')}`);
    } catch (error) {
      if (asFailure(error).code !== 'peer-refused') throw error;
      return this.get(path);
    }
  }

  /** All of a list, also where the PACS gives it in pages and says that there is more (PS3.18 section 8.3.4.4). */
  private async get(path: string): Promise<Attributes[]> {
    const found: Attributes[] = [];
    for (;;) {
      const page = await this.page(
        found.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}offset=${found.length}`,
      );
      found.push(...page.list);
      // A PACS that overlooks the offset would go on for ever with the same.
      if (!page.isMore || page.list.length === 0 || found.length >= MOST_MATCHES) return found;
    }
  }

  private async page(path: string): Promise<{ list: Attributes[]; isMore: boolean }> {
    const { body, isMore, ...response } = await this.fetch(path);
    if (response.status === 204 || response.status === 404) return { list: [], isMore: false };
    if (response.status === 429 || response.status === 503)
      throw fail('peer-busy', `the PACS answered ${response.status}`);
    if (response.status === 401) throw fail('peer-denied', 'the PACS answered 401: it wants credentials');
    if (response.status >= 500) throw fail('peer-error', `the PACS answered ${response.status}`);
    if (!response.ok) throw fail('peer-refused', `the PACS refused the query with ${response.status}`);
    try {
      const list: unknown = JSON.parse(body || '[]');
      if (Array.isArray(list) && list.every((one) => typeof one === 'object' && one !== null))
        return { list: list as Attributes[], isMore };
    } catch (cause) {
      throw fail('peer-answer-malformed', "the PACS's answer is not DICOM JSON", { cause });
    }
    throw fail('peer-answer-malformed', "the PACS's answer is not a list of attributes");
  }

  /** The whole answer: a body that stalls or breaks off is as much no answer as a missing head. */
  private async fetch(path: string): Promise<{ status: number; ok: boolean; isMore: boolean; body: string }> {
    const signal = AbortSignal.timeout(this.options.timeoutMs);
    try {
      const response = await fetch(this.options.url.replace(/\/$/, '') + path, {
        headers: { Accept: 'application/dicom+json', ...this.options.headers },
        signal,
      });
      const isMore = /^299\b/.test(response.headers.get('warning') ?? '');
      return { status: response.status, ok: response.ok, isMore, body: await this.bodyOf(response) };
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      if (signal.aborted) throw fail('peer-timeout', 'the PACS did not answer in time', { cause });
      throw fail('peer-unavailable', 'the PACS cannot be reached', { cause });
    }
  }

  private async bodyOf(response: Response): Promise<string> {
    const { maxAnswerBytes = 64 * 1024 * 1024 } = this.options;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      // Leaving the loop ends the connection.
      if (bytes > maxAnswerBytes)
        throw fail('peer-answer-malformed', `the PACS's answer is larger than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
    return new TextDecoder().decode(Buffer.concat(chunks));
  }
}

/** Nothing where the PACS says none of it. */
function exposureOf(instance: Attributes): { exposure?: ExposureInPacs } {
  const said: ExposureInPacs = {
    view: text(instance, tags.viewPosition),
    laterality: text(instance, tags.imageLaterality),
    detector: text(instance, tags.detectorId),
    exposureIndex: decimal(instance, tags.exposureIndex),
    targetExposureIndex: decimal(instance, tags.targetExposureIndex),
    deviationIndex: decimal(instance, tags.deviationIndex),
    acquiredAt: localTimeOf(text(instance, tags.acquisitionDate), text(instance, tags.acquisitionTime)),
  };
  const exposure = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return Object.keys(exposure).length > 0 ? { exposure } : {};
}

function studyFrom(found: Attributes): StudyInPacs {
  return {
    studyInstanceUid: required(found, tags.studyInstanceUid),
    accessionNumber: text(found, tags.accessionNumber),
    patientId: text(found, tags.patientId),
    modalities: texts(found, tags.modalitiesInStudy),
    description: text(found, tags.studyDescription),
    startedAt: localTimeOf(text(found, tags.studyDate), text(found, tags.studyTime)),
    numberOfSeries: number(found, tags.numberOfStudySeries),
    numberOfInstances: number(found, tags.numberOfStudyInstances),
  };
}

/** Every value as text; of a name its first component group. */
function texts(attributes: Attributes, tag: string): string[] {
  const values: unknown = attributes[tag]?.Value;
  if (!Array.isArray(values)) return [];
  return values.flatMap((value: unknown) => {
    const said = typeof value === 'object' && value !== null ? (value as { Alphabetic?: unknown }).Alphabetic : value;
    return typeof said === 'string' && said.trim() !== '' ? [said.trim()] : [];
  });
}

function text(attributes: Attributes, tag: string): string | undefined {
  return texts(attributes, tag)[0];
}

/** IS is a number in JSON, or the text of one. */
function number(attributes: Attributes, tag: string): number | undefined {
  const value = decimal(attributes, tag);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** DS likewise. */
function decimal(attributes: Attributes, tag: string): number | undefined {
  const values: unknown = attributes[tag]?.Value;
  const value: unknown = Array.isArray(values) ? values[0] : undefined;
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined;
  return Number.isFinite(Number(value)) ? Number(value) : undefined;
}

function required(attributes: Attributes, tag: string): string {
  const value = text(attributes, tag);
  if (value) return value;
  throw fail('peer-answer-malformed', `the PACS's answer lacks attribute ${tag}`);
}
