import { Inject, Injectable, Optional } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { Bundle } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { MalformedEvent, readCloudEvent, type ImagingEvent } from '#events';
import { asFailure, fail, INFRASTRUCTURE, Metrics, type Failure, type Infrastructure } from '#platform';
import type { EventRecord } from './event-consumer.js';
import { ParkedEvents, type ParkedEvent } from './parked-events.js';
import type { MergedPatient } from './merged-patients.js';
import { UnitOfWork, type Transaction } from './unit-of-work.js';

/** Calls the service's handlers of an event inside the transaction that claimed it. */
export type Dispatch = (event: ImagingEvent, transaction: Transaction) => Promise<void>;

/** Says what was said of a patient who was merged into another as said of that other. */
export type OfSurvivor = (data: Bundle, merged: MergedPatient, manager: EntityManager) => Promise<Bundle>;
/** Token of a service's {@link OfSurvivor}. */
export const OF_SURVIVOR = Symbol('OfSurvivor');

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
    @Optional() @Inject(OF_SURVIVOR) private readonly ofSurvivor?: OfSurvivor,
  ) {}

  /** Set once by the transport, which knows the service's handlers. */
  use(handles: (type: string) => boolean, dispatch: Dispatch): void {
    this.handles = handles;
    this.dispatch = dispatch;
  }

  /**
   * Handles a record, or parks it.
   *
   * @param lost aborted when the record's partition may be another process's: nothing is committed after that
   * @throws Failure of fate retry only: the caller holds the partition and tries again
   */
  async process(record: EventRecord, lost?: AbortSignal): Promise<Processed> {
    const type = record.headers.ce_type ?? '';
    if (type && !this.handles(type)) return 'not-ours';
    const stop = this.metrics.eventDuration.startTimer({ type });
    try {
      const outcome = await this.handleOrPark(record, lost);
      this.metrics.eventsHandled.inc({ type, outcome });
      return outcome;
    } finally {
      stop();
    }
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
            await this.dispatch(await this.standing(event, transaction), transaction);
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

  private async handleOrPark(record: EventRecord, lost: AbortSignal | undefined): Promise<Processed> {
    try {
      const event = readCloudEvent(record.headers, record.value);
      if (!event) return 'not-ours';
      if (event.patientId !== record.key) throw new MalformedEvent('ce_subject is not the key of the record');
      return await this.unitOfWork.run(record.key, async (transaction) => {
        const outcome = await this.handle(record, event, transaction);
        if (lost?.aborted) throw fail('broker-unavailable', 'the partition was given to another consumer');
        return outcome;
      });
    } catch (error) {
      const failure = asFailure(error);
      if (failure.fate === 'retry') throw failure;
      return await this.park(record, failure);
    }
  }

  private async handle(record: EventRecord, event: ImagingEvent, transaction: Transaction): Promise<Processed> {
    const place = await this.parked.claimUnlessWaiting(transaction.manager, this.consumer, event.id, record.key);
    if (place === 'waiting')
      await this.parked.park(transaction.manager, this.consumer, event.id, record, 'waiting', undefined);
    if (place === 'claimed') await this.dispatch(await this.standing(event, transaction), transaction);
    return place === 'claimed' ? 'handled' : place;
  }

  /** An event of a patient who was merged meanwhile, as one of the patient who stands for them; a merge as it is. */
  private async standing(event: ImagingEvent, { merged, manager }: Transaction): Promise<ImagingEvent> {
    if (!merged || !this.ofSurvivor || event.type === 'imaging.patient.merged.v1') return event;
    return { ...event, patientId: merged.to, data: await this.ofSurvivor(event.data, merged, manager) };
  }

  private async park(record: EventRecord, failure: Failure): Promise<Processed> {
    const key = parkingKeyOf(record);
    const id = failure.code === 'event-malformed' ? idByContent(record) : (record.headers.ce_id ?? idByContent(record));
    await this.unitOfWork.run(key, ({ manager }) =>
      this.parked.park(manager, this.consumer, id, { ...record, key }, 'parked', failure),
    );
    return 'parked';
  }
}

/** A record without a usable key blocks nobody: it is parked under its own place. */
function parkingKeyOf(record: EventRecord): string {
  return record.key && !record.key.includes('\0')
    ? record.key
    : `record:${record.topic}:${record.partition}:${record.offset}`;
}

/** The id of what is no event: by its bytes, since whatever it says of itself may be another event's. */
function idByContent(record: EventRecord): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([record.key, record.headers]))
    .update(record.value ?? '');
  return `malformed:${digest.digest('hex')}`;
}
