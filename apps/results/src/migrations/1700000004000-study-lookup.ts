import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Studies that are looked for in the PACS: durable, so that a restart forgets none. */
export class StudyLookup1700000004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE study_lookup (
        study_instance_uid text PRIMARY KEY,
        patient_id text NOT NULL,
        state text NOT NULL CHECK (state IN ('searching', 'found', 'missing')),
        attempts int NOT NULL DEFAULT 0,
        since timestamptz NOT NULL,
        next_attempt_at timestamptz,
        expected_instances text[] NOT NULL,
        code text,
        reason text
      )`);
    await runner.query(
      'CREATE INDEX study_lookup_due ON study_lookup (next_attempt_at) WHERE next_attempt_at IS NOT NULL',
    );
    await runner.query("CREATE INDEX study_lookup_missing ON study_lookup (since) WHERE state = 'missing'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE study_lookup');
  }
}
