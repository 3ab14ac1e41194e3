/** How little of an agent in a room the site wants to be told of; `SUPPLIES.low` of the site file. */
export interface Threshold {
  lowMl?: number | undefined;
  lowContainers?: number | undefined;
}

/** What of an agent in a room may be given: neither expired nor recalled. */
export interface OnHand {
  /** Microlitres: unopened, and left in what is open. */
  volume: number;
  /** Unopened containers. */
  containers: number;
}

/** What was known of a room's stock of an agent. */
export interface StockLevel {
  isLow: boolean;
  /** How many times it fell: each is told once. */
  falls: number;
}

/**
 * Whether stock has fallen to what the site wants to be told at. A fall is told once, and again only after there was
 * more meanwhile. What was never there has not fallen.
 *
 * @param level undefined where nothing was ever in stock
 * @returns the level now, and whether it is to be told; undefined where there is nothing to keep
 */
export function followLevel(
  level: StockLevel | undefined,
  onHand: OnHand,
  threshold: Threshold,
): { level: StockLevel; tell: boolean } | undefined {
  const isLow = isAtMost(onHand, threshold);
  if (!level) return isLow ? undefined : { level: { isLow: false, falls: 0 }, tell: false };
  if (level.isLow === isLow) return { level, tell: false };
  return isLow
    ? { level: { isLow, falls: level.falls + 1 }, tell: true }
    : { level: { isLow, falls: level.falls }, tell: false };
}

/** True if there is no more of it than the threshold. */
export function isAtMost({ volume, containers }: OnHand, { lowMl, lowContainers }: Threshold): boolean {
  if (lowMl !== undefined) return volume <= Math.round(lowMl * 1000);
  return lowContainers !== undefined && containers <= lowContainers;
}
