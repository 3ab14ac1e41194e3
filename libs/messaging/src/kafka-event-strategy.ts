import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { lastValueFrom, throwError } from 'rxjs';
import { isEventType, topicOf, type ImagingEvent } from '#events';
import { asFailure, INFRASTRUCTURE, LOGGER, Readiness, type Infrastructure, type Logger } from '#platform';
import { backoffMs } from './backoff.js';
import { EventConsumer, type EventRecord } from './event-consumer.js';
import { EventContext } from './event-context.js';
import { EventProcessor } from './event-processor.js';
import { ensureTopics, kafkaClient, topicName } from './kafka.js';
import type { Transaction } from './unit-of-work.js';

/** Nest's own metadata keys (`@EventPattern`, `@UseFilters`); it exports no constants for them. */
const PATTERN = 'microservices:pattern';
const FILTERS = '__exceptionFilters__';
const uuid = /^[0-9a-f-]{36}$/i;
/** Longest wait of a held partition. */
const HOLD_CAP_MS = 5_000;

/**
 * Nest's transport for imaging events over Kafka: `@EventPattern('<event type>')` handlers, each record handled exactly
 * once by effect, in order per patient.
 *
 * Offsets are committed only after the Postgres commit. A failure that may pass holds its partition, and only that, and
 * is tried again for ever; any other parks the event (see {@link EventProcessor}).
 */
@Injectable()
export class KafkaEventStrategy
  extends Server
  implements CustomTransportStrategy, OnApplicationBootstrap, BeforeApplicationShutdown
{
  /** The strategy awaits what a handler returns, so Nest need not report it a second time. */
  override readonly propagatesEventHandlerErrors = true;
  private readonly handlers = new Map<string, MessageHandler[]>();
  private consumer?: EventConsumer;
  private listening = false;
  private bootstrapped = false;

  constructor(
    @Inject(EventProcessor) private readonly processor: EventProcessor,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(Readiness) readiness: Readiness,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    super();
    letHandlersFailAsThemselves(modules);
    readiness.add('events', () => {
      if (this.topics().length > 0 && !this.consumer?.joined) throw new Error('not joined');
    });
  }

  /** Several handlers of one event run one after the other, in one transaction. */
  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false, extras = {}): void {
    const type = String(pattern);
    if (!isEventType(type)) throw new Error(`@EventPattern('${type}'): not an event of the catalog`);
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), callback]);
    if (!this.messageHandlers.has(type)) super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Takes up consuming as soon as the application has started; returns at once, broker or no broker. */
  listen(callback: (error?: unknown) => void): void {
    this.processor.use(
      (type) => this.handlers.has(type),
      (event, transaction) => this.dispatch(event, transaction),
    );
    this.listening = true;
    this.startWhenReady();
    callback();
  }

  /** Nest starts microservices before the application's own hooks: no event is handled before those have run. */
  onApplicationBootstrap(): void {
    this.bootstrapped = true;
    this.startWhenReady();
  }

  /** First of all at shutdown: finish the records at hand, commit them, leave the group. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    await this.consumer?.stop();
  }

  /** The parts of Nest's Server that this transport has no use for. */
  on(): never {
    throw new Error('this transport has no events of its own');
  }
  unwrap<T>(): T {
    return this.consumer as T;
  }

  private topics(): string[] {
    const types = [...this.handlers.keys()].filter(isEventType);
    return [...new Set(types.map((type) => topicName(this.infrastructure, topicOf(type))))];
  }

  private startWhenReady(): void {
    if (!this.listening || !this.bootstrapped || this.consumer || this.topics().length === 0) return;
    const kafka = kafkaClient(this.infrastructure, this.log);
    this.consumer = new EventConsumer({
      kafka,
      group: `${this.infrastructure.kafka.topicPrefix}${this.infrastructure.service}`,
      topics: this.topics(),
      logger: this.log,
      prepare: () => ensureTopics(kafka, this.infrastructure),
      handle: (record, attempt, lost) => this.handleRecord(record, attempt, lost),
    });
    this.consumer.start();
  }

  private async handleRecord(record: EventRecord, attempt: number, lost: AbortSignal): Promise<number | undefined> {
    try {
      const outcome = await this.processor.process(record, lost);
      // Whoever else writes to the topic may put anything there, a patient's number too.
      const eventId = uuid.test(record.headers.ce_id ?? '') ? record.headers.ce_id : undefined;
      const about = { eventId, type: record.headers.ce_type, outcome };
      if (outcome === 'parked') this.log.warn(about, 'event parked');
      else if (outcome !== 'not-ours') this.log.debug(about, 'event');
      return undefined;
    } catch (error) {
      const failure = asFailure(error);
      if (!lost.aborted && attempt === 1)
        this.log.warn({ code: failure.code, type: record.headers.ce_type }, 'partition held; trying again');
      return Math.min(HOLD_CAP_MS, backoffMs(attempt, Math.random()));
    }
  }

  private async dispatch(event: ImagingEvent, transaction: Transaction): Promise<void> {
    for (const handler of this.handlers.get(event.type) ?? []) {
      const result: unknown = await handler(event, new EventContext([transaction]));
      await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
    }
  }
}

/**
 * Nest replaces what an event handler throws by "Internal server error" and logs the original with all it quotes. The
 * failure itself decides here, so every handler gets a filter that passes it on; it must be there before Nest binds the
 * handlers, hence at construction.
 */
function letHandlersFailAsThemselves(modules: ModulesContainer): void {
  const passOn = { catch: (error: unknown) => throwError(() => error) };
  for (const module of modules.values())
    for (const { metatype } of module.controllers.values()) {
      const prototype = (metatype as { prototype?: Record<string, unknown> } | undefined)?.prototype;
      for (const name of prototype ? Object.getOwnPropertyNames(prototype) : []) {
        const method = Object.getOwnPropertyDescriptor(prototype, name)?.value as object | undefined;
        if (typeof method !== 'function' || !Reflect.hasMetadata(PATTERN, method)) continue;
        const filters: unknown[] = Reflect.getMetadata(FILTERS, method) ?? [];
        Reflect.defineMetadata(FILTERS, [passOn, ...filters], method);
      }
    }
}
