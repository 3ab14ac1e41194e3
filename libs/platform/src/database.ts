import { Client } from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { fail } from './failure.js';
import type { Infrastructure } from './infrastructure.js';
import { PreparingClient } from './prepared-statements.js';

/** Postgres, NAMEDATALEN less one: what is longer is cut. */
const LONGEST_NAME = 63;

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

/** A schema that a service has beside its own, for what must be granted, backed up and dropped apart. */
export interface SchemaBeside {
  /** Its name is that of the service's schema, an underscore and this. */
  suffix: string;
  migrations: Migration[];
}

/** Connections to a schema beside: few people are at what is kept there. */
const POOL_BESIDE = 3;

/**
 * The database of a schema beside the service's own. It has connections of its own, whose search path names it alone: a
 * statement cannot end up in the other schema.
 *
 * @throws Failure field-invalid where the name would be longer than Postgres takes, which would cut it to another's
 */
export function databaseBeside(database: Infrastructure['database'], suffix: string): Infrastructure['database'] {
  const schema = `${database.schema}_${suffix}`;
  if (schema.length > LONGEST_NAME)
    throw fail(
      'field-invalid',
      `DATABASE_SCHEMA must leave room for _${suffix}: with it ${LONGEST_NAME} characters at most`,
      {
        field: 'DATABASE_SCHEMA',
      },
    );
  return { ...database, schema, poolSize: POOL_BESIDE };
}

/** Brings a service's schema, and those beside it, to this version. */
export async function migrateService(
  database: Infrastructure['database'],
  { migrations, beside = [] }: { migrations: Migration[]; beside?: SchemaBeside[] },
): Promise<string[]> {
  const done = await migrate(database, migrations);
  for (const { suffix, migrations } of beside)
    done.push(...(await migrate(databaseBeside(database, suffix), migrations)));
  return done;
}

/** Brings a schema to this version; safe to run by several at once, and again. */
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
