import { Lease, pause, WakeSignal, within } from '#messaging';
import type { Infrastructure, Logger } from '#platform';

const POLL_MS = 500;
const AT_ONCE = 8;
/** An attempt that does not end in that time does not keep the process from stopping; it is made again. */
const FINISH_WITHIN_MS = 12_000;

/** A table of things to be done at their time. */
export interface WorkToDo<T> {
  /** Of one kind of work, one process of the service does it at a time. */
  name: string;
  keyOf(work: T): string;
  /** What is due and not in work, longest waiting first. */
  due(inWork: string[], limit: number): Promise<T[]>;
  /** One attempt, which stores its own outcome; one that throws is made again. */
  attempt(work: T): Promise<void>;
}

/** Does what is due, a few at once, each in a place of its own, so that one that takes long holds up no other. */
export class DueWork<T> {
  private readonly signal = new WakeSignal();
  private readonly lease: Lease;
  private readonly inFlight = new Map<string, Promise<void>>();
  private running?: Promise<void>;
  private stopping = false;

  constructor(
    private readonly toDo: WorkToDo<T>,
    { database }: Infrastructure,
    private readonly logger: Logger,
  ) {
    this.lease = new Lease(toDo.name, database, logger, () => this.signal.wake());
  }

  start(): void {
    this.lease.start();
    this.running = this.run();
  }

  /** Says that something became due now. */
  wake(): void {
    this.signal.wake();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.signal.wake();
    await this.running;
    await within(FINISH_WITHIN_MS, Promise.allSettled(this.inFlight.values()));
    await this.lease.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          await this.startDue();
        } catch (err) {
          this.logger.warn({ err, work: this.toDo.name }, 'work that may be due waits for the database');
        }
      await this.signal.wait(POLL_MS);
    }
  }

  private async startDue(): Promise<void> {
    const room = AT_ONCE - this.inFlight.size;
    if (room <= 0) return;
    for (const work of await this.toDo.due([...this.inFlight.keys()], room)) {
      const key = this.toDo.keyOf(work);
      const attempt = this.toDo
        .attempt(work)
        .catch(async (err: unknown) => {
          this.logger.warn({ err, work: this.toDo.name }, 'an outcome could not be stored');
          // It is due still: without a rest it would be tried without end.
          await pause(POLL_MS);
        })
        .finally(() => {
          this.inFlight.delete(key);
          this.signal.wake();
        });
      this.inFlight.set(key, attempt);
    }
  }
}
