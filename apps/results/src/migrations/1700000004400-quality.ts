import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Exposures, and who said what became of them. No patient is in any of it; who the operator was is in a table of its own,
 * so that nothing that reads the others can show it.
 */
export class Quality1700000004400 implements MigrationInterface {
  readonly name = 'Quality1700000004400';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE acquired_image (
        sop_instance_uid text PRIMARY KEY,
        study_instance_uid text NOT NULL,
        order_id text,
        modality text,
        body_part text,
        view text,
        laterality text,
        room text,
        station text,
        detector text,
        exposure_index double precision,
        target_exposure_index double precision,
        deviation_index double precision,
        acquired_at timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX acquired_image_time ON acquired_image (acquired_at)');
    await runner.query(`
      CREATE TABLE quality_statement (
        id text PRIMARY KEY,
        exposure text NOT NULL,
        said jsonb NOT NULL,
        version int NOT NULL DEFAULT 1,
        client text NOT NULL,
        stated_at timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX quality_statement_exposure ON quality_statement (exposure)');
    await runner.query(`
      CREATE TABLE quality_entry (
        exposure text NOT NULL,
        kind text NOT NULL,
        counts boolean NOT NULL,
        at timestamptz NOT NULL,
        modality text,
        body_part text,
        view text,
        room text,
        detector text,
        reason text,
        body jsonb NOT NULL,
        PRIMARY KEY (exposure, kind)
      )`);
    await runner.query('CREATE INDEX quality_entry_time ON quality_entry (at)');
    await runner.query(`
      CREATE TABLE quality_operator (
        exposure text PRIMARY KEY,
        operator text NOT NULL,
        is_stated boolean NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['quality_operator', 'quality_entry', 'quality_statement', 'acquired_image'])
      await runner.query(`DROP TABLE ${table}`);
  }
}
