import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tasks of which something comes due by the clock alone. */
export class DueTask1700000000400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE due_task (
        task_id text PRIMARY KEY,
        due_at timestamptz NOT NULL,
        next_attempt_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        failure text
      )`);
    await runner.query('CREATE INDEX due_task_next ON due_task (next_attempt_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE due_task');
  }
}
