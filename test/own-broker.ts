import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#testing';
import { startKafka } from '../deploy/local/embedded-kafka.mjs';

/** A Kafka of a suite's own, that it may kill and bring back with what it kept. */
export class OwnBroker {
  private constructor(
    private readonly where: { dataDirectory: string; port: number },
    private kafka: Awaited<ReturnType<typeof startKafka>>,
  ) {}

  static async start(): Promise<OwnBroker> {
    const where = { dataDirectory: mkdtempSync(join(tmpdir(), 'collimator-kafka-')), port: await freePort() };
    return new OwnBroker(where, await startKafka(where));
  }

  /** What a service needs in its environment to use it. */
  get env(): { KAFKA_BROKERS: string } {
    return { KAFKA_BROKERS: `127.0.0.1:${this.where.port}` };
  }

  async kill9(): Promise<void> {
    await this.kafka.kill9();
  }

  /** After {@link kill9}. */
  async comeBack(): Promise<void> {
    this.kafka = await startKafka(this.where);
  }

  async stop(): Promise<void> {
    await this.kafka.stop();
  }
}
