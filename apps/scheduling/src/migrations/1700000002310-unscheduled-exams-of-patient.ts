import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whenever an order comes, its patient's exams without one are looked for. */
export class UnscheduledExamsOfPatient1700000002310 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX performed_procedure_step_unscheduled_of ON performed_procedure_step (patient_id) WHERE is_unscheduled',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX performed_procedure_step_unscheduled_of');
  }
}
