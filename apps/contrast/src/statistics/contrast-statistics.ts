import { rate, type Rate } from '#platform';

/** One administration in which contrast went into a patient. */
export interface Given {
  administrationId: string;
  examId: string;
  /** The exam's procedure, as its order says it; undefined where the order is not known. */
  procedure: string | undefined;
  agent: string | undefined;
  lotNumber: string;
  /** 0 where the volume is not known: it counts as an administration, not as a dose. */
  volumeMl: number;
}

export type Severity = 'mild' | 'moderate' | 'severe';

/** One reaction, or extravasation, that stands. */
export interface Reacted {
  kind: string;
  severity: Severity;
  administrationId: string | undefined;
  examId: string | undefined;
}

/** Contrast that went into nobody. */
export interface Wasted {
  agent: string;
  lotNumber: string;
  room: string;
  reason: string;
  volumeMl: number;
}

/** Volumes of single exams, in mL. */
export interface Doses {
  exams: number;
  total: number;
  least: number;
  median: number;
  most: number;
}

/** What is said of an agent, or of one lot of it. */
export interface OfAgent {
  agent: string;
  administrations: number;
  dose: Doses | undefined;
  reactions: Rate;
  bySeverity: Record<Severity, number>;
  extravasations: Rate;
  wastedMl: number;
  /** Of what was opened: given or wasted. Undefined where neither is known. */
  wastedShare: number | undefined;
}

export interface ContrastStatistics {
  byAgent: OfAgent[];
  byLot: (OfAgent & { lotNumber: string })[];
  byProcedure: { procedure: string; agent: string; dose: Doses }[];
  waste: { agent: string; room: string; reason: string; volumeMl: number }[];
  /** Reactions that stand in none of the rates: which administration they were to is not known. */
  unattributed: { kind: string; severity: Severity; count: number }[];
}

/** Where an agent or a procedure is not known. */
export const NOT_KNOWN = 'not known';
const EXTRAVASATION = 'extravasation';

/**
 * Reaction rates by agent and lot, doses by exam, and waste. A reaction counts for the administration it names, else for
 * the only one of its exam; with several of different lots and none named it counts for none and is listed. An
 * administration with two reactions is one that was reacted to, of the worse severity. Extravasations have a rate of
 * their own. No patient is in it.
 */
export function contrastStatistics(
  given: readonly Given[],
  reacted: readonly Reacted[],
  wasted: readonly Wasted[],
): ContrastStatistics {
  const attributed = reacted.map((one) => ({ ...one, to: administrationOf(one, given) }));
  const what: Facts = { given, reacted: attributed, wasted };
  const agents = unique([...given.map(agentOf), ...wasted.map(({ agent }) => agent)]);
  return {
    byAgent: agents.map((agent) => ofAgent(agent, only(what, agent))),
    byLot: agents.flatMap((agent) => {
      const { given: ofIt, wasted: wastedOfIt } = only(what, agent);
      const lots = unique([...ofIt, ...wastedOfIt].map(({ lotNumber }) => lotNumber));
      return lots.map((lotNumber) => ({ lotNumber, ...ofAgent(agent, only(what, agent, lotNumber)) }));
    }),
    byProcedure: unique(given.map(({ procedure }) => procedure ?? NOT_KNOWN)).flatMap((procedure) =>
      agents.flatMap((agent) => {
        const ofIt = given.filter((one) => (one.procedure ?? NOT_KNOWN) === procedure && agentOf(one) === agent);
        const dose = dosesOf(ofIt);
        return dose ? [{ procedure, agent, dose }] : [];
      }),
    ),
    waste: summed(
      wasted,
      ({ agent, room, reason }) => ({ agent, room, reason }),
      ({ volumeMl }) => volumeMl,
    ).map(({ sum, ...of }) => ({ ...of, volumeMl: sum })),
    unattributed: summed(
      attributed.filter(({ to }) => !to),
      ({ kind, severity }) => ({ kind, severity }),
      () => 1,
    ).map(({ sum, ...of }) => ({ ...of, count: sum })),
  };
}

