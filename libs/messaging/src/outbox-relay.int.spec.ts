import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { dropService, patientEvent, startService, until, type TestService } from './messaging-test-bed.spec.js';
import { OutboxRelay } from './outbox-relay.js';
import { UnitOfWork } from './unit-of-work.js';

let service: TestService;
let consumer: Consumer;
let seen: { key: string; cause: string }[];

const unpublished = async (): Promise<number> =>
  (await service.database.query('SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL'))[0].n;
const publish = (where: TestService, patient: string, cause: string) =>
  where.app.get(UnitOfWork).run(patient, async (transaction) => transaction.publish(patientEvent(patient, cause)));
const causesOf = (patient: string) => [...new Set(seen.filter(({ key }) => key === patient).map(({ cause }) => cause))];

beforeEach(async () => {
  seen = [];
  service = await startService();
  const { kafka } = service.infrastructure;
  // Once anything is published the topics are there.
  await publish(service, randomUUID(), 'first');
  await until('the first published', async () => (await unpublished()) === 0);
  const client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING });
  consumer = client.consumer({ groupId: `${kafka.topicPrefix}observer`, maxWaitTimeInMs: 100 });
  await consumer.subscribe({ topic: `${kafka.topicPrefix}imaging.patient`, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { entry } = JSON.parse(message.value!.toString()) as { entry: { resource: { language: string } }[] };
      seen.push({ key: message.key!.toString(), cause: entry[1]!.resource.language });
    },
  });
  await until('the first seen', () => seen.length === 1);
});
afterEach(async () => {
  await consumer.disconnect();
  await service.app.close();
  await dropService(service.infrastructure);
});

describe('the outbox relay', () => {
  it('loses nothing and keeps the order when the producer fails after the broker has the records', async () => {
    const patient = randomUUID();
    const producer = (
      service.app.get(OutboxRelay) as unknown as { producer: { sendBatch: (batch: unknown) => Promise<unknown> } }
    ).producer;
    const sendBatch = producer.sendBatch;
    const failing = jest.fn(async (batch: unknown) => {
      await sendBatch(batch);
      throw Object.assign(new Error('connection lost'), { name: 'KafkaJSConnectionError' });
    });
    producer.sendBatch = failing;
    for (const cause of ['a', 'b', 'c']) await publish(service, patient, cause);
    await until('all published', async () => failing.mock.calls.length > 0 && (await unpublished()) === 0);
    await until('all seen', () => causesOf(patient).length === 3);
    expect(causesOf(patient)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the order with two processes, also when the lease changes hands', async () => {
    const second = await startService([], service.infrastructure);
    const patient = randomUUID();
    const expected: string[] = [];
    for (let n = 0; n < 60; n++) {
      expected.push(String(n));
      await publish(n % 2 ? service : second, patient, String(n));
      if (n === 20)
        await service.database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
              AND classid::bigint = (hashtext($1)::bigint & 4294967295)`,
          [service.infrastructure.database.schema],
        );
    }
    await until('all published', async () => (await unpublished()) === 0);
    await until('all seen', () => causesOf(patient).length === 60);
    expect(causesOf(patient)).toEqual(expected);
    await second.app.close();
  });

  it('sends on the way down what was committed before', async () => {
    const patient = randomUUID();
    await publish(service, patient, 'last');
    await service.app.close();
    await until('seen', () => causesOf(patient).length === 1);
    expect(causesOf(patient)).toEqual(['last']);
  });
});
