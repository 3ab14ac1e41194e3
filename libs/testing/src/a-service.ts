import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { FhirResource } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { newEvent, type EventType } from '#events';
import { KafkaEventStrategy, UnitOfWork } from '#messaging';
import {
  createLogger,
  createService,
  migrateService,
  type Infrastructure,
  type Migration,
  type SchemaBeside,
  type Site,
  type SiteContent,
} from '#platform';
import { site as aSite } from './a-site.js';
import { dropSchema, testBrokers, testDatabaseUrl, testSchema, testTopicPrefix } from './test-infrastructure.js';

/** What makes a service: its name, its wiring, its tables, and where it listens beside HTTP. */
interface ServiceParts {
  service: string;
  module: object;
  migrations: Migration[];
  /** Schemas beside its own. */
  beside?: SchemaBeside[];
  listeners?: Pick<Infrastructure, 'mllp' | 'dicom'>;
}

let versions = 0;

/** A whole service in the process of the test, with a schema and topics of its own on real Postgres and Kafka. */
export class AService {
  /** Everything it logged. */
  readonly log: string[] = [];
  readonly infrastructure: Infrastructure;
  app!: INestApplication;
  /** `http://127.0.0.1:<port>`. */
  url = '';
  private readonly site: Site;

  protected constructor(
    private readonly parts: ServiceParts,
    site: Partial<SiteContent> = {},
  ) {
    this.site = aSite(site);
    this.infrastructure = {
      service: parts.service,
      database: { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 },
      kafka: { brokers: testBrokers(), topicPrefix: testTopicPrefix() },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0 },
      ...parts.listeners,
      apiTokens: {},
      logLevel: 'debug',
    };
  }

  protected async begin(): Promise<this> {
    await migrateService(this.infrastructure.database, this.parts);
    await this.run();
    return this;
  }

  /** Stops the service and starts it anew on the same data. */
  async restart(): Promise<void> {
    await this.app.close();
    for (const listener of [this.infrastructure.mllp, this.infrastructure.dicom]) if (listener) listener.port = 0;
    await this.run();
  }

  async stop(): Promise<void> {
    await this.app.close();
    await dropSchema(this.infrastructure.database.schema);
  }

  private async run(): Promise<void> {
    const { infrastructure, site } = this;
    const { service, module, migrations } = this.parts;
    const strategy = (nest: INestApplication) => nest.get(KafkaEventStrategy);
    const logger = createLogger(service, 'debug', { write: (line) => void this.log.push(line) });
    this.app = await createService(
      { service, module: module as never, migrations, strategy },
      { infrastructure, logger, migrations, site },
    );
    await this.app.listen(0, '127.0.0.1');
    this.url = `http://127.0.0.1:${(this.app.getHttpServer().address() as AddressInfo).port}`;
  }

  /** What other services publish, in one transaction about one patient; a later call is a later version. */
  async tell(type: EventType, ...resources: FhirResource[]): Promise<void> {
    const version = String(++versions);
    const told = resources.map((one) => ({ ...one, meta: { versionId: version, ...one.meta } }));
    const patients = told.filter(({ resourceType }) => resourceType === 'Patient');
    // A merge is told under the key of the patient who is no more, its second.
    const patientId = patients.at(type === 'imaging.patient.merged.v1' ? 1 : 0)!.id!;
    await this.app.get(UnitOfWork).run(patientId, async (transaction) => {
      transaction.publish(newEvent({ type, patientId, cause: version, now: new Date(), resources: told }));
    });
  }

  async sql<T>(query: string, parameters: unknown[] = []): Promise<T[]> {
    return this.app.get(DataSource).query(query, parameters);
  }

  /** The resources of what was published of a type, about one patient or all, in order. */
  async published(type: EventType, patientId?: string): Promise<FhirResource[][]> {
    const rows = await this.sql<{ payload: { entry: { resource: FhirResource }[] } }>(
      'SELECT payload FROM outbox WHERE type = $1 AND ($2::text IS NULL OR aggregateid = $2) ORDER BY seq',
      [type, patientId ?? null],
    );
    return rows.map(({ payload }) => payload.entry.slice(1).map(({ resource }) => resource));
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  /** Sends FHIR. */
  async send(method: 'POST' | 'PUT', path: string, body: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.url}/fhir${path ? `/${path}` : ''}`, {
      method,
      headers: { 'content-type': 'application/fhir+json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as never };
  }
}
