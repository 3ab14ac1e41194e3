import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may go ahead of whom is known of each time taken, and steps that have to be booked anew are kept. */
export class Lanes1700000002200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The version before this one writes none, and runs beside it during an upgrade: nobody goes ahead of an emergency
    // but STAT, which is the careful reading of what is not known.
    await runner.query("ALTER TABLE station_booking ADD lane text NOT NULL DEFAULT 'emergency'");
    await runner.query(`
      CREATE TABLE rebooking (
        appointment_id text PRIMARY KEY,
        reason text NOT NULL,
        requested_at timestamptz NOT NULL,
        next_attempt_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 0,
        failure text
      )`);
    await runner.query('CREATE INDEX rebooking_due ON rebooking (next_attempt_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rebooking');
    await runner.query('ALTER TABLE station_booking DROP lane');
  }
}
