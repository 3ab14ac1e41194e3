import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Radiation dose reports as they were read, and the dose of each exam, without whose it is, for statistics. */
export class Dose1700000004300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE dose_report (
        sop_instance_uid text PRIMARY KEY,
        study_instance_uid text NOT NULL,
        caller text,
        bytes bytea,
        transfer_syntax text,
        report jsonb,
        reason text,
        received_at timestamptz NOT NULL,
        filed_at timestamptz
      )`);
    await runner.query('CREATE INDEX dose_report_study ON dose_report (study_instance_uid)');
    await runner.query('CREATE INDEX dose_report_waiting ON dose_report (received_at) WHERE filed_at IS NULL');
    await runner.query(`
      CREATE TABLE dose_exam (
        observation_id uuid PRIMARY KEY,
        kind text NOT NULL,
        performed_at timestamptz NOT NULL,
        room text,
        procedure text,
        protocol text,
        age_years real,
        weight_kg real,
        sex text,
        events integer NOT NULL,
        measures jsonb NOT NULL,
        is_above boolean NOT NULL
      )`);
    await runner.query('CREATE INDEX dose_exam_performed ON dose_exam (performed_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE dose_exam');
    await runner.query('DROP TABLE dose_report');
  }
}
