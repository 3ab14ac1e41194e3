import { Inject, Injectable } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Consumer, EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { isEventType, topicOf, type ImagingEvent } from '#events';
import {
  asFailure,
  INFRASTRUCTURE,
  Liveness,
  LOGGER,
  Metrics,
  Readiness,
  type Infrastructure,
  type Logger,
} from '#platform';
import { backoffMs } from './backoff.js';
import { EventProcessor, type EventRecord } from './event-processor.js';
import { ensureTopics, kafkaClient, topicName } from './kafka.js';
import { ParkedEvents } from './parked-events.js';
import type { Transaction } from './unit-of-work.js';

const WATCH_EVERY_MS = 15_000;
const STUCK_AFTER_MS = 60_000;

/** What an event handler gets beside the event: the transaction in which its inbox row is claimed. */
export class EventContext extends BaseRpcContext<[Transaction]> {
  get transaction(): Transaction {
    return this.getArgByIndex(0);
  }
}

/**
 * Nest's transport for imaging events over Kafka: `@EventPattern('<event type>')` handlers, each record handled exactly
 * once by effect, in order per patient.
 *
 * Offsets are committed only after the Postgres commit. A failure that may pass holds its partition and is tried again;
 * any other parks the event (see {@link EventProcessor}). kafkajs is known to nothing outside this file and kafka.ts.
 */
@Injectable()
export class KafkaEventStrategy extends Server implements CustomTransportStrategy {
  private consumer?: Consumer;
  private closing = false;
  private joined = false;
  private lastProgress = performance.now();
  private watch?: NodeJS.Timeout;

