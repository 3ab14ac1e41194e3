import { LeasedWorker, pause } from '#messaging';
import type { Infrastructure, Logger } from '#platform';

const POLL_MS = 500;
const AT_ONCE = 8;

/** Does what is due, a few at once, each in a place of its own, so that one that takes long holds up no other. */
export abstract class DueWork<T> extends LeasedWorker {
  private readonly inFlight = new Map<string, Promise<void>>();

  /** @param name of one kind of work, one process of the service does it at a time */
  protected constructor(
    private readonly name: string,
    infrastructure: Infrastructure,
    logger: Logger,
  ) {
    super(name, POLL_MS, infrastructure, logger);
  }

  protected abstract keyOf(work: T): string;

  /** What is due and not in work, longest waiting first. */
  protected abstract due(inWork: string[], limit: number): Promise<T[]>;

  /** One attempt, which stores its own outcome; one that throws is made again. */
  protected abstract attempt(work: T): Promise<void>;

  protected override underWay(): Promise<unknown> {
    return Promise.allSettled(this.inFlight.values());
  }

  protected async turn(): Promise<void> {
    const room = AT_ONCE - this.inFlight.size;
    if (room <= 0) return;
    for (const work of await this.due([...this.inFlight.keys()], room)) {
      const key = this.keyOf(work);
      const attempt = this.attempt(work)
        .catch(async (err: unknown) => {
          this.logger.warn({ err, work: this.name }, 'an outcome could not be stored');
          // It is due still: without a rest it would be tried without end.
          await pause(POLL_MS);
        })
        .finally(() => {
          this.inFlight.delete(key);
          this.wake();
        });
      this.inFlight.set(key, attempt);
    }
  }
}
