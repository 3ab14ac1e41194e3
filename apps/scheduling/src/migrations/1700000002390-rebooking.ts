import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Steps that have to be booked anew. */
export class Rebooking1700000002390 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE IF NOT EXISTS rebooking (
        appointment_id text PRIMARY KEY,
        reason text NOT NULL,
        requested_at timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS rebooking');
  }
}
