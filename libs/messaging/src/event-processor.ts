import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { MalformedEvent, readCloudEvent, type ImagingEvent } from '#events';
import { asFailure, INFRASTRUCTURE, Metrics, type Failure, type Infrastructure } from '#platform';
import { ParkedEvents, type ParkedEvent } from './parked-events.js';
import { UnitOfWork, type Transaction } from './unit-of-work.js';

/** One Kafka record, as far as handling it needs. */
export interface EventRecord {
  topic: string;
  partition: number;
  offset: string;
  key: string;
  headers: Record<string, string>;
  value: Buffer | null;
}

/** Calls the service's handlers of an event inside the transaction that claimed it. */
export type Dispatch = (event: ImagingEvent, transaction: Transaction) => Promise<void>;

/** What became of a record. */
export type Processed = 'handled' | 'duplicate' | 'waiting' | 'parked' | 'not-ours';

/**
 * Handles one record so that its effect happens exactly once: the inbox row is claimed in the transaction of the work.
 * An event that cannot be handled is parked with its reason, and later events of the same patient wait behind it, while
 * all other patients' events go on.
 */
@Injectable()
export class EventProcessor {
  private dispatch: Dispatch = async () => undefined;
  private handles: (type: string) => boolean = () => false;

  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(ParkedEvents) private readonly parked: ParkedEvents,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** Set once by the transport, which knows the service's handlers. */
  use(handles: (type: string) => boolean, dispatch: Dispatch): void {
    this.handles = handles;
    this.dispatch = dispatch;
  }

  /**
   * Handles a record, or parks it.
   *
   * @throws Failure of fate retry only: the caller holds the partition and tries again
   */
  async process(record: EventRecord): Promise<Processed> {
    const type = record.headers.ce_type ?? '';
    if (type && !this.handles(type)) return 'not-ours';
    const stop = this.metrics.eventDuration.startTimer({ type });
    const outcome = await this.handleOrPark(record);
    stop();
    this.metrics.eventsHandled.inc({ type, outcome });
    return outcome;
  }

  /**
   * Handles a patient's parked and waiting events in their order, up to the first that fails again.
   *
   * @param by who asks
   * @returns how many were handled, and the failure that stopped it
   */
  async replay(key: string, by: string): Promise<{ replayed: number; failure?: Failure }> {
    for (let replayed = 0; ; replayed++) {
      let current: ParkedEvent | undefined;
      try {
        // The patient's lock is held, so that no live event overtakes between the last replay and the key's release.
        const done = await this.unitOfWork.run(key, async (transaction) => {
          current = await this.parked.next(transaction.manager, this.consumer, key);
          if (!current) return true;
          const event = readCloudEvent(current.headers, current.value);
          if (!event) throw new MalformedEvent('the event type is not known to this version');
          if (await this.parked.claim(transaction.manager, this.consumer, event.id))
            await this.dispatch(event, transaction);
          await this.parked.resolve(transaction.manager, current.id, 'replayed', by);
          return false;
        });
        if (done) return { replayed };
      } catch (error) {
        const failure = asFailure(error);
        if (current) await this.parked.failedAgain(current.id, failure);
        return { replayed, failure };
      }
    }
  }

  private get consumer(): string {
    return this.infrastructure.service;
  }

  private async handleOrPark(record: EventRecord): Promise<Processed> {
    try {
      const event = readCloudEvent(record.headers, record.value);
      if (!event) return 'not-ours';
      return await this.unitOfWork.run(event.patientId, (transaction) => this.handle(record, event, transaction));
    } catch (error) {
      const failure = asFailure(error);
      if (failure.fate === 'retry') throw failure;
      await this.unitOfWork.run(record.key, ({ manager }) =>
        this.parked.park(manager, this.consumer, idOf(record), record, 'parked', failure),
      );
      return 'parked';
    }
  }

  private async handle(record: EventRecord, event: ImagingEvent, transaction: Transaction): Promise<Processed> {
    const place = await this.parked.claimUnlessWaiting(transaction.manager, this.consumer, event.id, record.key);
    if (place === 'waiting')
      await this.parked.park(transaction.manager, this.consumer, event.id, record, 'waiting', undefined);
    if (place === 'claimed') await this.dispatch(event, transaction);
    return place === 'claimed' ? 'handled' : place;
  }
}

/** A record whose event id cannot be read is known by its bytes. */
function idOf(record: EventRecord): string {
  const bytes = createHash('sha256').update(JSON.stringify(record.headers));
  return record.headers.ce_id ?? bytes.update(record.value ?? '').digest('hex');
}
