import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an exam performs is kept with it, a patient's other times are known, and names are found by an index. */
export class ExamSteps1700000002100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE performed_procedure_step ADD appointment_ids text[] NOT NULL DEFAULT '{}'");
    await runner.query(
      'CREATE INDEX performed_procedure_step_appointments ON performed_procedure_step USING gin (appointment_ids)',
    );
    // Nullable: the version before this one writes none, and runs beside it during an upgrade.
    await runner.query('ALTER TABLE station_booking ADD patient_id text');
    await runner.query('CREATE INDEX station_booking_patient ON station_booking (patient_id, upper(during))');
    await runner.query('CREATE INDEX station_booking_station ON station_booking (station_ae_title, upper(during))');
    await runner.query(
      "ALTER TABLE worklist_item ADD patient_name text GENERATED ALWAYS AS (lower(attributes->>'PatientName')) STORED",
    );
    await runner.query('CREATE INDEX worklist_item_patient_name ON worklist_item (patient_name text_pattern_ops)');
    await runner.query('CREATE INDEX worklist_item_requested_procedure_id ON worklist_item (requested_procedure_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX worklist_item_requested_procedure_id');
    await runner.query('ALTER TABLE worklist_item DROP patient_name');
    await runner.query('DROP INDEX station_booking_station');
    await runner.query('ALTER TABLE station_booking DROP patient_id');
    await runner.query('ALTER TABLE performed_procedure_step DROP appointment_ids');
  }
}
