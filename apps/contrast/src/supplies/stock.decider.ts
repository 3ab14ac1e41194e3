import { fail } from '#platform';
import { StockDraft, type MovementKind, type Stock, type StockDecision } from './stock.js';

/** Why something is thrown away. */
export type DiscardReason = 'waste' | 'expired' | 'recalled' | 'damaged';

/** How the ledger names it: what was damaged or left over is waste. */
const kindOf = (reason: DiscardReason): MovementKind =>
  reason === 'expired' || reason === 'recalled' ? reason : 'wasted';

/** Unopened containers came in. */
export function receive(stock: Stock, containers: number): StockDecision {
  const draft = new StockDraft(stock);
  draft.count('received', containers);
  return draft.result();
}

/** Unopened containers went to another room, or came from one (more than 0). @throws Failure state-conflict */
export function move(stock: Stock, containers: number): StockDecision {
  const draft = new StockDraft(stock);
  if (containers < 0) assertThere(stock, -containers);
  draft.count('moved', containers);
  return draft.result();
}

/** Somebody counted what is unopened: that is how many there are, whatever the ledger thought. */
export function count(stock: Stock, containers: number): StockDecision {
  const draft = new StockDraft(stock);
  if (containers !== stock.sealed) draft.count('counted', containers - stock.sealed);
  return draft.result();
}

/** Unopened containers are thrown away. @throws Failure state-conflict */
export function discardSealed(stock: Stock, containers: number, reason: DiscardReason, size: number): StockDecision {
  assertThere(stock, containers);
  const draft = new StockDraft(stock);
  draft.count(kindOf(reason), -containers, { volume: containers * size, reason });
  return draft.result();
}

/**
 * Somebody opens a container. That none is in stock by the ledger is no reason not to: it is in their hand.
 *
 * @returns also `isUnaccounted`: true where the ledger had none, which is then counted in before it is opened
 */
export function openContainer(
  stock: Stock,
  { id, size, at }: { id: string; size: number; at: Date },
): StockDecision & { isUnaccounted: boolean } {
  const draft = new StockDraft(stock);
  const isUnaccounted = stock.sealed === 0;
  if (isUnaccounted) draft.count('counted', 1, { reason: 'opened without stock' });
  draft.open({ id, size, openedAt: at, isImplied: false });
  return { ...draft.result(), isUnaccounted };
}

/** An opened container is thrown away with what is in it; one that was already stays as it is. */
export function discardOpened(stock: Stock, id: string, at: Date, reason: DiscardReason): StockDecision {
  const draft = new StockDraft(stock);
  const container = draft.find(id);
  if (container && at < container.openedAt)
    throw fail('field-invalid', 'must not be before it was opened', { field: 'at' });
  if (container && !container.closedAt) draft.close(id, at, { kind: kindOf(reason), reason });
  return draft.result();
}

function assertThere({ sealed }: Stock, wanted: number): void {
  if (wanted > sealed)
    throw fail('state-conflict', `only ${sealed} unopened are in stock there: count them first if there are more`, {
      field: 'containers',
    });
}
