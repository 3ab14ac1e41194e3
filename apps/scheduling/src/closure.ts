/** A time in which a station takes no exam: its room is down, its equipment failed a test, maintenance was announced. */
export interface Closure {
  aeTitle: string;
  start: Date;
  /** Undefined: until further notice. */
  end?: Date;
  /** For people to read; names no patient. */
  reason: string;
}

/** The closure of a station that touches this time, undefined if it is open then. */
export function closureDuring(
  closures: readonly Closure[],
  aeTitle: string,
  start: Date,
  end: Date,
): Closure | undefined {
  return closures.find((one) => one.aeTitle === aeTitle && one.start < end && (!one.end || one.end > start));
}
