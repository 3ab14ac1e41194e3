import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { cloudEventHeaders, topicOf, type ImagingEvent } from '#events';
import { asFailure, CLOCK, type Clock } from '#platform';
import { WakeSignal } from './wake-signal.js';

/** Something to be sent to a system outside, in order per destination and key. */
export interface NewDelivery {
  /** Name of the destination in the site file. */
  destination: string;
  /** What must stay in order: the internal patient id. */
  key: string;
  /** What the sender makes of the body. */
  kind: string;
  /** The same key at the same destination is one delivery, however often it is asked for. */
  idempotencyKey: string;
  body: object;
}

/** What a handler works in: everything it does through this happens, or nothing does. */
export interface Transaction {
  readonly manager: EntityManager;
  readonly now: Date;
  /** Puts an event in the outbox; it reaches Kafka after the commit. */
  publish(event: ImagingEvent): void;
  /** Puts a delivery in the queue; it is sent after the commit. */
  deliver(delivery: NewDelivery): void;
}

const ATTEMPTS = 4;

/** Runs work in one Postgres transaction, together with the events and deliveries it gives rise to. */
@Injectable()
export class UnitOfWork {
  readonly published = new WakeSignal();
  readonly delivered = new WakeSignal();

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Writers of one patient run one after the other, so that a patient's outbox rows are numbered in the order of their
   * commits. Where another writer was first all the same, the work is run again from the start, a few times.
   *
   * @param patientId the patient the work is about; undefined if it is about none
   * @throws Failure as the work throws it, or database-unavailable, version-conflict, unexpected
   */
  async run<T>(patientId: string | undefined, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(patientId, work);
      } catch (error) {
        const failure = asFailure(error);
        if (failure.code !== 'version-conflict' || attempt === ATTEMPTS)
          throw failure.code === 'unexpected' ? error : failure;
      }
    }
  }

  private async attempt<T>(patientId: string | undefined, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const events: ImagingEvent[] = [];
    const deliveries: NewDelivery[] = [];
    const result = await this.dataSource.transaction(async (manager) => {
      if (patientId)
        await manager.query('SELECT pg_advisory_xact_lock(hashtext(current_schema()), hashtext($1))', [patientId]);
      const outcome = await work({
        manager,
        now: this.clock.now(),
        publish: (event) => void events.push(event),
        deliver: (delivery) => void deliveries.push(delivery),
      });
      if (events.length > 0) await insertEvents(manager, events);
      if (deliveries.length > 0) await insertDeliveries(manager, deliveries);
      return outcome;
    });
    if (events.length > 0) this.published.wake();
    if (deliveries.length > 0) this.delivered.wake();
    return result;
  }
}

/** An event id already there is the same fact told again: it stays one row. */
async function insertEvents(manager: EntityManager, events: ImagingEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    id: event.id,
    aggregatetype: topicOf(event.type),
    aggregateid: event.patientId,
    type: event.type,
    payload: event.data,
    headers: cloudEventHeaders(event),
  }));
  await manager.query(
    `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers)
     SELECT id, aggregatetype, aggregateid, type, payload, headers FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
       AS (id uuid, aggregatetype text, aggregateid text, type text, payload jsonb, headers jsonb)) WITH ORDINALITY
       AS r (id, aggregatetype, aggregateid, type, payload, headers, place)
     ORDER BY place ON CONFLICT (id) DO NOTHING`,
    [JSON.stringify(rows)],
  );
}

async function insertDeliveries(manager: EntityManager, deliveries: NewDelivery[]): Promise<void> {
  const rows = deliveries.map((delivery) => ({
    id: randomUUID(),
    destination: delivery.destination,
    key: delivery.key,
    kind: delivery.kind,
    idempotency_key: delivery.idempotencyKey,
    body: delivery.body,
  }));
  await manager.query(
    `INSERT INTO delivery (id, destination, key, kind, idempotency_key, body)
     SELECT id, destination, key, kind, idempotency_key, body FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
       AS (id uuid, destination text, key text, kind text, idempotency_key text, body jsonb)) WITH ORDINALITY
       AS r (id, destination, key, kind, idempotency_key, body, place)
     ORDER BY place ON CONFLICT (destination, idempotency_key) DO NOTHING`,
    [JSON.stringify(rows)],
  );
}
