import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The log of every HL7 message that came in, accepted or refused, byte for byte. */
export class Hl7Message1700000000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE hl7_message (
        id uuid PRIMARY KEY,
        sender_application text NOT NULL,
        sender_facility text NOT NULL,
        control_id text NOT NULL,
        sha256 text NOT NULL,
        message_type text NOT NULL,
        received_at timestamptz NOT NULL,
        outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused')),
        acknowledgement text NOT NULL,
        error_code text,
        error_text text,
        attempts int NOT NULL DEFAULT 1,
        raw bytea NOT NULL
      )`);
    // One accepted message per sender and control id: the second is a duplicate, whichever connection it came on.
    await runner.query(`
      CREATE UNIQUE INDEX hl7_message_accepted
        ON hl7_message (sender_application, sender_facility, control_id) WHERE outcome = 'accepted'`);
    await runner.query('CREATE INDEX hl7_message_received ON hl7_message (received_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE hl7_message');
  }
}
