import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lets accesses that are alike but for their time share what they say. The view `audit` is what is read: whole
 * AuditEvents, whichever way they are kept.
 */
export class AuditContent1700000000120 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE audit_content (id bytea PRIMARY KEY, recorded timestamptz NOT NULL, body jsonb NOT NULL)',
    );
    await runner.query('CREATE INDEX audit_content_recorded ON audit_content (recorded)');
    await runner.query('ALTER TABLE audit_event ALTER COLUMN body DROP NOT NULL, ADD COLUMN content_id bytea');
    // No foreign key: it would lock the one row that every query of a scanner shares. Contents outlive their accesses.
    await runner.query(
      'ALTER TABLE audit_event ADD CONSTRAINT audit_event_content CHECK (num_nonnulls(body, content_id) = 1) NOT VALID',
    );
    await runner.query(`
      CREATE VIEW audit AS
        SELECT event.id, event.recorded, event.agent, coalesce(event.body, content.body || jsonb_build_object(
            'id', event.id,
            'recorded', to_char(event.recorded AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) AS body
          FROM audit_event AS event LEFT JOIN audit_content AS content ON content.id = event.content_id`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit_event DROP CONSTRAINT audit_event_content');
    await runner.query('UPDATE audit_event SET body = audit.body FROM audit WHERE audit.id = audit_event.id');
    await runner.query('DROP VIEW audit');
    await runner.query('ALTER TABLE audit_event DROP COLUMN content_id, ALTER COLUMN body SET NOT NULL');
    await runner.query('DROP TABLE audit_content');
  }
}
