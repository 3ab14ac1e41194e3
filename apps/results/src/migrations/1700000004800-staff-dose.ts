import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds readings of a time, and those of one person, in the schema of staff doses. */
export class StaffDose1700000004800 implements MigrationInterface {
  readonly name = 'StaffDose1700000004800';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "CREATE INDEX staff_reading_end ON resource ((body #>> '{effectivePeriod,end}')) WHERE type = 'Observation'",
    );
    await runner.query(
      "CREATE INDEX staff_reading_subject ON resource ((body #>> '{subject,reference}')) WHERE type = 'Observation'",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX staff_reading_subject, staff_reading_end');
  }
}
