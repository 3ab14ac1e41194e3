import { fail } from '#platform';

/** What Orthanc says has changed, in its order. */
export interface OrthancChanges {
  /** Ids of studies and series, Orthanc's own. */
  changes: { sequence: number; level: 'studies' | 'series'; id: string }[];
  /** The number to go on from. */
  last: number;
  /** True if there was no more. */
  done: boolean;
}

/** Kinds of change by which a study may have more in it, or other things (Orthanc book, "Changes API"). */
const told: Readonly<Record<string, 'studies' | 'series'>> = {
  NewStudy: 'studies',
  StableStudy: 'studies',
  NewSeries: 'series',
  StableSeries: 'series',
};
const AT_ONCE = 100;

/** Reads the changes of one Orthanc by its own REST interface. Nothing of a patient is read or asked for. */
export class OrthancClient {
  constructor(
    private readonly url: string,
    private readonly timeoutMs: number,
    private readonly headers: Record<string, string> = {},
  ) {}

  /** @throws Failure peer-unavailable, peer-denied, peer-error, peer-refused, peer-answer-malformed */
  async changesSince(sequence: number): Promise<OrthancChanges> {
    return changesFrom(await this.get(`/changes?since=${sequence}&limit=${AT_ONCE}`));
  }

  /** The number of its newest change, 0 for none. @throws Failure as {@link changesSince} */
  async lastSequence(): Promise<number> {
    return changesFrom(await this.get('/changes?last')).last;
  }

  /** The Study Instance UID of a study, or of a series' study; undefined for what is there no more. @throws the same */
  async studyInstanceUidOf(level: 'studies' | 'series', id: string): Promise<string | undefined> {
    const path = level === 'studies' ? `/studies/${encodeURIComponent(id)}` : `/series/${encodeURIComponent(id)}/study`;
    const study = (await this.get(path)) as { MainDicomTags?: { StudyInstanceUID?: unknown } } | undefined;
    const uid = study?.MainDicomTags?.StudyInstanceUID;
    return typeof uid === 'string' && /^[\d.]{1,64}$/.test(uid) ? uid : undefined;
  }

  private async get(path: string): Promise<unknown> {
    let response: Response;
    let body: string;
    try {
      const signal = AbortSignal.timeout(this.timeoutMs);
      response = await fetch(this.url.replace(/\/$/, '') + path, { headers: this.headers, signal });
      body = await response.text();
    } catch (cause) {
      throw fail('peer-unavailable', 'Orthanc cannot be reached', { cause });
    }
    if (response.status === 404) return undefined;
    if (response.status === 401) throw fail('peer-denied', 'Orthanc answered 401: it wants credentials');
    if (response.status >= 500) throw fail('peer-error', `Orthanc answered ${response.status}`);
    if (!response.ok) throw fail('peer-refused', `Orthanc answered ${response.status}`);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw fail('peer-answer-malformed', "Orthanc's answer is not JSON", { cause });
    }
  }
}

/**
 * Reads an answer of `/changes`. One change that cannot be read is passed over: it must not hold up the others.
 *
 * @throws Failure peer-answer-malformed for what is no such answer
 */
export function changesFrom(answer: unknown): OrthancChanges {
  const { Changes, Last, Done } = (answer ?? {}) as { Changes?: unknown; Last?: unknown; Done?: unknown };
  if (!Array.isArray(Changes) || typeof Last !== 'number')
    throw fail('peer-answer-malformed', "Orthanc's answer is no list of changes");
  const changes = Changes.flatMap((one: unknown) => {
    const { Seq, ChangeType, ID } = (one ?? {}) as { Seq?: unknown; ChangeType?: unknown; ID?: unknown };
    const level = typeof ChangeType === 'string' && Object.hasOwn(told, ChangeType) ? told[ChangeType] : undefined;
    const isRead = level !== undefined && typeof Seq === 'number' && typeof ID === 'string';
    return isRead ? [{ sequence: Seq, level, id: ID }] : [];
  });
  return { changes, last: Last, done: Done !== false };
}
