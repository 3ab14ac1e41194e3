import type { Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import type { Logger } from '#platform';
import { backoffMs } from './backoff.js';
import { PartitionQueues } from './partition-queues.js';
import { pause, within } from './pause.js';

/** One Kafka record; nothing in it is trusted yet. */
export interface EventRecord {
  topic: string;
  partition: number;
  offset: string;
  key: string;
  headers: Record<string, string>;
  value: Buffer | null;
}

const COMMIT_EVERY_MS = 200;
const WATCH_EVERY_MS = 5_000;
const STUCK_AFTER_MS = 60_000;
const DISCONNECT_WITHIN_MS = 5_000;

/**
 * A member of a consumer group, for as long as the process runs: it joins when the broker is there, joins again after a
 * crash, and replaces itself where it stands still although there is lag (kafkajs #1720, #1527, #1010). Everything of
 * kafkajs on the reading side ends in this file.
 */
export class EventConsumer {
  private consumer?: Consumer;
  private readonly queues: PartitionQueues<EventRecord>;
  private readonly closing = new AbortController();
  private loop?: Promise<void>;
  private isMember = false;
  private moved = performance.now();

  /**
   * @param options.handle see {@link PartitionQueues}
   * @param options.prepare runs before each joining, to make the topics
   */
  constructor(
    private readonly options: {
      kafka: Kafka;
      group: string;
      topics: string[];
      logger: Logger;
      prepare: () => Promise<void>;
      handle: (record: EventRecord, attempt: number, lost: AbortSignal) => Promise<number | undefined>;
    },
  ) {
    this.queues = new PartitionQueues<EventRecord>(
      async (record, attempt, lost) => {
        const hold = await options.handle(record, attempt, lost);
        this.moved = performance.now();
        return hold;
      },
      (topic, partition) => this.consumer?.resume([{ topic, partitions: [partition] }]),
    );
  }

  /** True while the group knows this member. */
  get joined(): boolean {
    return this.isMember;
  }

  /** Begins to consume; never rejects. */
  start(): void {
    this.loop = this.run();
  }

  /** Finishes the records at hand, commits them and leaves the group; bounded. */
  async stop(): Promise<void> {
    this.closing.abort();
    await within(15_000, this.queues.stop());
    await within(20_000, this.loop ?? Promise.resolve());
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.closing.signal.aborted;) {
      const crashed = new AbortController();
      try {
        await this.join(crashed);
        failures = 0;
        await this.attend(AbortSignal.any([crashed.signal, this.closing.signal]));
      } catch (err) {
        failures++;
        const say = failures === 1 ? 'warn' : 'debug';
        this.options.logger[say]({ err }, 'cannot consume now; trying on');
      }
      await this.leave();
      if (!this.closing.signal.aborted)
        await pause(Math.min(3000, backoffMs(failures + 1, Math.random())), this.closing.signal);
    }
  }

  private async join(crashed: AbortController): Promise<void> {
    const { kafka, group, topics, prepare } = this.options;
    await prepare();
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: 10_000,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1000,
      maxWaitTimeInMs: 250,
      allowAutoTopicCreation: false,
      // Joining again is decided here, with a bounded wait, not inside kafkajs.
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5, restartOnFailure: async () => false },
    });
    this.consumer = consumer;
    const changed = (isMember: boolean) => () => {
      // After a rebalance kafkajs reads from the committed offsets again, also of partitions it kept.
      this.queues.reset();
      const paused = consumer.paused();
      if (paused.length > 0) consumer.resume(paused);
      this.isMember = isMember;
      this.moved = performance.now();
    };
    consumer.on(consumer.events.REBALANCING, changed(false));
    consumer.on(consumer.events.GROUP_JOIN, changed(true));
    for (const event of [consumer.events.CRASH, consumer.events.STOP]) consumer.on(event, () => crashed.abort());
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async ({ batch, resolveOffset, pause: pausePartition, isStale }) => {
        if (isStale()) return;
        const records = batch.messages.map((message) => recordFrom(batch.topic, batch.partition, message));
        // The position moves on at once; what is committed follows the work.
        if (!this.queues.push(records)) pausePartition();
        resolveOffset(batch.lastOffset());
      },
    });
  }

  /** Commits what is done, and looks whether there is anything to complain about, until told to stop. */
  private async attend(until: AbortSignal): Promise<void> {
    let watched = performance.now();
    while (!until.aborted) {
      await pause(COMMIT_EVERY_MS, until);
      await this.commit();
      if (performance.now() - watched < WATCH_EVERY_MS) continue;
      watched = performance.now();
      if (watched - this.moved < STUCK_AFTER_MS || until.aborted) continue;
      if ((await this.lag()) > 0) {
        this.options.logger.error('lag and no progress for a minute: the consumer starts anew');
        return;
      }
      this.moved = watched;
    }
  }

  private async commit(): Promise<void> {
    if (!this.isMember) return;
    const done = this.queues.takeDone();
    if (done.length === 0) return;
    try {
      await this.consumer?.commitOffsets(done);
    } catch (err) {
      // What is not committed is read again, and the inbox knows it.
      this.options.logger.debug({ err }, 'offsets not committed');
    }
  }

  private async leave(): Promise<void> {
    const consumer = this.consumer;
    if (this.closing.signal.aborted) await within(2000, this.commit());
    this.isMember = false;
    this.consumer = undefined;
    if (!this.closing.signal.aborted) this.queues.reset();
    // A disconnect may take for ever (kafkajs #1596, #1639).
    if (consumer) await within(DISCONNECT_WITHIN_MS, consumer.disconnect());
  }

  /** How many records of its topics the group has not committed. */
  async lag(): Promise<number> {
    const admin = this.options.kafka.admin();
    try {
      await admin.connect();
      const committed = await admin.fetchOffsets({ groupId: this.options.group, topics: this.options.topics });
      let lag = 0;
      for (const { topic, partitions } of committed) {
        const ends = new Map((await admin.fetchTopicOffsets(topic)).map((end) => [end.partition, end]));
        for (const { partition, offset } of partitions) {
          const { low = '0', high = '0' } = ends.get(partition) ?? {};
          lag += Math.max(0, Number(high) - Math.max(Number(low), Number(offset)));
        }
      }
      return lag;
    } finally {
      await within(DISCONNECT_WITHIN_MS, admin.disconnect());
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
    Object.entries(headers ?? {}).flatMap(([name, value]) => {
      const one = [value].flat()[0];
      return one === undefined ? [] : [[name, one.toString('utf8')]];
    }),
  );
}
