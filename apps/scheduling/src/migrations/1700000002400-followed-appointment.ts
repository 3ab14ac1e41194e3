import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a RIS that schedules itself says of appointments, kept until its order is known and after. */
export class FollowedAppointment1700000002400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE followed_appointment (
        patient_id text NOT NULL,
        id text NOT NULL,
        order_id text,
        appointment jsonb NOT NULL,
        places jsonb NOT NULL,
        ordered_start text,
        said_at timestamptz NOT NULL,
        PRIMARY KEY (patient_id, id)
      )`);
    await runner.query('CREATE INDEX followed_appointment_order ON followed_appointment (order_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE followed_appointment');
  }
}
