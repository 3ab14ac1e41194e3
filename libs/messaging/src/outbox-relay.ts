import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Producer } from 'kafkajs';
import { INFRASTRUCTURE, LOGGER, Metrics, type Infrastructure, type Logger } from '#platform';
import { backoffMs } from './backoff.js';
import { ensureTopics, kafkaClient, orderedProducer, topicName } from './kafka.js';
import { Lease } from './lease.js';
import { ParkedEvents } from './parked-events.js';
import { pause, within } from './pause.js';
import { UnitOfWork } from './unit-of-work.js';

const BATCH = 500;
const POLL_MS = 200;
const GATHER_MS = 25;
const MEASURE_EVERY_MS = 5000;

interface OutboxRow {
  id: string;
  aggregatetype: string;
  aggregateid: string;
  payload: string;
  headers: Record<string, string>;
}

/**
 * Brings committed events from the outbox to Kafka, in the order of their commits. One process of a service does it at
 * a time; rows are marked published only after the broker's acknowledgement, so a crash in between sends them again
 * and the consumers' inboxes drop the second.
 *
 * It selects what is unpublished, never what is beyond a cursor: sequences commit out of order and a cursor loses rows.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly lease: Lease;
  private producer?: Producer;
  private running?: Promise<void>;
  private stopping = false;
  private readonly ending = new AbortController();
  private failures = 0;
  private measuredAt = 0;
  private relayedAt = 0;

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ParkedEvents) private readonly parked: ParkedEvents,
  ) {
    this.lease = new Lease('outbox-relay', infrastructure.database, logger, () => unitOfWork.published.wake());
  }

  onApplicationBootstrap(): void {
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.ending.abort();
    this.unitOfWork.published.wake();
    await within(10_000, this.running ?? Promise.resolve());
    await this.lease.stop();
    if (this.producer) await within(3000, this.producer.disconnect());
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const relayed = this.lease.held ? await this.relayQuietly() : 0;
      if (relayed === BATCH) continue;
      // While the broker is away, commits must not turn the wait into a hammering.
      if (this.failures > 0) await pause(Math.min(3000, backoffMs(this.failures, Math.random())), this.ending.signal);
      else await this.unitOfWork.published.wait(POLL_MS);
      // Many commits in a row share one round, so that relaying does not slow them down; a single one does not wait.
      const rest = GATHER_MS - (performance.now() - this.relayedAt);
      if (rest > 0) await pause(rest, this.ending.signal);
    }
    // What was committed before the shutdown began goes out with it, if the broker is there.
    if (this.lease.held && this.failures === 0) await this.relayQuietly();
  }

  private async relayQuietly(): Promise<number> {
    try {
      const relayed = await this.relay();
      if (this.failures > 0) this.logger.info('the broker is back; the outbox goes on');
      this.failures = 0;
      await this.measure();
      return relayed;
    } catch (err) {
      this.failures++;
      if (this.failures === 1) this.logger.warn({ err }, 'the outbox waits for the broker or the database');
      // An idempotent producer that failed may not be able to go on; a new one can.
      if (this.producer) await within(3000, this.producer.disconnect());
      this.producer = undefined;
      return 0;
    }
  }

  private async relay(): Promise<number> {
    const rows: OutboxRow[] = await this.dataSource.query(
      `SELECT id, aggregatetype, aggregateid, payload::text AS payload, headers FROM outbox
        WHERE published_at IS NULL ORDER BY seq LIMIT ${BATCH}`,
    );
    if (rows.length === 0) return 0;
    this.relayedAt = performance.now();
    const byTopic = new Map<string, OutboxRow[]>();
    for (const row of rows) {
      const sameTopic = byTopic.get(row.aggregatetype);
      if (sameTopic) sameTopic.push(row);
      else byTopic.set(row.aggregatetype, [row]);
    }
    this.producer ??= await this.connect();
    await this.producer.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, events]) => ({
        topic: topicName(this.infrastructure, topic),
        messages: events.map((row) => ({ key: row.aggregateid, value: row.payload, headers: row.headers })),
      })),
    });
    // Needs no wait for the disk: a mark that is lost sends its rows again, and the inboxes drop them. The wait would
    // be paid by every commit that shares the disk.
    await this.dataSource.query(
      `UPDATE outbox SET published_at = clock_timestamp()
         FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily WHERE id = ANY($1::uuid[])`,
      [rows.map((row) => row.id)],
    );
    for (const [topic, events] of byTopic) this.metrics.eventsPublished.inc({ topic }, events.length);
    return rows.length;
  }

  private async connect(): Promise<Producer> {
    const kafka = kafkaClient(this.infrastructure, this.logger);
    await ensureTopics(kafka, this.infrastructure);
    const producer = orderedProducer(kafka);
    await producer.connect();
    return producer;
  }

  private async measure(): Promise<void> {
    if (performance.now() - this.measuredAt < MEASURE_EVERY_MS) return;
    this.measuredAt = performance.now();
    const [{ depth, age }] = await this.dataSource.query(
      `SELECT count(*)::int AS depth, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float AS age
         FROM outbox WHERE published_at IS NULL`,
    );
    this.metrics.outboxUnpublished.set(depth);
    this.metrics.outboxAge.set(age);
    this.metrics.parkedKeys.set(await this.parked.countKeys());
  }
}
