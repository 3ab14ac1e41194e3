import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { dataSourceFor, migrate, type Infrastructure, type Migration } from '#platform';

/** A schema of its own on the Postgres of this test run. */
export interface TestDatabase {
  url: string;
  schema: string;
  /** As #platform takes it. */
  database: Infrastructure['database'];
  /** Connected, with the migrations run. */
  dataSource: DataSource;
  /** Disconnects and drops the schema. */
  drop(): Promise<void>;
}

/**
 * Makes a schema of its own, brings it up by the migrations and connects to it. Call `drop()` in afterAll.
 */
export async function testDatabase(migrations: Migration[] = []): Promise<TestDatabase> {
  const database = { url: testDatabaseUrl(), schema: testSchema(), poolSize: 10 };
  await migrate(database, migrations);
  const dataSource = await dataSourceFor(database, migrations).initialize();
  return {
    url: database.url,
    schema: database.schema,
    database,
    dataSource,
    async drop() {
      if (dataSource.isInitialized) await dataSource.destroy();
      await dropSchema(database.schema);
    },
  };
}

/** A schema name nobody else uses. */
export function testSchema(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/** Removes a schema with everything in it, and those that a service has beside it. */
export async function dropSchema(schema: string): Promise<void> {
  const client = new Client({ connectionString: testDatabaseUrl() });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname = $1 OR starts_with(nspname, $1 || '_')",
      [schema],
    );
    for (const { name } of rows) await client.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`);
  } finally {
    await client.end();
  }
}

/** A prefix for topics and consumer groups that nobody else uses. */
export function testTopicPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}.`;
}

/** The Postgres of this test run. */
export function testDatabaseUrl(): string {
  return fromGlobalSetup('TEST_DATABASE_URL');
}

/** The Kafka brokers of this test run. */
export function testBrokers(): string[] {
  return fromGlobalSetup('TEST_KAFKA_BROKERS').split(',');
}

function fromGlobalSetup(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: name this file *.int.spec.ts so that Jest starts Postgres and Kafka for it`);
  return value;
}
