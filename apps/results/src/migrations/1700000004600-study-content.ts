import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What becomes of a study after it was found, and what was rejected of it. */
export class StudyContent1700000004600 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE study_lookup
        ADD COLUMN found_at timestamptz,
        ADD COLUMN told_at timestamptz`);
    // What was found before now was told.
    await runner.query("UPDATE study_lookup SET found_at = since, told_at = since WHERE state = 'found'");
    await runner.query('CREATE INDEX study_lookup_expected ON study_lookup USING gin (expected_instances)');
    await runner.query(`
      CREATE TABLE rejection_note (
        sop_instance_uid text PRIMARY KEY,
        study_instance_uid text NOT NULL,
        code text,
        noted_at timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX rejection_note_study ON rejection_note (study_instance_uid)');
    await runner.query(`
      CREATE TABLE rejected_instance (
        sop_instance_uid text NOT NULL,
        source text NOT NULL,
        study_instance_uid text NOT NULL,
        code text NOT NULL,
        PRIMARY KEY (sop_instance_uid, source)
      )`);
    await runner.query('CREATE INDEX rejected_instance_study ON rejected_instance (study_instance_uid)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rejected_instance');
    await runner.query('DROP TABLE rejection_note');
    await runner.query('DROP INDEX study_lookup_expected');
    await runner.query('ALTER TABLE study_lookup DROP COLUMN found_at, DROP COLUMN told_at');
  }
}
