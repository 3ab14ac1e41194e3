import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { INestApplication, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { newEvent, type ImagingEvent } from '#events';
import { createLogger, createService, migrate, type Infrastructure, type Site } from '#platform';
import { KafkaEventStrategy } from './kafka-event-strategy.js';
import { messagingMigrations } from './index.js';
import { MessagingModule } from './messaging.module.js';

/** A service of its own on the test database and broker: own schema, own topic prefix. For specs only. */
export interface TestService {
  app: INestApplication;
  database: DataSource;
  url: string;
  infrastructure: Infrastructure;
}

/** Settings of a service nobody else uses. */
export function testInfrastructure(): Infrastructure {
  const { TEST_DATABASE_URL: database, TEST_KAFKA_BROKERS: brokers } = process.env;
  if (!database || !brokers) throw new Error('TEST_DATABASE_URL and TEST_KAFKA_BROKERS must be set');
  const name = `t${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  return {
    service: 'scheduling',
    database: { url: database, schema: name, poolSize: 10 },
    kafka: { brokers: brokers.split(','), topicPrefix: `${name}.` },
    siteFile: '-',
    http: { host: '127.0.0.1', port: 0 },
    apiTokens: {},
    logLevel: process.env.TEST_LOG_LEVEL ?? 'silent',
  };
}

/** Starts a service with these event handlers; with the same infrastructure, a second process of the same service. */
export async function startService(
  controllers: Type[] = [],
  infrastructure = testInfrastructure(),
): Promise<TestService> {
  await migrate(infrastructure.database, messagingMigrations);
  class TestModule {}
  Module({ imports: [MessagingModule.forService({ service: infrastructure.service })], controllers })(TestModule);
  const logger = createLogger('test', infrastructure.logLevel);
  const app = await createService(
    {
      service: infrastructure.service,
      module: TestModule,
      migrations: messagingMigrations,
      strategy: (nest) => nest.get(KafkaEventStrategy),
    },
    { infrastructure, logger, migrations: messagingMigrations, site: {} as Site },
  );
  await app.listen(0, '127.0.0.1');
  const { DataSource } = await import('typeorm');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, database: app.get(DataSource), url: `http://127.0.0.1:${port}`, infrastructure };
}

/** Removes what a service left behind. */
export async function dropService({ database: { url, schema }, kafka }: Infrastructure): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.end();
  const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(kafka.topicPrefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.disconnect();
}

/** An event about a patient; `cause` makes it a different one. */
export function patientEvent(patientId: string, cause: string): ImagingEvent {
  return newEvent({
    type: 'imaging.patient.updated.v1',
    patientId,
    cause,
    now: new Date(),
    resources: [{ resourceType: 'Patient', id: patientId, language: cause }],
  });
}

/** Waits until the condition holds; fails after half a minute. */
export async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
