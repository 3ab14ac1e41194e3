import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Accession numbers in use: one patient each, and a sequence for those we assign. */
export class AccessionNumber1700000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE SEQUENCE accession_number_sequence');
    await runner.query('CREATE TABLE accession_number (value text PRIMARY KEY, patient_id text NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE accession_number');
    await runner.query('DROP SEQUENCE accession_number_sequence');
  }
}