  constructor(
    @Inject(EventProcessor) private readonly processor: EventProcessor,
    @Inject(ParkedEvents) private readonly parked: ParkedEvents,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Readiness) readiness: Readiness,
    @Inject(Liveness) private readonly liveness: Liveness,
  ) {
    super();
    readiness.add('events', () => {
      if (this.topics().length > 0 && !this.joined) throw new Error('not joined');
    });
  }

  /** Begins to consume; returns at once, and keeps trying where the broker is not there yet. */
  listen(callback: (error?: unknown) => void): void {
    this.processor.use(
      (type) => this.messageHandlers.has(type),
      (event, transaction) => this.dispatch(event, transaction),
    );
    callback();
    if (this.topics().length > 0) void this.consume();
    this.watch = setInterval(() => void this.lookAfter(), WATCH_EVERY_MS);
  }

  /** Finishes the record at hand and leaves the group. */
  async close(): Promise<void> {
    this.closing = true;
    clearInterval(this.watch);
    await this.consumer?.disconnect().catch(() => undefined);
  }

  /** The parts of Nest's Server that this transport has no use for. */
  on(): never {
    throw new Error('this transport has no events of its own');
  }
  unwrap<T>(): T {
    return this.consumer as T;
  }

  private topics(): string[] {
    const types = [...this.messageHandlers.keys()].filter(isEventType);
    return [...new Set(types.map((type) => topicName(this.infrastructure, topicOf(type))))];
  }

  private async consume(): Promise<void> {
    for (let attempt = 1; !this.closing; attempt++) {
      try {
        await this.join();
        return;
      } catch (err) {
        if (attempt === 1) this.log.warn({ err }, 'the broker is not there yet; trying on');
        await this.consumer?.disconnect().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, Math.random())));
      }
    }
  }

  private async join(): Promise<void> {
    const kafka = kafkaClient(this.infrastructure, this.log);
    await ensureTopics(kafka, this.infrastructure);
    const consumer = kafka.consumer({
      groupId: `${this.infrastructure.kafka.topicPrefix}${this.infrastructure.service}`,
      sessionTimeout: 10_000,
      rebalanceTimeout: 20_000,
      heartbeatInterval: 2000,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
    });
    this.consumer = consumer;
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.joined = true;
      this.lastProgress = performance.now();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.joined = false;
      // kafkajs restarts by itself what it holds to be retriable; anything else is ours to start again.
      if (!payload.restart && !this.closing) void consumer.disconnect().then(() => this.consume());
    });
    await consumer.connect();
    await consumer.subscribe({ topics: this.topics(), fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: (batch) => this.handleBatch(batch),
    });
  }

  private async handleBatch({
    batch,
    resolveOffset,
    heartbeat,
    isRunning,
    isStale,
    commitOffsetsIfNecessary,
  }: EachBatchPayload) {
    for (const message of batch.messages) {
      const record = recordFrom(batch.topic, batch.partition, message);
      for (let attempt = 1; ; attempt++) {
        // A partition lost in a rebalance is another consumer's now; its inbox makes the overlap harmless.
        if (!isRunning() || isStale()) return;
        const held = await this.handleRecord(record, attempt);
        this.lastProgress = performance.now();
        if (!held) break;
        await this.hold(held, heartbeat);
      }
      resolveOffset(message.offset);
      await heartbeat();
    }
    await commitOffsetsIfNecessary();
  }

  /** @returns how long to hold the partition before the next attempt, undefined if the record is done with */
  private async handleRecord(record: EventRecord, attempt: number): Promise<number | undefined> {
    try {
      const outcome = await this.processor.process(record);
      const event = { eventId: record.headers.ce_id, type: record.headers.ce_type, key: record.key };
      if (outcome === 'parked') this.log.warn(event, 'event parked');
      else this.log.debug({ ...event, outcome }, 'event');
      return undefined;
    } catch (error) {
      const failure = asFailure(error);
      if (attempt === 1) this.log.warn({ err: failure, type: record.headers.ce_type }, 'partition held; trying again');
      return backoffMs(attempt, Math.random());
    }
  }

  private async hold(ms: number, heartbeat: () => Promise<void>): Promise<void> {
    const until = performance.now() + ms;
    while (!this.closing && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(1000, until - performance.now())));
      await heartbeat();
    }
  }

  private async dispatch(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const handler: MessageHandler = this.messageHandlers.get(event.type)!;
    const result: unknown = await handler(event, new EventContext([transaction]));
    await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
  }

  /** kafkajs can stand still without saying so: lag and no progress for a minute means a new start. */
  private async lookAfter(): Promise<void> {
    try {
      this.metrics.parkedKeys.set(await this.parked.countKeys());
      if (this.closing || performance.now() - this.lastProgress < STUCK_AFTER_MS || (await this.lag()) === 0) return;
      this.log.error('lag and no progress for a minute: this process asks to be restarted');
      this.liveness.fail('consumer makes no progress');
      process.exit(1);
    } catch (err) {
      this.log.debug({ err }, 'broker or database cannot be asked now');
    }
  }

  private async lag(): Promise<number> {
    const admin = kafkaClient(this.infrastructure, this.log).admin();
    await admin.connect();
    try {
      const groupId = `${this.infrastructure.kafka.topicPrefix}${this.infrastructure.service}`;
      const committed = await admin.fetchOffsets({ groupId, topics: this.topics() });
      let lag = 0;
      for (const { topic, partitions } of committed) {
        const ends = new Map((await admin.fetchTopicOffsets(topic)).map((end) => [end.partition, Number(end.offset)]));
        for (const { partition, offset } of partitions)
          lag += Math.max(0, (ends.get(partition) ?? 0) - Math.max(0, Number(offset)));
      }
      return lag;
    } finally {
      await admin.disconnect();
    }
  }
}

function recordFrom(topic: string, partition: number, message: KafkaMessage): EventRecord {
  return {
    topic,
    partition,
    offset: message.offset,
    key: message.key?.toString('utf8') ?? '',
    headers: textHeaders(message.headers),
    value: message.value,
  };
}

function textHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value].flat()[0]!.toString('utf8')]],
    ),
  );
}
