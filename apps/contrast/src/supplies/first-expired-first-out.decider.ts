import { lotObjections, usableUntil, type Lot } from './lot.js';
import { remainingOf, type Stock } from './stock.js';
import type { Packing } from './use.decider.js';

/** What a room has of one lot, with what the lot is. */
export interface LotInRoom {
  lot: Lot;
  stock: Stock;
  packing: Packing & { openDoses?: number | undefined };
  /** How many administrations came from each opened container. */
  doses: ReadonlyMap<string, number>;
}

/** What to take next: an opened container, or a new one of the lot. */
export interface Suggestion {
  lot: Lot;
  containerId?: string;
  /** Microlitres in it. */
  volume: number;
  usableUntil?: Date | undefined;
}

/**
 * What to take, the best first: what is open and of a multi-dose container, the one that is overdue first; then unopened
 * containers of the lot that expires first. Nothing that may not be given at that time is among it.
 */
export function suggestionsFrom(lots: readonly LotInRoom[], at: Date, timeZone: string): Suggestion[] {
  const usable = lots.filter(({ lot }) => lotObjections(lot, { at, timeZone }).length === 0);
  const open = usable.flatMap(({ lot, stock, packing, doses }): Suggestion[] =>
    stock.containers
      .filter(
        (one) =>
          !packing.isSingleDose &&
          !one.closedAt &&
          lotObjections(lot, {
            at,
            timeZone,
            packing,
            container: { ...one, lotId: lot.id, doses: doses.get(one.id) ?? 0 },
          }).length === 0,
      )
      .map((one) => ({ lot, containerId: one.id, volume: remainingOf(one), usableUntil: usableUntil(one, packing) })),
  );
  const sealed = usable
    .filter(({ stock }) => stock.sealed > 0)
    .map(({ lot, packing }): Suggestion => ({ lot, volume: packing.size }));
  const end = ({ usableUntil: until }: Suggestion) => until?.getTime() ?? Infinity;
  const byTime = (a: Suggestion, b: Suggestion) => Math.sign(end(a) - end(b)) || 0;
  const byExpiry = (a: Suggestion, b: Suggestion) => compare(a.lot.expiresOn!, b.lot.expiresOn!);
  return [
    ...open.sort((a, b) => byTime(a, b) || byExpiry(a, b)),
    ...sealed.sort((a, b) => byExpiry(a, b) || compare(a.lot.lotNumber, b.lot.lotNumber)),
  ];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
