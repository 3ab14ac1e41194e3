import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The worklist, the times taken at each station, and what modalities report. */
export class Worklist1700000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // In schema public, since every service of this database may want it and an extension lives in one schema.
    await runner.query('CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public');
    await runner.query(`
      CREATE TABLE worklist_item (
        appointment_id text PRIMARY KEY,
        patient_id text NOT NULL,
        station_ae_title text NOT NULL,
        modality text NOT NULL,
        start_date text NOT NULL,
        start_time text NOT NULL,
        accession_number text NOT NULL,
        dicom_patient_id text NOT NULL,
        requested_procedure_id text NOT NULL,
        step_id text NOT NULL,
        study_instance_uid text NOT NULL,
        status text NOT NULL,
        attributes jsonb NOT NULL
      )`);
    await runner.query(
      "CREATE INDEX worklist_item_station ON worklist_item (station_ae_title, start_date, start_time) WHERE status IN ('SCHEDULED', 'STARTED')",
    );
    await runner.query(
      "CREATE INDEX worklist_item_modality ON worklist_item (modality, start_date, start_time) WHERE status IN ('SCHEDULED', 'STARTED')",
    );
    for (const column of ['accession_number', 'dicom_patient_id', 'study_instance_uid', 'patient_id'])
      await runner.query(`CREATE INDEX worklist_item_${column} ON worklist_item (${column})`);
    // A time we found ourselves is free of any other such time at the station: the database sees to it.
    await runner.query(`
      CREATE TABLE station_booking (
        appointment_id text PRIMARY KEY,
        station_ae_title text NOT NULL,
        during tstzrange NOT NULL,
        is_ours boolean NOT NULL,
        EXCLUDE USING gist (station_ae_title public.gist_text_ops WITH =, during WITH &&) WHERE (is_ours)
      )`);
    await runner.query('CREATE INDEX station_booking_during ON station_booking USING gist (during)');
    await runner.query(`
      CREATE TABLE performed_procedure_step (
        sop_instance_uid text PRIMARY KEY,
        status text NOT NULL,
        patient_id text NOT NULL,
        is_unscheduled boolean NOT NULL,
        reason text,
        attributes bytea NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
      )`);
    await runner.query(
      'CREATE INDEX performed_procedure_step_unscheduled ON performed_procedure_step (created_at) WHERE is_unscheduled',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE performed_procedure_step, station_booking, worklist_item');
  }
}
