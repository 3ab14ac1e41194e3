import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What injectors report by DICOM: the object as it came, what it says, and what became of it. */
export class InjectorReport1700000003210 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE injector_report (
        sop_instance_uid text COLLATE "C" PRIMARY KEY,
        ae_title text NOT NULL,
        digest text NOT NULL,
        transfer_syntax text NOT NULL,
        object bytea NOT NULL,
        report jsonb NOT NULL,
        received_at timestamptz NOT NULL,
        state text NOT NULL,
        reason text,
        accession_numbers text[] NOT NULL,
        study_uids text[] NOT NULL,
        scheduled_step_ids text[] NOT NULL,
        performed_step_uids text[] NOT NULL,
        order_id text,
        administration_id text,
        refused_copies integer NOT NULL DEFAULT 0
      )`);
    // Few wait at a time: an order looks through these only.
    await runner.query(
      `CREATE INDEX injector_report_waiting ON injector_report (received_at) WHERE state <> 'recorded'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE injector_report');
  }
}
