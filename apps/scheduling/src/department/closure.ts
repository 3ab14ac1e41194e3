/** A time in which a station takes no exam: its room is down, its equipment failed a test, maintenance was announced. */
export interface Closure {
  aeTitle: string;
  start: Date;
  /** Not included; undefined: until further notice. */
  end?: Date;
  /** Where no end is known, until when no exam is put there: later than that it may well be open again. */
  reckonedUntil?: Date;
  /** For people to read; names no patient. */
  reason: string;
}

/** A closure with what keeps it up: the same cause is the same closure, however its times change. */
export interface CausedClosure extends Closure {
  /** `room`, `certification`, or the kind and key of what it comes from, such as `downtime:<Slot id>`. */
  cause: string;
}

/** Until when a closure keeps exams away, undefined for ever. */
export function closedUntil({ end, reckonedUntil }: Closure): Date | undefined {
  return end ?? reckonedUntil;
}

/** The closure of a station that touches this time, undefined if it is open then. */
export function closureDuring(
  closures: readonly Closure[],
  aeTitle: string,
  start: Date,
  end: Date,
): Closure | undefined {
  return closures.find((one) => {
    const until = closedUntil(one);
    return one.aeTitle === aeTitle && one.start < end && (!until || until > start);
  });
}

/** True if the station is closed at that moment. */
export function isClosedAt({ start, end }: Closure, at: Date): boolean {
  return start <= at && (end === undefined || end > at);
}

/**
 * When something that was planned to be over by now may be: it is expected to take its planned time once more, and so
 * on, since nobody closes a room for ever because it is late. Always later than now.
 */
export function expectedEnd(start: Date, planned: Date, now: Date): Date {
  if (planned > now) return planned;
  const length = Math.max(60_000, planned.getTime() - start.getTime());
  const rounds = Math.floor((now.getTime() - planned.getTime()) / length) + 1;
  return new Date(planned.getTime() + rounds * length);
}
