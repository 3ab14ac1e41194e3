import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the PACS says by DICOM of what it has, and what modalities ask of it. */
export class Availability1700000004100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE availability_notification (
        sop_instance_uid text PRIMARY KEY,
        seq bigserial NOT NULL,
        study_instance_uid text NOT NULL,
        notifier text NOT NULL,
        received_at timestamptz NOT NULL,
        instances jsonb NOT NULL
      )`);
    await runner.query(
      'CREATE INDEX availability_notification_study ON availability_notification (study_instance_uid, seq)',
    );
    await runner.query(`
      ALTER TABLE study_lookup
        ADD COLUMN notices int NOT NULL DEFAULT 0,
        ADD COLUMN commitment_uid text UNIQUE,
        ADD COLUMN commitment_asked_at timestamptz,
        ADD COLUMN committed_at timestamptz,
        ADD COLUMN uncommitted jsonb`);
    await runner.query(`
      CREATE INDEX study_lookup_uncommitted ON study_lookup (commitment_asked_at)
        WHERE commitment_uid IS NOT NULL AND committed_at IS NULL`);
    await runner.query(`
      CREATE TABLE storage_commitment (
        station text NOT NULL,
        transaction_uid text NOT NULL,
        instances jsonb NOT NULL,
        since timestamptz NOT NULL,
        times_asked int NOT NULL DEFAULT 1,
        attempts int NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        failed jsonb,
        decided_at timestamptz,
        code text,
        reason text,
        PRIMARY KEY (station, transaction_uid)
      )`);
    await runner.query(
      'CREATE INDEX storage_commitment_due ON storage_commitment (next_attempt_at) WHERE next_attempt_at IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE storage_commitment');
    await runner.query(`
      ALTER TABLE study_lookup DROP COLUMN notices, DROP COLUMN commitment_uid, DROP COLUMN commitment_asked_at,
        DROP COLUMN committed_at, DROP COLUMN uncommitted`);
    await runner.query('DROP TABLE availability_notification');
  }
}
