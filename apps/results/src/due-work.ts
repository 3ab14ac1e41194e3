import { LeasedWorker, pause } from '#messaging';
import type { Infrastructure, Logger } from '#platform';

const POLL_MS = 500;
const AT_ONCE = 8;

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
export class DueWork<T> extends LeasedWorker {
  private readonly inFlight = new Map<string, Promise<void>>();

  constructor(
    private readonly toDo: WorkToDo<T>,
    infrastructure: Infrastructure,
    logger: Logger,
  ) {
    super(toDo.name, POLL_MS, infrastructure, logger);
  }

  protected override underWay(): Promise<unknown> {
    return Promise.allSettled(this.inFlight.values());
  }

  protected async turn(): Promise<void> {
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
          this.wake();
        });
      this.inFlight.set(key, attempt);
    }
  }
}
