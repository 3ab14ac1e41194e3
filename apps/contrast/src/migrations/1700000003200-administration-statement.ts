import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who said what of what was given: the administrations of a plan follow from its statements. Nothing is overwritten: a
 * correction is a row of its own beside the one it replaces. What was recorded before was stated by a person.
 */
export class AdministrationStatement1700000003200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE administration_statement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        statement_id text NOT NULL,
        plan_id text NOT NULL,
        stated_by text NOT NULL,
        client text NOT NULL,
        stated_at timestamptz NOT NULL,
        arrived bigint NOT NULL,
        settles text[] NOT NULL DEFAULT '{}',
        replaced boolean NOT NULL DEFAULT false,
        body jsonb NOT NULL
      )`);
    await runner.query(
      'CREATE UNIQUE INDEX administration_statement_current ON administration_statement (statement_id) WHERE NOT replaced',
    );
    await runner.query('CREATE INDEX administration_statement_plan ON administration_statement (plan_id)');
    await runner.query(`
      INSERT INTO administration_statement (statement_id, plan_id, stated_by, client, stated_at, arrived, body)
      SELECT id, split_part(body #>> '{request,reference}', '/', 2), 'person', '', last_updated,
             row_number() OVER (ORDER BY last_updated, id), body - 'meta'
        FROM resource WHERE type = 'MedicationAdministration' AND body #>> '{request,reference}' IS NOT NULL
       ORDER BY last_updated, id`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE administration_statement');
  }
}
