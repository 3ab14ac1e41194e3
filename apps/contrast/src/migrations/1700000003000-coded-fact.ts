import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is observed and diagnosed of a patient, by code: the few facts a screening asks for among years of them. */
export class CodedFact1700000003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE coded_fact (
        type text NOT NULL,
        id text NOT NULL,
        code text COLLATE "C" NOT NULL,
        patient_id text NOT NULL,
        at timestamptz,
        PRIMARY KEY (type, id, code)
      )`);
    await runner.query('CREATE INDEX coded_fact_patient ON coded_fact (patient_id, type, code, at DESC NULLS LAST)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE coded_fact');
  }
}
