import { isDeepStrictEqual } from 'node:util';
import type { DoseMeasure } from '#platform';
import {
  sumOf,
  type Amount,
  type Amounts,
  type BreastSide,
  type DoseEvent,
  type DoseKind,
  type DoseReport,
} from './dose-report.js';

/** The dose of one study by one kind of radiation, every irradiation event counted once. */
export interface StudyDose {
  kind: DoseKind;
  studyInstanceUid: string;
  /** SOP Instance UIDs of the reports it is from, sorted. */
  sources: string[];
  isMammography: boolean;
  /** `ctdi-vol` is the highest of an acquisition, `agd` that of the breast that got more; all else is of the whole exam. */
  totals: Amounts;
  agd: Partial<Record<BreastSide, Amount>>;
  events: DoseEvent[];
  /** The protocol of the event that gave most. */
  protocol?: string;
  startedAt?: string;
  device: DoseReport['device'];
  patient: DoseReport['patient'];
}

type Summed = Pick<DoseReport, 'totals' | 'agd'>;

/**
 * What reports of one study say together. An event that several have (a report a step, and one of all that came after it)
 * is counted once, as the latest of them has it: totals are taken of the reports that list most, as long as none of their
 * events was counted already; of a report that shares some of its events only the others' sum is taken. Of reports without
 * event UIDs that are of the same scope and device the latest counts, and one beside a report that lists its events not at
 * all where it is of the whole study. The order in which reports came does not matter.
 */
export function doseOfStudy(reports: readonly DoseReport[], kind: DoseKind): StudyDose | undefined {
  const ofKind = reports.filter((one) => one.kind === kind).sort(later);
  const newest = ofKind[0];
  if (!newest) return undefined;
  const events = new Map<string, DoseEvent>();
  const parts: Summed[] = [];
  for (const report of [...countedOnce(ofKind)].sort(largestFirst)) {
    const own = new Map(report.events.map((event, index) => [keyOf(event, report, index), newestOf(event, ofKind)]));
    const isKnown = knownIn(events, report);
    const added = [...own].filter(([key, event]) => !events.has(key) && !isKnown(event));
    const isAlone = added.length === own.size;
    if (!isAlone && added.length === 0) continue;
    for (const [key, event] of added) events.set(key, event);
    parts.push(
      isAlone
        ? totalsOf(report, [...own.values()])
        : summed(
            added.map(([, event]) => event),
            kind,
          ),
    );
  }
  const all = [...events.values()];
  const { totals, agd } = together(parts);
  const startedAt = ofKind.flatMap((one) => one.startedAt ?? []).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  const protocol = mainProtocol(all);
  return {
    kind,
    studyInstanceUid: newest.studyInstanceUid,
    sources: ofKind.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
    isMammography: ofKind.some((one) => one.isMammography),
    totals: { ...highestCtdi(all), ...totals, ...higherBreast(agd) },
    agd,
    events: all.sort(inTime),
    ...(protocol ? { protocol } : {}),
    ...(startedAt ? { startedAt } : {}),
    device: newest.device,
    patient: newest.patient,
  };
}

/** Reports without events: the latest of each scope and device, none where one of the study stands beside others. */
function countedOnce(reports: readonly DoseReport[]): DoseReport[] {
  const listing = reports.filter(({ events }) => events.length > 0);
  const seen = new Set<string>();
  const bare = reports.filter((one) => {
    if (one.events.length > 0) return false;
    const isCumulative = one.scope === 'study' || one.scope === 'step-to-this-point' || one.scope === undefined;
    if (isCumulative && listing.some((other) => sameDevice(one, other))) return false;
    const key = JSON.stringify([
      one.device,
      isCumulative ? 'all' : one.scope,
      isCumulative ? '' : (one.scopeUid ?? one.sopInstanceUid),
    ]);
    return !seen.has(key) && seen.add(key);
  });
  // One of everything stands for those of a part that its device made.
  const isCovered = (one: DoseReport) =>
    one.scope !== 'study' && bare.some((other) => other !== one && other.scope === 'study' && sameDevice(one, other));
  return [...listing, ...bare.filter((one) => !isCovered(one))];
}

function sameDevice(one: DoseReport, other: DoseReport): boolean {
  return JSON.stringify(one.device) === JSON.stringify(other.device);
}

/** What the report states; what it does not state is summed from its events. */
function totalsOf(report: DoseReport, events: readonly DoseEvent[]): Summed {
  const sums = summed(events, report.kind);
  const agd = Object.keys(report.agd).length > 0 ? report.agd : sums.agd;
  return { totals: { ...sums.totals, ...report.totals }, agd };
}

const summable: Readonly<Record<DoseKind, DoseMeasure[]>> = {
  ct: ['dlp'],
  projection: ['dap', 'dose-rp', 'fluoro-time'],
  radiopharmaceutical: ['activity'],
};

