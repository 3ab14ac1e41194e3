import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which patient stands for which; flat, so that work about a patient finds in one look-up whom it is about now. */
export class MergedPatient1700000000210 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE merged_patient (patient_id text PRIMARY KEY, survivor_id text NOT NULL)');
    await runner.query('CREATE INDEX merged_patient_survivor ON merged_patient (survivor_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE merged_patient');
  }
}
