import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which order an exam was really done for, where its technologist had chosen another's worklist entry. */
export class ReassignedExams1700000002800 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE performed_procedure_step ADD COLUMN reassigned_to text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE performed_procedure_step DROP COLUMN reassigned_to');
  }
}
