import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The study a dose report counts for, where its exam was done under the wrong worklist entry. */
export class ReassignedDose1700000004410 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dose_report ADD COLUMN counts_for text');
    await runner.query('CREATE INDEX dose_report_counts_for ON dose_report (coalesce(counts_for, study_instance_uid))');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dose_report DROP COLUMN counts_for');
  }
}
