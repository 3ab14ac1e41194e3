import type { ExposureInPacs } from '#dicom';

/**
 * What became of an exposure. A reject is an image that is not kept; a repeat is an exposure that was made again: one can
 * be without the other (AAPM TG-305). What is doubtful counts as neither until somebody rejects it.
 */
export type EntryKind = 'reject' | 'repeat' | 'doubtful';

/** Who says so: a person at the console, a rejection note in the PACS, or the exposure index. What comes first here, counts first. */
export const sources = ['console', 'kos', 'exposure-index'] as const;
export type Source = (typeof sources)[number];

/** What is known of an exposure. */
export interface ExposureFacts extends Omit<ExposureInPacs, 'acquiredAt'> {
  studyInstanceUid?: string;
  orderId?: string;
  accessionNumber?: string;
  modality?: string;
  bodyPart?: string;
  room?: string;
  /** AE title. */
  station?: string;
  /** When it was made, ISO 8601 with zone. */
  at?: string;
}

/** What one source says of one exposure. */
export interface Statement extends ExposureFacts {
  id: string;
  kind: EntryKind;
  source: Source;
  /** SOP Instance UID; where nobody knows one, the id of the statement: it is then an exposure of its own. */
  exposure: string;
  /** PS3.16 CID 7011. */
  reason?: string;
  /** Of a repeat: SOP Instance UID of the image that it was made instead of. */
  repeats?: string;
  isInError?: boolean;
}

/** A row of the ledger: one a kind and exposure, whoever spoke of it, in whatever order. */
export interface Entry extends ExposureFacts {
  kind: EntryKind;
  exposure: string;
  reason?: string;
  repeats?: string;
  /** Without those who took it back. */
  sources: Source[];
  /** False where everybody who said so took it back. */
  counts: boolean;
}

const fields = [
  'reason',
  'repeats',
  'studyInstanceUid',
  'orderId',
  'accessionNumber',
  'modality',
  'bodyPart',
  'view',
  'laterality',
  'room',
  'station',
  'detector',
  'exposureIndex',
  'targetExposureIndex',
  'deviationIndex',
] as const satisfies readonly (keyof (Statement & Entry))[];

/**
 * The rows of one exposure. Each field is as the first source has it that says anything of it, then as the image has it;
 * the time is the image's, else the earliest that was said, so that image and entry are counted in the same week. What
 * is rejected is doubtful no more.
 *
 * @param image undefined where no image of it was ever told of
 */
export function entriesOf(statements: readonly Statement[], image: ExposureFacts | undefined): Entry[] {
  const kinds: EntryKind[] = ['reject', 'repeat', 'doubtful'];
  const entries = kinds.flatMap(
    (kind) =>
      entryOf(
        kind,
        statements.filter((one) => one.kind === kind),
        image,
      ) ?? [],
  );
  const isRejected = entries.some(({ kind, counts }) => kind === 'reject' && counts);
  return entries.map((entry) => (entry.kind === 'doubtful' && isRejected ? { ...entry, counts: false } : entry));
}

function entryOf(kind: EntryKind, said: readonly Statement[], image: ExposureFacts | undefined): Entry | undefined {
  if (said.length === 0) return undefined;
  const standing = said.filter(({ isInError }) => !isInError);
  const inOrder = [...(standing.length > 0 ? standing : said)].sort(byWord);
  const words: readonly Partial<Statement>[] = [...inOrder, image ?? {}];
  const facts = Object.fromEntries(
    fields.flatMap((field) => {
      const value = words.map((one) => one[field]).find((one) => one !== undefined);
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const at = image?.at ?? inOrder.flatMap((one) => one.at ?? []).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  return {
    kind,
    exposure: inOrder[0]!.exposure,
    ...withDeviation(facts),
    ...(at ? { at } : {}),
    sources: sources.filter((source) => standing.some((one) => one.source === source)),
    counts: standing.length > 0,
  };
}

/** The console's word before the PACS's; of one source in an order that does not depend on which came first. */
function byWord(a: Statement, b: Statement): number {
  return sources.indexOf(a.source) - sources.indexOf(b.source) || (a.id < b.id ? -1 : 1);
}

/** The deviation index from the two others where it was not said: 10 log10(EI / target), IEC 62494-1. */
export function withDeviation<T extends ExposureFacts>(facts: T): T {
  const { exposureIndex, targetExposureIndex, deviationIndex } = facts;
  if (deviationIndex !== undefined || !exposureIndex || !targetExposureIndex) return facts;
  if (exposureIndex < 0 || targetExposureIndex < 0) return facts;
  return { ...facts, deviationIndex: Math.round(100 * Math.log10(exposureIndex / targetExposureIndex)) / 10 };
}

/** CID 7011: why an image with this deviation index is doubtful; undefined where it is within the site's limits. */
export function outOfRange(
  deviationIndex: number | undefined,
  limits: { low: number; high: number } | undefined,
): '111211' | '111212' | undefined {
  if (deviationIndex === undefined || !limits) return undefined;
  return deviationIndex < limits.low ? '111211' : deviationIndex > limits.high ? '111212' : undefined;
}