/** A sum is known only where each event that has to say something does. */
function summed(events: readonly DoseEvent[], kind: DoseKind): Summed {
  const totals: Amounts = {};
  for (const measure of summable[kind]) {
    const said = events.filter((one) => one.amounts[measure] !== undefined);
    if (said.length === 0) continue;
    // A localizer has no DLP that counts, and only fluoroscopy has its time.
    const silent = events.filter(
      (one) =>
        one.amounts[measure] === undefined && !one.isLocalizer && (measure !== 'fluoro-time' || one.isFluoroscopy),
    );
    totals[measure] =
      silent.length > 0
        ? { unknown: `${silent.length} of ${events.length} irradiation events do not state it, and no total is stated` }
        : sumOf(said.map((one) => one.amounts[measure]!));
  }
  const agd: Summed['agd'] = {};
  for (const { amounts, side = 'both' } of events)
    if (amounts.agd) agd[side] = sumOf([...(agd[side] ? [agd[side]] : []), amounts.agd]);
  return { totals, agd };
}

function together(parts: readonly Summed[]): Summed {
  const totals: Amounts = {};
  const agd: Summed['agd'] = {};
  for (const part of parts) {
    for (const [measure, amount] of Object.entries(part.totals) as [DoseMeasure, Amount][])
      totals[measure] = sumOf([...(totals[measure] ? [totals[measure]] : []), amount]);
    for (const [side, amount] of Object.entries(part.agd) as [BreastSide, Amount][])
      agd[side] = sumOf([...(agd[side] ? [agd[side]] : []), amount]);
  }
  return { totals, agd };
}

function highestCtdi(events: readonly DoseEvent[]): Amounts {
  const said = events.flatMap(({ amounts, isLocalizer }) =>
    amounts['ctdi-vol'] && !isLocalizer ? amounts['ctdi-vol'] : [],
  );
  return said.length > 0 ? { 'ctdi-vol': highestOf(said) } : {};
}

/** Doses of two breasts are never added: each is its own organ. */
function higherBreast(agd: Summed['agd']): Amounts {
  const said = Object.values(agd);
  return said.length > 0 ? { agd: highestOf(said) } : {};
}

/** The highest of some; unknown where one of them is, for that may be the highest. */
export function highestOf(amounts: readonly Amount[]): Amount {
  const unknown = amounts.find((one) => 'unknown' in one);
  return unknown ?? { value: Math.max(...amounts.map((one) => (one as { value: number }).value)) };
}

function mainProtocol(events: readonly DoseEvent[]): string | undefined {
  const given = ({ amounts }: DoseEvent) => {
    const amount = amounts.dlp ?? amounts.dap ?? amounts.agd ?? amounts['ctdi-vol'];
    return amount && 'value' in amount ? amount.value : 0;
  };
  const named = events.filter(({ protocol, isLocalizer }) => protocol !== undefined && !isLocalizer);
  return named.sort((a, b) => given(b) - given(a) || a.protocol!.localeCompare(b.protocol!))[0]?.protocol;
}

function keyOf({ uid }: DoseEvent, { sopInstanceUid }: DoseReport, index: number): string {
  return uid ?? `${sopInstanceUid}/${index}`;
}

/**
 * Whether an event without UID was counted: in a report that has events of another, what reads the same as one of these is
 * the same, such as the localizer that GE gives no UID. Two that read the same in one report are two.
 */
function knownIn(events: ReadonlyMap<string, DoseEvent>, report: DoseReport): (event: DoseEvent) => boolean {
  const isOfOne = report.events.some(({ uid }) => uid !== undefined && events.has(uid));
  const unnamed = [...events.values()].filter(({ uid }) => isOfOne && uid === undefined);
  return (event) => {
    const place = event.uid === undefined ? unnamed.findIndex((one) => isDeepStrictEqual(one, event)) : -1;
    if (place >= 0) unnamed.splice(place, 1);
    return place >= 0;
  };
}

/** The event as the latest report that has it says. */
function newestOf(event: DoseEvent, newestFirst: readonly DoseReport[]): DoseEvent {
  if (!event.uid) return event;
  for (const { events } of newestFirst) {
    const found = events.find(({ uid }) => uid === event.uid);
    if (found) return found;
  }
  return event;
}

function later(one: DoseReport, other: DoseReport): number {
  return compare(other.contentAt, one.contentAt) || compare(one.sopInstanceUid, other.sopInstanceUid);
}

function largestFirst(one: DoseReport, other: DoseReport): number {
  return other.events.length - one.events.length || later(one, other);
}

function inTime(one: DoseEvent, other: DoseEvent): number {
  return compare(one.startedAt ?? '', other.startedAt ?? '') || compare(one.uid ?? '', other.uid ?? '');
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
