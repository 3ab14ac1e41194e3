import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { FhirResource, MedicationRequest, Patient, ServiceRequest } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { newEvent, type EventType } from '#events';
import { KafkaEventStrategy, UnitOfWork } from '#messaging';
import { createLogger, createService, migrate, type Infrastructure } from '#platform';
import { dropSchema, site, testBrokers, testDatabaseUrl, testSchema, testTopicPrefix, until } from '#testing';
import { contrastPlanIdOf } from './contrast-plan.decider.js';
import { ContrastModule, contrastMigrations } from './contrast.module.js';

let versions = 0;

/** The contrast service in this process, on the database and broker of the test run; specs share it, it is no spec. */
export class AContrastService {
  private constructor(
    private readonly app: INestApplication,
    private readonly infrastructure: Infrastructure,
    readonly url: string,
  ) {}

  static async start(): Promise<AContrastService> {
    const infrastructure: Infrastructure = {
      service: 'contrast',
      database: { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 },
      kafka: { brokers: testBrokers(), topicPrefix: testTopicPrefix() },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0 },
      apiTokens: {},
      logLevel: process.env.TEST_LOG_LEVEL ?? 'silent',
    };
    await migrate(infrastructure.database, contrastMigrations);
    const app = await createService(
      {
        service: 'contrast',
        module: ContrastModule,
        migrations: contrastMigrations,
        strategy: (nest) => nest.get(KafkaEventStrategy),
      },
      {
        infrastructure,
        logger: createLogger('contrast', infrastructure.logLevel),
        migrations: contrastMigrations,
        site: site(),
      },
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new AContrastService(app, infrastructure, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    await this.app.close();
    await dropSchema(this.infrastructure.database.schema);
  }

  /** What orders publishes; a later call is a later version of what it carries. */
  async tell(type: EventType, resources: (ServiceRequest | Patient)[]): Promise<void> {
    const version = String(++versions);
    const told = resources.map((one) => ({ ...one, meta: { versionId: version } }));
    const patient = told.find(({ resourceType }) => resourceType === 'Patient')!;
    await this.app.get(UnitOfWork).run(patient.id!, async (transaction) => {
      const event = { type, patientId: patient.id!, cause: version, now: new Date(), resources: told };
      transaction.publish(newEvent(event));
    });
  }

  /** What was published of a type about one patient, in order. */
  async published(type: EventType, patientId: string): Promise<FhirResource[][]> {
    const rows: { payload: { entry: { resource: FhirResource }[] } }[] = await this.sql(
      'SELECT payload FROM outbox WHERE type = $1 AND aggregateid = $2 ORDER BY seq',
      [type, patientId],
    );
    return rows.map(({ payload }) => payload.entry.slice(1).map(({ resource }) => resource));
  }

  async sql<T>(query: string, parameters: unknown[] = []): Promise<T[]> {
    return this.app.get(DataSource).query(query, parameters);
  }

  /** Waits for an order's contrast record in that status. */
  async planOf(order: ServiceRequest, status: MedicationRequest['status'] = 'active'): Promise<MedicationRequest> {
    return until(
      async () => {
        const response = await fetch(`${this.url}/fhir/MedicationRequest/${contrastPlanIdOf(order.id!)}`);
        const plan = (await response.json()) as MedicationRequest;
        return response.ok && plan.status === status && plan;
      },
      { what: `the contrast record to be ${status}` },
    );
  }

  async send(method: 'POST' | 'PUT', path: string, body: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.url}/fhir/${path}`, {
      method,
      headers: { 'content-type': 'application/fhir+json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as never };
  }
}
