import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What closes stations, as far as the resources are too wide for it: the worklist asks at every query. */
export class StationState1700000002600 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE quality_requirement (
        ae_title text NOT NULL,
        system text NOT NULL,
        code text NOT NULL,
        since timestamptz NOT NULL,
        PRIMARY KEY (ae_title, system, code)
      )`);
    await runner.query(`
      CREATE TABLE quality_result (
        observation_id text PRIMARY KEY,
        ae_title text NOT NULL,
        system text NOT NULL,
        code text NOT NULL,
        is_passed boolean NOT NULL,
        at timestamptz NOT NULL
      )`);
    await runner.query('CREATE INDEX quality_result_last ON quality_result (ae_title, system, code, is_passed, at)');
    await runner.query(`
      CREATE TABLE station_closure (
        ae_title text NOT NULL,
        cause text NOT NULL,
        start_at timestamptz NOT NULL,
        rebooked_until timestamptz NOT NULL,
        PRIMARY KEY (ae_title, cause)
      )`);
    await runner.query(
      "CREATE INDEX resource_unfinished_task ON resource (id) WHERE type = 'Task' AND status IN ('draft', 'requested', 'received', 'accepted', 'in-progress')",
    );
    await runner.query(
      "CREATE INDEX resource_planned_slot ON resource ((body->>'end')) WHERE type = 'Slot' AND status = 'busy-unavailable'",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX resource_planned_slot, resource_unfinished_task');
    await runner.query('DROP TABLE station_closure, quality_result, quality_requirement');
  }
}
