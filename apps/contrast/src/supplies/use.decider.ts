import { uuidFrom } from '#fhir';
import { StockDraft, remainingOf, type OpenedContainer, type Stock, type StockDecision } from './stock.js';

/** Where what was given came from: of one container, or, without one, of nothing that is in stock. */
export interface Part {
  containerId?: string;
  /** Microlitres. */
  volume: number;
}

/** What was given of a lot in a room. */
export interface Use {
  /** Whose it is: of single-dose containers the exam's, since what is left is its own; else the administration's. */
  owner: string;
  /** Microlitres in all, as known now. */
  volume: number;
  at: Date;
  /** The opened container, where it was said. */
  containerId?: string | undefined;
}

/** How a product is packed. */
export interface Packing {
  /** Microlitres in one container. */
  size: number;
  isSingleDose: boolean;
  /** How long after opening it may be given. */
  openHours?: number | undefined;
}

export interface UseDecision extends StockDecision {
  parts: Part[];
}

/**
 * Has stock follow what was given. Only the difference to what is known of it already moves: a correction upwards takes
 * more, one downwards gives back what was taken last, and the same again does nothing. Stock never falls below zero:
 * what was given and is not there was given all the same, and is unaccounted for.
 *
 * What is taken: the container that was named; else what is open and may be given at that time, the one opened first
 * first; else a new one. A single-dose container is its exam's from its first use on, and what is left of it is wasted.
 *
 * @param known where what is known of this owner came from, in the order it was taken
 */
export function coverUse(stock: Stock, known: readonly Part[], use: Use, packing: Packing): UseDecision {
  const draft = new StockDraft(stock);
  const parts = known.map((one) => ({ ...one }));
  const change = use.volume - parts.reduce((sum, { volume }) => sum + volume, 0);
  if (change < 0) giveBack(draft, parts, -change, use.owner);
  if (change > 0) take(draft, parts, change, use, packing);
  return { ...draft.result(), parts: parts.filter(({ volume }) => volume !== 0) };
}

/**
 * The same where the room was counted after it was given: what was counted has it left out already, so that of unopened
 * containers there are as many as before.
 */
export function coverUseBeforeCount(stock: Stock, known: readonly Part[], use: Use, packing: Packing): UseDecision {
  const spare = Math.ceil(use.volume / packing.size);
  const decision = coverUse({ ...stock, sealed: stock.sealed + spare }, known, use, packing);
  const change = decision.stock.sealed - stock.sealed - spare;
  const movements = [...decision.movements];
  if (change !== 0)
    movements.unshift({ kind: 'counted', sealed: -change, volume: 0, reason: 'given before the count' });
  return { ...decision, movements, stock: { ...decision.stock, sealed: stock.sealed } };
}

/** Covers what was unaccounted for by what turns out to be there; what is not there stays unaccounted for. */
export function coverUnaccounted(stock: Stock, known: readonly Part[], use: Use, packing: Packing): UseDecision {
  const covered = known.filter(({ containerId }) => containerId);
  const open = known.filter(({ containerId }) => !containerId);
  const decision = coverUse(stock, covered, use, packing);
  const settled = open.map(({ volume }) => ({
    kind: 'unaccounted' as const,
    sealed: 0,
    volume: -volume,
    owner: use.owner,
  }));
  return { ...decision, movements: [...settled, ...decision.movements] };
}

/** What was taken last goes back first; what is unaccounted for before all of it. */
function giveBack(draft: StockDraft, parts: Part[], volume: number, owner: string): void {
  let left = volume;
  const order = [
    ...parts.filter(({ containerId }) => !containerId),
    ...parts.filter((one) => one.containerId).reverse(),
  ];
  for (const part of order) {
    const back = Math.min(left, part.volume);
    if (back <= 0) continue;
    part.volume -= back;
    left -= back;
    if (!part.containerId) draft.unaccounted(-back, owner);
    else putBack(draft, part.containerId, back, owner);
  }
}

function putBack(draft: StockDraft, id: string, volume: number, owner: string): void {
  draft.use(id, -volume, owner);
  const { used, wasted, isImplied, examId } = draft.find(id)!;
  // Nobody saw it opened, and nothing is said to have come of it any more: it stands unopened on the shelf.
  if (isImplied && used === 0 && (examId !== undefined || wasted === 0)) draft.reseal(id);
  // Somebody opened it, for another exam then.
  else if (used === 0 && examId !== undefined) draft.release(id);
}

function take(draft: StockDraft, parts: Part[], volume: number, use: Use, packing: Packing): void {
  let left = volume;
  const from = (id: string) => {
    const taken = Math.min(left, toBeHad(draft.find(id)!));
    if (taken <= 0) return;
    draft.use(id, taken, use.owner);
    if (packing.isSingleDose && draft.find(id)!.examId === undefined) {
      draft.keepFor(id, use.owner);
      draft.close(id, use.at, { reason: 'single-dose' });
    }
    addTo(parts, taken, id);
    left -= taken;
  };
  if (use.containerId && draft.find(use.containerId)) from(use.containerId);
  else {
    for (const { id } of openFor(draft, use, packing)) from(id);
    while (left > 0 && draft.sealedCount > 0) from(openNew(draft, use, packing));
  }
  if (left === 0) return;
  draft.unaccounted(left, use.owner);
  addTo(parts, left);
}

/** Of one that was thrown away it is what would have been wasted. */
function toBeHad(container: Readonly<OpenedContainer>): number {
  return container.closedAt ? container.wasted : remainingOf(container);
}

function openFor(draft: StockDraft, { owner, at }: Use, { isSingleDose, openHours }: Packing) {
  // Its own, then what somebody opened, and no exam has had of yet.
  if (isSingleDose)
    return [
      ...draft.opened.filter(({ examId }) => examId === owner),
      ...draft.opened.filter((one) => one.examId === undefined && !one.closedAt && one.openedAt <= at),
    ];
  const until = ({ openedAt, closedAt }: OpenedContainer) =>
    Math.min(
      closedAt?.getTime() ?? Infinity,
      openHours === undefined ? Infinity : openedAt.getTime() + openHours * HOUR_MS,
    );
  return draft.opened.filter((one) => one.openedAt <= at && at.getTime() <= until(one));
}

const HOUR_MS = 60 * 60 * 1000;

function openNew(draft: StockDraft, { owner, at }: Use, { size }: Packing): string {
  const idOf = (index: number) => uuidFrom('Device', 'supply container', owner, String(index));
  let index = 0;
  while (draft.find(idOf(index))) index++;
  draft.open({ id: idOf(index), size, openedAt: at, isImplied: true });
  return idOf(index);
}

function addTo(parts: Part[], volume: number, containerId?: string): void {
  const there = parts.find((one) => one.containerId === containerId);
  if (there) there.volume += volume;
  else parts.push({ volume, ...(containerId ? { containerId } : {}) });
}