interface Facts {
  given: readonly Given[];
  reacted: readonly (Reacted & { to: Given | undefined })[];
  wasted: readonly Wasted[];
}

function only({ given, reacted, wasted }: Facts, agent: string, lotNumber?: string): Facts {
  const isMeant = (one: { agent: string | undefined; lotNumber: string }) =>
    agentOf(one) === agent && (lotNumber === undefined || one.lotNumber === lotNumber);
  return {
    given: given.filter(isMeant),
    reacted: reacted.filter(({ to }) => to && isMeant(to)),
    wasted: wasted.filter(isMeant),
  };
}

function ofAgent(agent: string, { given, reacted, wasted }: Facts): OfAgent {
  const worst = new Map<string, Severity>();
  for (const { kind, severity, to } of reacted) {
    if (kind === EXTRAVASATION) continue;
    const before = worst.get(to!.administrationId);
    if (!before || severities.indexOf(severity) > severities.indexOf(before)) worst.set(to!.administrationId, severity);
  }
  const extravasated = new Set(
    reacted.filter(({ kind }) => kind === EXTRAVASATION).map(({ to }) => to!.administrationId),
  );
  const dose = dosesOf(given);
  const wastedMl = rounded(wasted.reduce((sum, { volumeMl }) => sum + volumeMl, 0));
  const opened = wastedMl + (dose?.total ?? 0);
  return {
    agent,
    administrations: given.length,
    dose,
    reactions: rate(worst.size, given.length),
    bySeverity: Object.fromEntries(
      severities.map((severity) => [severity, [...worst.values()].filter((one) => one === severity).length]),
    ) as Record<Severity, number>,
    extravasations: rate(extravasated.size, given.length),
    wastedMl,
    wastedShare: opened > 0 ? Math.round((wastedMl / opened) * 1000) / 1000 : undefined,
  };
}

const severities: readonly Severity[] = ['mild', 'moderate', 'severe'];

function administrationOf({ administrationId, examId }: Reacted, given: readonly Given[]): Given | undefined {
  if (administrationId) return given.find((one) => one.administrationId === administrationId);
  const ofExam = examId ? given.filter((one) => one.examId === examId) : [];
  const isOneLot = unique(ofExam.map((one) => `${agentOf(one)}\n${one.lotNumber}`)).length === 1;
  // Which of several of one lot makes no difference, as long as it is the same one each time.
  return isOneLot ? ofExam.reduce((a, b) => (a.administrationId < b.administrationId ? a : b)) : undefined;
}

/** Each exam once, with all that was given in it; undefined where no volume is known. */
function dosesOf(given: readonly Given[]): Doses | undefined {
  const byExam = new Map<string, number>();
  for (const { examId, volumeMl } of given) if (volumeMl > 0) byExam.set(examId, (byExam.get(examId) ?? 0) + volumeMl);
  const volumes = [...byExam.values()].sort((a, b) => a - b);
  if (volumes.length === 0) return undefined;
  const middle = (volumes.length - 1) / 2;
  const median = (volumes[Math.floor(middle)]! + volumes[Math.ceil(middle)]!) / 2;
  const total = volumes.reduce((sum, one) => sum + one, 0);
  return {
    exams: volumes.length,
    total: rounded(total),
    least: rounded(volumes[0]!),
    median: rounded(median),
    most: rounded(volumes.at(-1)!),
  };
}

function summed<T, K extends object>(all: readonly T[], keyOf: (one: T) => K, valueOf: (one: T) => number) {
  const sums = new Map<string, K & { sum: number }>();
  for (const one of all) {
    const key = keyOf(one);
    const name = JSON.stringify(key);
    sums.set(name, { ...key, sum: rounded((sums.get(name)?.sum ?? 0) + valueOf(one)) });
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}

function agentOf({ agent }: { agent: string | undefined }): string {
  return agent ?? NOT_KNOWN;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** Microlitres are as exact as anybody measures. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
