import { pause } from './pause.js';

/** How far a partition is done: everything before `offset`. */
export interface Position {
  topic: string;
  partition: number;
  offset: string;
}

/** A record of a partition, as far as its place matters. */
export interface PlacedRecord {
  topic: string;
  partition: number;
  offset: string;
}

interface Queue<R> {
  records: R[];
  running: boolean;
  done?: string;
}

/** Most records waiting in one partition before no more are asked for. */
const HIGH_WATER = 500;

/**
 * Works every assigned partition by itself: in order within it, beside all others. kafkajs waits for every partition of
 * a fetch before it fetches again, so a partition that is held would stop all of them if it were worked in its
 * callback.
 */
export class PartitionQueues<R extends PlacedRecord> {
  private queues = new Map<string, Queue<R>>();
  private assignment = new AbortController();
  private readonly inFlight = new Set<Promise<void>>();

  /**
   * @param work handles one record; resolves to undefined if it is done with, or to the milliseconds to hold the
   *   partition before it is tried again. The signal aborts when the partition may have become another process's.
   * @param drained says that a partition that was full takes records again
   */
  constructor(
    private readonly work: (record: R, attempt: number, lost: AbortSignal) => Promise<number | undefined>,
    private readonly drained: (topic: string, partition: number) => void,
  ) {}

  /** Takes records in order; false if the partition is full for now. */
  push(records: R[]): boolean {
    const first = records[0];
    if (!first) return true;
    const name = `${first.topic}/${first.partition}`;
    const queue = this.queues.get(name) ?? { records: [], running: false };
    this.queues.set(name, queue);
    queue.records.push(...records);
    if (!queue.running) {
      const run: Promise<void> = this.run(queue, this.assignment.signal).finally(() => this.inFlight.delete(run));
      this.inFlight.add(run);
    }
    return queue.records.length < HIGH_WATER;
  }

  /** Forgets everything not begun, and tells what is in flight that its partition is lost. */
  reset(): void {
    this.assignment.abort();
    this.assignment = new AbortController();
    this.queues = new Map();
  }

  /** What is done since this was last asked, to be committed. */
  takeDone(): Position[] {
    const positions: Position[] = [];
    for (const [name, queue] of this.queues) {
      if (queue.done === undefined) continue;
      const slash = name.lastIndexOf('/');
      positions.push({ topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)), offset: queue.done });
      queue.done = undefined;
    }
    return positions;
  }

  /** Ends after the records at hand: none is begun any more. */
  async stop(): Promise<void> {
    for (const queue of this.queues.values()) queue.records.length = 0;
    this.stopping.abort();
    await Promise.all(this.inFlight);
  }
  private readonly stopping = new AbortController();

  private async run(queue: Queue<R>, lost: AbortSignal): Promise<void> {
    queue.running = true;
    const over = AbortSignal.any([lost, this.stopping.signal]);
    for (let record = queue.records[0]; record && !over.aborted; record = queue.records[0]) {
      for (let attempt = 1; !over.aborted; attempt++) {
        const hold = await this.work(record, attempt, lost);
        if (hold === undefined) {
          queue.done = (BigInt(record.offset) + 1n).toString();
          queue.records.shift();
          if (queue.records.length === HIGH_WATER / 2) this.drained(record.topic, record.partition);
          break;
        }
        await pause(hold, over);
      }
    }
    queue.running = false;
  }
}
