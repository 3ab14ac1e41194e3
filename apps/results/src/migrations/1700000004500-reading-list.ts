import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds what is to be read, and what was made of images and is looked for in the PACS, among many Tasks that are over. */
export class ReadingList1700000004500 implements MigrationInterface {
  readonly name = 'ReadingList1700000004500';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX resource_to_read ON resource ((body->>'authoredOn'))
        WHERE type = 'Task' AND status IN ('requested', 'accepted', 'in-progress') AND body->'code'->'coding'->0->>'code' = 'read';
      CREATE INDEX resource_unverified ON resource (last_updated)
        WHERE type = 'Task' AND status = 'completed' AND body->'businessStatus'->'coding'->0->>'code' = 'unverified';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX resource_to_read; DROP INDEX resource_unverified');
  }
}
