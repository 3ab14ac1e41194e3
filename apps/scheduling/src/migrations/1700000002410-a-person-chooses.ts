import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who said what is followed, of which step, and which times at the stations a person chose. */
export class APersonChooses1700000002410 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Nullable, and false by default: the version before this one writes none, and runs beside it during an upgrade.
    await runner.query('ALTER TABLE followed_appointment ADD step_id text, ADD sender text, ADD person text');
    await runner.query('ALTER TABLE station_booking ADD is_chosen boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE station_booking DROP is_chosen');
    await runner.query('ALTER TABLE followed_appointment DROP step_id, DROP sender, DROP person');
  }
}
