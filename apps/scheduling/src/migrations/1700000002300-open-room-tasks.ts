import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What rooms are asked to do is found among all that was ever asked. */
export class OpenRoomTasks1700000002300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "CREATE INDEX resource_open_task ON resource (id) WHERE type = 'Task' AND status IN ('requested', 'received', 'accepted', 'in-progress')",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX resource_open_task');
  }
}
