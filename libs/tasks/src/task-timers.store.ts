import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Failure } from '#platform';

/** A Task of which something is due. */
export interface DueTask {
  taskId: string;
  dueAt: Date;
  /** How often it was tried in vain. */
  attempts: number;
}

const columns = 'task_id AS "taskId", due_at AS "dueAt", attempts';

/** When something of a Task comes due: a row, so that it outlives the process, and says of itself what is waited for. */
@Injectable()
export class TaskTimers {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** From now on it is due then; undefined for one of which nothing comes due any more. */
  async set(manager: EntityManager, taskId: string, dueAt: Date | undefined): Promise<void> {
    if (dueAt === undefined) return void (await manager.query('DELETE FROM due_task WHERE task_id = $1', [taskId]));
    await manager.query(
      `INSERT INTO due_task (task_id, due_at, next_attempt_at) VALUES ($1, $2, $2)
       ON CONFLICT (task_id) DO UPDATE SET due_at = excluded.due_at, next_attempt_at = excluded.next_attempt_at,
         attempts = 0, failure = NULL`,
      [taskId, dueAt],
    );
  }

  /** Those whose time has come, the longest waiting first. */
  async due(now: Date, limit: number): Promise<DueTask[]> {
    return this.dataSource.query(
      `SELECT ${columns} FROM due_task WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, task_id LIMIT $2`,
      [now, limit],
    );
  }

  /** The timer as it stands, locked for the transaction. */
  async forUpdate(manager: EntityManager, taskId: string): Promise<DueTask | undefined> {
    const [row] = await manager.query(`SELECT ${columns} FROM due_task WHERE task_id = $1 FOR UPDATE`, [taskId]);
    return row;
  }

  /** What was due could not be done, and is tried again then. */
  async postponed(taskId: string, failure: Failure, next: Date): Promise<void> {
    await this.dataSource.query(
      'UPDATE due_task SET attempts = attempts + 1, failure = $2, next_attempt_at = $3 WHERE task_id = $1',
      [taskId, `${failure.code}: ${failure.message}`, next],
    );
  }
}
