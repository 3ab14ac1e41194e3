import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Task } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { openStatuses } from './stop-exam.decider.js';

/** Reads what rooms are asked to do and have not done. */
@Injectable()
export class OpenRoomTasks {
  /** Oldest first; of one station, or of all. */
  async find(manager: EntityManager, aeTitle: string | undefined): Promise<Task[]> {
    // The literal list lets Postgres use the partial index.
    const rows: { body: Task }[] = await manager.query(
      `SELECT body FROM resource
        WHERE type = 'Task' AND status IN (${openStatuses.map((one) => `'${one}'`).join(', ')})
          AND ($1::text IS NULL OR body->'owner'->>'reference' = $1)
        ORDER BY body->>'authoredOn', id`,
      [aeTitle === undefined ? null : `Device/${uuidFrom('Device', aeTitle)}`],
    );
    return rows.map(({ body }) => body);
  }
}
