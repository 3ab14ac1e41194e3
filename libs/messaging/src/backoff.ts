/**
 * How long to wait before the next attempt: doubling from 200 ms to 30 s, spread by ±20 % so that many waiters do not
 * come back at once, and never over 30 s.
 *
 * @param attempt how many attempts failed so far, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, random: number): number {
  const doubled = Math.min(200 * 2 ** Math.min(attempt - 1, 20), 30_000);
  return Math.round(Math.min(30_000, doubled * (0.8 + 0.4 * random)));
}
