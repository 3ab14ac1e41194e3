import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Studies the PACS may have though no exam told of them, and how far its changes were followed. */
export class StudyWatch1700000004610 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE study_watch (
        study_instance_uid text PRIMARY KEY,
        since timestamptz NOT NULL,
        next_look_at timestamptz NOT NULL,
        code text,
        reason text
      )`);
    await runner.query('CREATE INDEX study_watch_due ON study_watch (next_look_at)');
    await runner.query('CREATE TABLE pacs_changes (source text PRIMARY KEY, sequence bigint NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE pacs_changes');
    await runner.query('DROP TABLE study_watch');
  }
}
