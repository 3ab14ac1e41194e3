import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Finds the versions since a time. BRIN, not a tree: history is written in the order of time, and each order writes it,
 * so the index must cost next to nothing there.
 */
export class HistoryByTime1700000000110 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX resource_history_updated ON resource_history USING brin (last_updated)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX resource_history_updated');
  }
}
