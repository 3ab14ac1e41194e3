import { Client } from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import type { Infrastructure } from './infrastructure.js';
import { PreparingClient } from './prepared-statements.js';

/** A migration class, as TypeORM wants it: its name ends in a timestamp that gives its place. */
export type Migration = new () => MigrationInterface;

/**
 * A service's database: its own schema, nothing synchronised, nothing shared. Not connected yet.
 *
 * Dates and times travel as ISO strings in jsonb and as Date in timestamptz columns.
 */
export function dataSourceFor(database: Infrastructure['database'], migrations: Migration[]): DataSource {
  return new DataSource({
    type: 'postgres',
    url: database.url,
    schema: database.schema,
    migrations,
    migrationsTableName: 'migration',
    synchronize: false,
    logging: false,
    extra: {
      Client: PreparingClient,
      max: database.poolSize,
      options: `-c search_path=${database.schema}`,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    },
  });
}

/** Brings a service's schema to this version; safe to run by several at once, and again. */
export async function migrate(database: Infrastructure['database'], migrations: Migration[]): Promise<string[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    // One migrator at a time: CREATE SCHEMA IF NOT EXISTS and TypeORM's own table both race otherwise.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [`migrate ${database.schema}`]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${database.schema}"`);
    const dataSource = await dataSourceFor(database, migrations).initialize();
    try {
      return (await dataSource.runMigrations({ transaction: 'each' })).map(({ name }) => name);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await client.end();
  }
}
