import type { AddressInfo } from 'node:net';
import type { INestApplication, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { Kafka, logLevel } from 'kafkajs';
import type { DataSource } from 'typeorm';
import { newEvent, type ImagingEvent } from '#events';
import { createLogger, createService, migrate, type Infrastructure } from '#platform';
import {
  dropSchema,
  site as aSite,
  testBrokers,
  testDatabaseUrl,
  testSchema,
  testTopicPrefix,
  until as untilTrue,
} from '#testing';
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
  return {
    service: 'scheduling',
    database: { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 },
    kafka: { brokers: testBrokers(), topicPrefix: testTopicPrefix() },
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
  Module({
    imports: [MessagingModule.forService({ service: infrastructure.service, ofSurvivor: async (data) => data })],
    controllers,
  })(TestModule);
  const logger = createLogger('test', infrastructure.logLevel);
  const app = await createService(
    {
      service: infrastructure.service,
      module: TestModule,
      migrations: messagingMigrations,
      strategy: (nest) => nest.get(KafkaEventStrategy),
    },
    { infrastructure, logger, migrations: messagingMigrations, site: aSite() },
  );
  await app.listen(0, '127.0.0.1');
  const { DataSource } = await import('typeorm');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, database: app.get(DataSource), url: `http://127.0.0.1:${port}`, infrastructure };
}

/** Removes what a service left behind. */
export async function dropService({ database, kafka }: Infrastructure): Promise<void> {
  await dropSchema(database.schema);
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
  await untilTrue(condition, { within: 30_000, every: 20, what });
}
