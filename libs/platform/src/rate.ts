/** How often something happened among how many, with the 95 % interval in which the true share lies by chance alone. */
export interface Rate {
  count: number;
  of: number;
  perThousand: number;
  /** Wilson score interval: holds for few cases and for none, where the usual one does not. */
  interval: [number, number];
}

/** The Wilson score interval at 95 %, and the share itself, per thousand (Wilson 1927, J Am Stat Assoc 22:209-212). */
export function rate(count: number, of: number): Rate {
  if (of === 0) return { count, of, perThousand: 0, interval: [0, 1000] };
  const [p, z] = [count / of, 1.959964];
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of));
  const perThousand = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * 1_000_000) / 1000;
  return { count, of, perThousand: perThousand(p), interval: [perThousand(middle - half), perThousand(middle + half)] };
}
