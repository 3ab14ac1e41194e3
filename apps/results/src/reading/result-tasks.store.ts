import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { DataSource, type EntityManager } from 'typeorm';

// The literal conditions let Postgres use the partial indexes (migration 1700000004500).
const openReading = `type = 'Task' AND status IN ('requested', 'accepted', 'in-progress') AND body->'code'->'coding'->0->>'code' = 'read'`;
const unverified = `type = 'Task' AND status = 'completed' AND body->'businessStatus'->'coding'->0->>'code' = 'unverified'`;

/** Whose readings are listed; each is all unless given. */
export interface ReadingFilter {
  modality?: string;
  subspecialty?: string;
  /** Number or name of who claimed it, or whom it is assigned to. */
  owner?: string;
}

/** Reads what waits to be read, and what was made and not seen in the PACS yet. */
@Injectable()
export class ResultTasks {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** STAT first, then by age: the longest waiting first. */
  async toRead(manager: EntityManager, { modality, subspecialty, owner }: ReadingFilter): Promise<Task[]> {
    const rows: { body: Task }[] = await manager.query(
      `SELECT body FROM resource WHERE ${openReading}
          AND ($1::text IS NULL OR body->'input' @> jsonb_build_array(jsonb_build_object('valueCode', $1::text)))
          AND ($2::text IS NULL OR body->'performerType' @>
               jsonb_build_array(jsonb_build_object('coding', jsonb_build_array(jsonb_build_object('code', $2::text)))))
          AND ($3::text IS NULL OR $3 IN (body->'owner'->>'display', body->'owner'->'identifier'->>'value'))
        ORDER BY array_position(ARRAY['stat', 'asap', 'urgent', 'routine'], body->>'priority'), body->>'authoredOn', id
        LIMIT 500`,
      [modality ?? null, subspecialty ?? null, owner ?? null],
    );
    return rows.map(({ body }) => body);
  }

  /** Post-processing that is said to be done, whose series were not seen yet, but for these; the oldest first. */
  async unverified(without: readonly string[], limit: number): Promise<Task[]> {
    const rows: { body: Task }[] = await this.dataSource.query(
      `SELECT body FROM resource WHERE ${unverified} AND NOT id = ANY($1::text[]) ORDER BY last_updated LIMIT $2`,
      [without, limit],
    );
    return rows.map(({ body }) => body);
  }
}
