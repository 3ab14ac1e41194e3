import { fail, Failure } from '#platform';

export interface QidoOptions {
  /** Base of the DICOMweb service, such as `http://pacs/dicom-web`. */
  url: string;
  timeoutMs: number;
  headers?: Record<string, string>;
  /** Largest answer that is read, 64 MB unless given: some thousand instances take a few. */
  maxAnswerBytes?: number;
}

/** How many series of a study are asked for at once. */
const SERIES_AT_ONCE = 4;

/** One series of a study as the PACS has it. */
export interface QidoSeries {
  seriesInstanceUid: string;
  modality?: string;
  description?: string;
  instances: { sopInstanceUid: string; sopClassUid?: string }[];
}

type Attributes = Record<string, { Value?: unknown[] } | undefined>;

/** Tags of the DICOM JSON model (PS3.18 annex F). */
const tags = {
  modality: '00080060',
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  studyInstanceUid: '0020000D',
  seriesDescription: '0008103E',
  seriesInstanceUid: '0020000E',
} as const;

/**
 * Asks a PACS what it has of a study, by QIDO-RS (PS3.18 section 10.6). Queries are by UID only: other values need
 * escaping that not every PACS reads, and would put the patient into a URL.
 */
export class QidoClient {
  constructor(private readonly options: QidoOptions) {}

  /**
   * The series of a study with their instances; none if the PACS does not have it (yet).
   *
   * @throws Failure peer-unavailable, peer-busy, peer-error, peer-timeout (retry); peer-refused, peer-answer-malformed (park)
   */
  async seriesOf(studyInstanceUid: string): Promise<QidoSeries[]> {
    const study = `/studies/${encodeURIComponent(studyInstanceUid)}`;
    const series = await this.get(`${study}/series`);
    const found: QidoSeries[] = [];
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

  private async withInstances(series: Attributes, study: string): Promise<QidoSeries> {
    const seriesInstanceUid = required(series, tags.seriesInstanceUid);
    const instances = await this.get(`${study}/series/${encodeURIComponent(seriesInstanceUid)}/instances`);
    return {
      seriesInstanceUid,
      modality: text(series, tags.modality),
      description: text(series, tags.seriesDescription),
      instances: instances.map((instance) => ({
        sopInstanceUid: required(instance, tags.sopInstanceUid),
        sopClassUid: text(instance, tags.sopClassUid),
      })),
    };
  }

  private async get(path: string): Promise<Attributes[]> {
    const { body, ...response } = await this.fetch(path);
    if (response.status === 204 || response.status === 404) return [];
    if (response.status === 429 || response.status === 503)
      throw fail('peer-busy', `the PACS answered ${response.status}`);
    if (response.status === 401) throw fail('peer-denied', 'the PACS answered 401: it wants credentials');
    if (response.status >= 500) throw fail('peer-error', `the PACS answered ${response.status}`);
    if (!response.ok) throw fail('peer-refused', `the PACS refused the query with ${response.status}`);
    try {
      const list: unknown = JSON.parse(body || '[]');
      if (Array.isArray(list) && list.every((one) => typeof one === 'object' && one !== null))
        return list as Attributes[];
    } catch (cause) {
      throw fail('peer-answer-malformed', "the PACS's answer is not DICOM JSON", { cause });
    }
    throw fail('peer-answer-malformed', "the PACS's answer is not a list of attributes");
  }

  /** The whole answer: a body that stalls or breaks off is as much no answer as a missing head. */
  private async fetch(path: string): Promise<{ status: number; ok: boolean; body: string }> {
    const signal = AbortSignal.timeout(this.options.timeoutMs);
    try {
      const response = await fetch(this.options.url.replace(/\/$/, '') + path, {
        headers: { Accept: 'application/dicom+json', ...this.options.headers },
        signal,
      });
      return { status: response.status, ok: response.ok, body: await this.bodyOf(response) };
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

function text(attributes: Attributes, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' ? value : undefined;
}

function required(attributes: Attributes, tag: string): string {
  const value = text(attributes, tag);
  if (value) return value;
  throw fail('peer-answer-malformed', `the PACS's answer lacks attribute ${tag}`);
}
