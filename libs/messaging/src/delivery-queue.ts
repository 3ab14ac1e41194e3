import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  asFailure,
  INFRASTRUCTURE,
  LOGGER,
  Metrics,
  type Failure,
  type FailureCode,
  type Infrastructure,
  type Logger,
} from '#platform';
import { backoffMs } from './backoff.js';
import { Deliveries, type Delivery } from './deliveries.js';
import { Lease } from './lease.js';
import { within } from './pause.js';
import { UnitOfWork } from './unit-of-work.js';

const POLL_MS = 250;
/** A send that does not end in that time does not keep the process from stopping; it is sent again. */
const FINISH_WITHIN_MS = 12_000;
const MEASURE_EVERY_MS = 5000;

/** Sends one delivery; must be idempotent by its idempotency key, since a crash may send it twice. */
export type Send = (delivery: Delivery) => Promise<void>;

/** Failures of the destination as a whole: the next content would fare no better. */
const wholePeer: FailureCode[] = ['peer-unavailable', 'peer-busy', 'peer-denied'];

interface Destination {
  send: Send;
  concurrency: number;
  /** Not before this time on the monotonic clock: the peer is away. */
  heldUntil: number;
  failures: number;
  /** Patients it was asked in vain for since it was last there: the next to ask is another, as long as there is one. */
  askedInVain: Set<string>;
}

/**
 * Sends what was committed to be sent, in order per destination and patient, for as long as it takes. A peer that is
 * away holds its destination; a failure of one content that may pass holds its patient there; content that the peer
 * refuses is parked, and that patient's later deliveries to it wait behind it, while all others go on.
 */
@Injectable()
export class DeliveryQueue implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly destinations = new Map<string, Destination>();
  private readonly lease: Lease;
  private readonly inFlight = new Map<string, Promise<void>>();
  private running?: Promise<void>;
  private stopping = false;
  private measuredAt = 0;

  constructor(
    @Inject(Deliveries) private readonly deliveries: Deliveries,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    this.lease = new Lease('delivery-queue', infrastructure.database, logger, () => unitOfWork.delivered.wake());
  }

  /** Says how to reach a destination, and for how many patients at once. */
  register(destination: string, send: Send, options: { concurrency: number }): void {
    this.destinations.set(destination, {
      send,
      concurrency: options.concurrency,
      heldUntil: 0,
      failures: 0,
      askedInVain: new Set(),
    });
  }

  onApplicationBootstrap(): void {
    // Destinations may be registered by another provider's bootstrap hook, after this one.
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.unitOfWork.delivered.wake();
    await this.running;
    await within(FINISH_WITHIN_MS, Promise.allSettled(this.inFlight.values()));
    await this.lease.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          for (const [name, destination] of this.destinations) await this.startDue(name, destination);
          await this.measure();
        } catch (err) {
          this.logger.warn({ err }, 'the delivery queue waits for the database');
        }
      await this.unitOfWork.delivered.wait(POLL_MS);
    }
  }

  private async startDue(name: string, destination: Destination): Promise<void> {
    if (performance.now() < destination.heldUntil) return;
    const busy = [...this.inFlight.keys()]
      .filter((key) => key.startsWith(`${name}\n`))
      .map((key) => key.slice(name.length + 1));
    // While the peer was last seen away, one delivery at a time finds out whether it is back.
    const room = (destination.failures > 0 ? 1 : destination.concurrency) - busy.length;
    if (room <= 0) return;
    for (const delivery of await this.nextFor(name, destination, busy, room)) {
      const slot = `${name}\n${delivery.key}`;
      const attempt = this.attempt(destination, delivery)
        .catch((err: unknown) =>
          this.logger.warn({ err }, 'the outcome of a delivery could not be stored; it is sent again'),
        )
        .finally(() => {
          this.inFlight.delete(slot);
          this.unitOfWork.delivered.wake();
        });
      this.inFlight.set(slot, attempt);
    }
  }

  /**
   * What is to be sent next. One content may be what makes the peer fall: while it seems to be away, each patient in
   * turn finds out, so that the others do not wait for that one.
   */
  private async nextFor(name: string, destination: Destination, busy: string[], room: number): Promise<Delivery[]> {
    const { askedInVain } = destination;
    if (askedInVain.size === 0) return this.deliveries.due(name, busy, room);
    const found = await this.deliveries.due(name, [...busy, ...askedInVain], room);
    if (found.length > 0) return found;
    askedInVain.clear();
    return this.deliveries.due(name, busy, room);
  }

  private async attempt(destination: Destination, delivery: Delivery): Promise<void> {
    const started = performance.now();
    const milliseconds = () => Math.round(performance.now() - started);
    const about = { delivery: delivery.id, destination: delivery.destination, kind: delivery.kind };
    try {
      await destination.send(delivery);
    } catch (error) {
      const failure = asFailure(error);
      this.hold(destination, delivery, failure);
      const wait = Math.max(failure.retryAfterMs ?? 0, backoffMs(delivery.attempts + 1, Math.random()));
      await this.deliveries.failed(delivery, failure, wait, milliseconds());
      this.metrics.deliveryAttempts.inc({ destination: delivery.destination, outcome: failure.code });
      this.logger.warn({ ...about, attempt: delivery.attempts + 1, err: failure }, 'not delivered');
      return;
    }
    destination.failures = 0;
    destination.askedInVain.clear();
    await this.deliveries.done(delivery, milliseconds());
    this.metrics.deliveryAttempts.inc({ destination: delivery.destination, outcome: 'delivered' });
    this.logger.info({ ...about, ms: milliseconds() }, 'delivered');
  }

  private hold(destination: Destination, { key }: Delivery, failure: Failure): void {
    if (!wholePeer.includes(failure.code)) return;
    destination.askedInVain.add(key);
    const now = performance.now();
    // Those that were under way together failed for one reason, and count as one failure: eight at once would else have
    // the longest wait begin with the first second that the peer is away.
    const isFirst = now >= destination.heldUntil;
    if (isFirst) destination.failures++;
    const wait = isFirst ? backoffMs(destination.failures, Math.random()) : 0;
    destination.heldUntil = Math.max(destination.heldUntil, now + Math.max(failure.retryAfterMs ?? 0, wait));
  }

  private async measure(): Promise<void> {
    if (performance.now() - this.measuredAt < MEASURE_EVERY_MS) return;
    this.measuredAt = performance.now();
    this.metrics.deliveriesOpen.reset();
    this.metrics.deliveryAge.reset();
    const open = await this.deliveries.open();
    for (const { destination, state, count } of open) this.metrics.deliveriesOpen.set({ destination, state }, count);
    for (const destination of new Set([...this.destinations.keys(), ...open.map((one) => one.destination)])) {
      // What is parked is not delivered either, and holds what its patient waits for.
      const ages = open.filter((one) => one.destination === destination).map(({ age }) => age);
      this.metrics.deliveryAge.set({ destination }, Math.max(0, ...ages));
    }
  }
}
