import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets deliveries that ended long ago be found without reading those that did not. */
export class DeliveryFinished1700000000220 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX delivery_finished ON delivery (finished_at) WHERE finished_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX delivery_finished');
  }
}
