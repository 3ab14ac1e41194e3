import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Comparisons of what is here with the PACS and with who is told by FHIR, and what they found. */
export class Reconciliation1700000004700 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE reconciliation (
        id uuid PRIMARY KEY,
        from_day date NOT NULL,
        to_day date NOT NULL,
        asked_by text NOT NULL,
        asked_at timestamptz NOT NULL,
        night date UNIQUE,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'complete', 'incomplete')),
        finished_at timestamptz,
        compared int,
        failures jsonb NOT NULL DEFAULT '[]'
      )`);
    await runner.query('CREATE INDEX reconciliation_asked ON reconciliation (asked_at)');
    await runner.query("CREATE INDEX reconciliation_waiting ON reconciliation (asked_at) WHERE state = 'waiting'");
    await runner.query(`
      CREATE TABLE reconciliation_difference (
        reconciliation_id uuid NOT NULL REFERENCES reconciliation (id) ON DELETE CASCADE,
        number int NOT NULL,
        kind text NOT NULL,
        subject jsonb NOT NULL,
        patient_id text,
        detail text NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'repaired', 'closed')),
        repair text,
        settled_by text,
        settled_name text,
        settled_at timestamptz,
        PRIMARY KEY (reconciliation_id, number)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE reconciliation_difference');
    await runner.query('DROP TABLE reconciliation');
  }
}
