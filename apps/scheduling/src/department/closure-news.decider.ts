import type { Device } from 'fhir/r4.js';
import { isClosedAt, type CausedClosure } from './closure.js';

/** A closure whose exams were asked to be booked anew, and up to when. */
export interface KnownClosure {
  aeTitle: string;
  cause: string;
  start: Date;
  rebookedUntil: Date;
}

/** What has to be booked anew. */
export interface RebookingWish {
  aeTitle: string;
  from: Date;
  until: Date;
  reason: string;
}

/** What is new about the closures of the department. */
export interface ClosureNews {
  wishes: RebookingWish[];
  /** To be known from now on. */
  known: KnownClosure[];
  /** Known ones that are over. */
  over: KnownClosure[];
}

/** A closure until further notice is followed in steps of this, so that not every look asks anew. */
const STEP_MS = 15 * 60_000;

/**
 * Which exams have to be booked anew: those in a closure that is new, begins earlier or lasts longer than known. One
 * until further notice has its exams of the next hours moved, and more of them the longer it lasts: nobody's exam of
 * next month is moved for a test that is done an hour late.
 */
export function closureNews(
  closures: readonly CausedClosure[],
  known: readonly KnownClosure[],
  aheadHours: number,
  now: Date,
): ClosureNews {
  const isSame = (a: { aeTitle: string; cause: string }, b: typeof a) => a.aeTitle === b.aeTitle && a.cause === b.cause;
  const followed = closures.map((closure) => {
    const before = known.find((one) => isSame(one, closure));
    const { aeTitle, cause, start, reason } = closure;
    const until = closure.end ?? new Date(Math.max(start.getTime(), now.getTime()) + aheadHours * 3_600_000);
    const covered = before && before.start <= start ? before.rebookedUntil : undefined;
    const from = new Date(Math.max(start.getTime(), now.getTime(), covered?.getTime() ?? 0));
    const isWished = until.getTime() - from.getTime() > (covered && !closure.end ? STEP_MS : 0);
    const kept = covered && covered < until ? covered : until;
    return {
      wish: isWished ? [{ aeTitle, from, until, reason }] : [],
      known: { aeTitle, cause, start: covered ? before!.start : start, rebookedUntil: isWished ? until : kept },
    };
  });
  return {
    wishes: followed.flatMap(({ wish }) => wish),
    known: followed.map((one) => one.known).filter((one) => !known.some((before) => isEqual(one, before))),
    over: known.filter((before) => !closures.some((closure) => isSame(closure, before))),
  };
}

/**
 * The station as others see it: `inactive` with every reason while it is closed, else `active`. The same reasons give
 * the same Device.
 */
export function deviceAfter(device: Device, closures: readonly CausedClosure[], now: Date): Device {
  const reasons = closures.filter((one) => isClosedAt(one, now)).map(({ reason }) => reason);
  const rest = { ...device };
  delete rest.statusReason;
  if (reasons.length === 0) return { ...rest, status: 'active' };
  const coding = [{ system: 'http://terminology.hl7.org/CodeSystem/device-status-reason', code: 'offline' }];
  return { ...rest, status: 'inactive', statusReason: [...new Set(reasons)].sort().map((text) => ({ coding, text })) };
}

function isEqual(a: KnownClosure, b: KnownClosure): boolean {
  const keyOf = ({ aeTitle, cause, start, rebookedUntil }: KnownClosure) =>
    [aeTitle, cause, start.getTime(), rebookedUntil.getTime()].join('\n');
  return keyOf(a) === keyOf(b);
}
