import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { Infrastructure, Logger } from '#platform';
import { Lease } from './lease.js';
import { within } from './pause.js';
import { WakeSignal } from './wake-signal.js';

/** How long what is under way may take to its end when the process stops; what does not is done again elsewhere. */
const FINISH_WITHIN_MS = 12_000;

/**
 * Does a kind of work again and again, in one process of a service at a time. Work that fails is tried again at the next
 * turn, for ever: what a turn does must be safe to repeat.
 */
export abstract class LeasedWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly signal = new WakeSignal();
  protected stopping = false;
  private readonly lease: Lease;
  private running?: Promise<void>;

  /**
   * @param what names the lease, one of the service's own
   * @param everyMs how often to look where nobody wakes it, in milliseconds
   */
  protected constructor(
    private readonly what: string,
    private readonly everyMs: number,
    { database }: Infrastructure,
    protected readonly logger: Logger,
  ) {
    this.lease = new Lease(what, database, logger, () => this.wake());
  }

  /** One turn of the work. */
  protected abstract turn(): Promise<void>;

  /** What a turn began and did not wait for. */
  protected underWay(): Promise<unknown> {
    return Promise.resolve();
  }

  /** Says that there is work now. */
  wake(): void {
    this.signal.wake();
  }

  onApplicationBootstrap(): void {
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake();
    await within(
      FINISH_WITHIN_MS,
      Promise.resolve(this.running).then(() => this.underWay()),
    );
    await this.lease.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          await this.turn();
        } catch (err) {
          this.logger.warn({ err, worker: this.what }, 'a worker cannot go on now and tries again');
        }
      await this.signal.wait(this.everyMs);
    }
  }
}
