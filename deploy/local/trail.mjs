import { Kafka, logLevel } from 'kafkajs';

/**
 * Prints what happens while the journey plays: what the sandbox hospital sends and gets (from its journal), and every
 * event on Kafka, read by a consumer as anyone's own would. Lines come in the order of their times.
 */
export class Trail {
  /** @type {{ time: number, who: string, what: string }[]} */
  #waiting = [];
  #seen = 0;
  #startedAt = Date.now();
  /** @type {import('kafkajs').Consumer | undefined} */
  #consumer;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** Events seen, by type. */
  eventTypes = new Set();

  /**
   * @param {object} sources
   * @param {string} sources.brokers
   * @param {string} sources.journalUrl
   * @param {(line: string) => void} sources.print
   */
  constructor({ brokers, journalUrl, print }) {
    this.brokers = brokers;
    this.journalUrl = journalUrl;
    this.print = print;
  }

  /** Starts reading; what comes after this is in the trail. */
  async follow() {
    const kafka = new Kafka({ clientId: 'trail', brokers: this.brokers.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith('imaging.'));
    const ends = await Promise.all(
      topics.map(async (topic) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })),
    );
    await admin.disconnect();
    const consumer = kafka.consumer({ groupId: `trail-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 200 });
    this.#consumer = consumer;
    await consumer.connect();
    await consumer.subscribe({ topics });
    await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => this.#take(message) });
    for (const { topic, partitions } of ends)
      for (const { partition, high } of partitions) consumer.seek({ topic, partition, offset: high });
    await this.#readJournal();
    this.#waiting = [];
    this.#startedAt = Date.now();
    const round = async () => {
      await this.#readJournal().catch(() => {});
      this.#flush(Date.now() - 500);
      this.#timer = setTimeout(round, 200);
    };
    this.#timer = setTimeout(round, 200);
  }

  /** Prints what is still to come and stops reading. */
  async end() {
    clearTimeout(this.#timer);
    await this.#readJournal().catch(() => {});
    this.#flush(Infinity);
    await this.#consumer?.disconnect();
  }

  /** @param {import('kafkajs').KafkaMessage} message */
  #take(message) {
    const type = String(message.headers?.ce_type);
    this.eventTypes.add(type);
    this.#waiting.push({
      time: Number(message.timestamp),
      who: 'Kafka',
      what: `${type}, patient ${String(message.key).slice(0, 8)}…, event ${String(message.headers?.ce_id).slice(0, 8)}…`,
    });
  }

  async #readJournal() {
    const entries = await (await fetch(`${this.journalUrl}?after=${this.#seen}`)).json();
    this.#seen += entries.length;
    this.#waiting.push(...entries.map(({ time, who, what }) => ({ time: Date.parse(time), who, what })));
  }

  /** @param {number} until */
  #flush(until) {
    this.#waiting.sort((a, b) => a.time - b.time);
    while (this.#waiting.length > 0 && this.#waiting[0].time <= until) {
      const { time, who, what } = /** @type {{ time: number, who: string, what: string }} */ (this.#waiting.shift());
      const after = ((time - this.#startedAt) / 1000).toFixed(3);
      this.print(
        `  ${new Date(time).toISOString().slice(11, 23)}  ${`+${after} s`.padStart(10)}  ${who.padEnd(12)}  ${what}`,
      );
    }
  }
}
