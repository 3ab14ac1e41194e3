import type { MigrationInterface, QueryRunner } from 'typeorm';

/** State as FHIR: current resources, every version of them, and who looked at them. */
export class Resource1700000000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE resource (
        type text NOT NULL,
        id text NOT NULL,
        version int NOT NULL,
        last_updated timestamptz NOT NULL,
        patient_id text,
        status text,
        identifiers text[] NOT NULL DEFAULT '{}',
        refs text[] NOT NULL DEFAULT '{}',
        body jsonb NOT NULL,
        PRIMARY KEY (type, id)
      )`);
    await runner.query('CREATE INDEX resource_identifiers ON resource USING gin (identifiers) WITH (fastupdate = off)');
    await runner.query('CREATE INDEX resource_refs ON resource USING gin (refs) WITH (fastupdate = off)');
    await runner.query('CREATE INDEX resource_patient ON resource (type, patient_id, id)');
    await runner.query('CREATE INDEX resource_updated ON resource (type, last_updated, id)');
    await runner.query(`
      CREATE TABLE resource_history (
        type text NOT NULL,
        id text NOT NULL,
        version int NOT NULL,
        last_updated timestamptz NOT NULL,
        body jsonb NOT NULL,
        PRIMARY KEY (type, id, version)
      )`);
    await runner.query(`
      CREATE TABLE audit_event (
        id uuid PRIMARY KEY,
        recorded timestamptz NOT NULL,
        agent text NOT NULL,
        body jsonb NOT NULL
      )`);
    await runner.query('CREATE INDEX audit_event_recorded ON audit_event (recorded)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_event, resource_history, resource');
  }
}
