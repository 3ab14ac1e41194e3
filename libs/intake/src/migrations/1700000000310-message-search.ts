import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Makes the message log hold what goes out as well, and lets it be searched by what a message is about. */
export class MessageSearch1700000000310 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE hl7_message
        ADD COLUMN direction text NOT NULL DEFAULT 'in' CHECK (direction IN ('in', 'out')),
        ADD COLUMN destination text,
        ADD COLUMN patient_id text,
        ADD COLUMN numbers text[] NOT NULL DEFAULT '{}',
        ADD COLUMN effects jsonb`);
    // A message of ours may have the control id of one that came in.
    await runner.query('DROP INDEX hl7_message_accepted');
    await runner.query(`
      CREATE UNIQUE INDEX hl7_message_accepted ON hl7_message (sender_application, sender_facility, control_id)
        WHERE outcome = 'accepted' AND direction = 'in'`);
    await runner.query('CREATE INDEX hl7_message_control_id ON hl7_message (control_id)');
    await runner.query('CREATE INDEX hl7_message_patient ON hl7_message (patient_id)');
    await runner.query('CREATE INDEX hl7_message_numbers ON hl7_message USING gin (numbers)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DELETE FROM hl7_message WHERE direction = 'out'");
    await runner.query('DROP INDEX hl7_message_control_id');
    await runner.query('DROP INDEX hl7_message_accepted');
    await runner.query(`
      CREATE UNIQUE INDEX hl7_message_accepted
        ON hl7_message (sender_application, sender_facility, control_id) WHERE outcome = 'accepted'`);
    await runner.query(`
      ALTER TABLE hl7_message DROP COLUMN direction, DROP COLUMN destination, DROP COLUMN patient_id,
        DROP COLUMN numbers, DROP COLUMN effects`);
  }
}
