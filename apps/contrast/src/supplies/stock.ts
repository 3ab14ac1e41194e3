/** One container that was opened. Volumes are whole microlitres; what is neither used nor wasted is still in it. */
export interface OpenedContainer {
  id: string;
  size: number;
  used: number;
  wasted: number;
  openedAt: Date;
  /** Thrown away, with what was in it. */
  closedAt?: Date | undefined;
  /** The exam a single-dose container was opened for: nobody else may have of it. */
  examId?: string | undefined;
  /** Nobody said that it was opened: it follows from what was given. */
  isImplied: boolean;
}

/** What a room has of one lot. */
export interface Stock {
  /** Containers that were not opened. */
  sealed: number;
  /** Those that were, also when they are empty or thrown away; the one opened first comes first. */
  containers: readonly OpenedContainer[];
}

export const movementKinds = [
  'received',
  'opened',
  'used',
  'wasted',
  'expired',
  'recalled',
  'counted',
  'moved',
  'unaccounted',
] as const;
/**
 * `wasted`, `expired` and `recalled` are what went into the bin, by why; `unaccounted` was given and is in no stock;
 * `counted` is what a count found more or less than was thought.
 */
export type MovementKind = (typeof movementKinds)[number];

/** One line of the ledger: what is in stock is the sum of them. Lines are never changed; a correction is one more line. */
export interface Movement {
  kind: MovementKind;
  /** More or fewer unopened containers. */
  sealed: number;
  /** The opened container it is about. */
  containerId?: string;
  /** Microlitres more or less that were used, thrown away, or are unaccounted for. */
  volume: number;
  /** Whose use it is: an exam's (single-dose containers) or an administration's. */
  owner?: string;
  reason?: string;
}

export const emptyStock: Stock = { sealed: 0, containers: [] };

/** What of it can still be given. */
export function remainingOf({ size, used, wasted }: Pick<OpenedContainer, 'size' | 'used' | 'wasted'>): number {
  return size - used - wasted;
}

/** Volume in stock, in microlitres: unopened containers, and what is left in the open ones. */
export function volumeOf({ sealed, containers }: Stock, size: number): number {
  return containers.reduce((sum, one) => sum + remainingOf(one), sealed * size);
}

/** A decision on stock: the lines it adds, and what is there then. */
export interface StockDecision {
  stock: Stock;
  movements: Movement[];
}

/** Works out what is in stock after several lines, each at its place: the lines and the stock cannot differ. */
export class StockDraft {
  private sealed: number;
  private readonly containers: OpenedContainer[];
  private readonly movements: Movement[] = [];

  constructor(stock: Stock) {
    this.sealed = stock.sealed;
    this.containers = stock.containers.map((one) => ({ ...one }));
  }

  get sealedCount(): number {
    return this.sealed;
  }

  get opened(): readonly Readonly<OpenedContainer>[] {
    return this.containers;
  }

  find(id: string | undefined): Readonly<OpenedContainer> | undefined {
    return this.containers.find((one) => one.id === id);
  }

  /** More or fewer unopened containers. @param volume what is thrown away with them */
  count(kind: MovementKind, sealed: number, { volume = 0, reason }: { volume?: number; reason?: string } = {}): void {
    this.sealed += sealed;
    this.movements.push({ kind, sealed, volume, ...(reason ? { reason } : {}) });
  }

  open(container: Omit<OpenedContainer, 'used' | 'wasted'>): void {
    this.sealed -= 1;
    this.containers.push({ ...container, used: 0, wasted: 0 });
    this.movements.push({ kind: 'opened', sealed: -1, containerId: container.id, volume: 0 });
  }

  /** It turns out that it was not opened. */
  reseal(id: string): void {
    const index = this.indexOf(id);
    const { wasted } = this.containers[index]!;
    if (wasted > 0) this.movements.push({ kind: 'wasted', sealed: 0, containerId: id, volume: -wasted });
    this.containers.splice(index, 1);
    this.sealed += 1;
    this.movements.push({ kind: 'opened', sealed: 1, containerId: id, volume: 0 });
  }

  /** More (or less, below zero) of a container went into a patient; of one that is thrown away that was not wasted, then. */
  use(id: string, volume: number, owner: string): void {
    const one = this.containers[this.indexOf(id)]!;
    one.used += volume;
    this.movements.push({ kind: 'used', sealed: 0, containerId: id, volume, owner });
    if (!one.closedAt) return;
    one.wasted -= volume;
    this.movements.push({ kind: 'wasted', sealed: 0, containerId: id, volume: -volume });
  }

  /** Throws a container away with what is in it. */
  close(id: string, at: Date, { kind = 'wasted', reason }: { kind?: MovementKind; reason?: string } = {}): void {
    const one = this.containers[this.indexOf(id)]!;
    const volume = remainingOf(one);
    one.closedAt = at;
    one.wasted += volume;
    if (volume > 0) this.movements.push({ kind, sealed: 0, containerId: id, volume, ...(reason ? { reason } : {}) });
  }

  /** A single-dose container is its exam's from its first use on. */
  keepFor(id: string, examId: string): void {
    this.containers[this.indexOf(id)]!.examId = examId;
  }

  /** It turns out that its exam had nothing of it: it stands open for the next. */
  release(id: string): void {
    const one = this.containers[this.indexOf(id)]!;
    if (one.wasted > 0) this.movements.push({ kind: 'wasted', sealed: 0, containerId: id, volume: -one.wasted });
    one.wasted = 0;
    one.examId = undefined;
    one.closedAt = undefined;
  }

  unaccounted(volume: number, owner: string): void {
    this.movements.push({ kind: 'unaccounted', sealed: 0, volume, owner });
  }

  result(): StockDecision {
    return { stock: { sealed: this.sealed, containers: this.containers }, movements: this.movements };
  }

  private indexOf(id: string): number {
    const index = this.containers.findIndex((one) => one.id === id);
    if (index < 0) throw new RangeError('there is no such container');
    return index;
  }
}
