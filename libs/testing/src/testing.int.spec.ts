import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { testBrokers, testDatabase, testTopicPrefix, type TestDatabase } from './index.js';

describe('The infrastructure of a test run', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  it('gives a schema of its own on a Postgres that is durable', async () => {
    await database.dataSource.query('CREATE TABLE mine (id int)');
    const found = await database.dataSource.query(`SELECT schemaname FROM pg_tables WHERE tablename = 'mine'`);
    expect(found).toEqual([{ schemaname: database.schema }]);
    expect(await database.dataSource.query('SHOW fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('gives a broker that keeps what it is given, and makes no topic by itself', async () => {
    const admin = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const topic = `${testTopicPrefix()}imaging.order`;
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
      expect(await admin.fetchTopicOffsets(topic)).toHaveLength(2);
      await expect(admin.fetchTopicOffsets(`${topic}.missing`)).rejects.toThrow();
    } finally {
      await admin.deleteTopics({ topics: [topic] }).catch(() => {});
      await admin.disconnect();
    }
  });
});
