import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Failure } from '#platform';

/** A study the PACS has, or may have by now, though no exam told of it. */
export interface WatchedStudy {
  studyInstanceUid: string;
  /** When it was first to be looked at. */
  since: Date;
}

/** The table of studies that are watched because no exam told of them, and of how far the PACS's changes were followed. */
@Injectable()
export class StudyWatch {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Watches a study from then on; one that is watched already is looked at then, if that is sooner. */
  async begin(manager: EntityManager, studyInstanceUid: string, at: Date): Promise<void> {
    await manager.query(
      `INSERT INTO study_watch AS known (study_instance_uid, since, next_look_at) VALUES ($1, $2, $2)
         ON CONFLICT (study_instance_uid) DO UPDATE SET next_look_at = least(known.next_look_at, excluded.next_look_at)`,
      [studyInstanceUid, at],
    );
  }

  /** The same for a study whose time was moved. */
  async moveTo(manager: EntityManager, studyInstanceUid: string, at: Date): Promise<void> {
    await manager.query(
      `INSERT INTO study_watch (study_instance_uid, since, next_look_at) VALUES ($1, $2, $2)
         ON CONFLICT (study_instance_uid) DO UPDATE SET since = excluded.since, next_look_at = excluded.next_look_at`,
      [studyInstanceUid, at],
    );
  }

  /** Watches it no more. */
  async end(manager: EntityManager, studyInstanceUid: string): Promise<void> {
    await manager.query('DELETE FROM study_watch WHERE study_instance_uid = $1', [studyInstanceUid]);
  }

  /** Those whose time has come and that are not in work, longest waiting first. */
  async due(now: Date, inWork: string[], limit: number): Promise<WatchedStudy[]> {
    return this.dataSource.query(
      `SELECT study_instance_uid AS "studyInstanceUid", since FROM study_watch
        WHERE next_look_at <= $1 AND NOT study_instance_uid = ANY($2::text[]) ORDER BY next_look_at LIMIT $3`,
      [now, inWork, limit],
    );
  }

  /** Looks at it again then. */
  async postpone(manager: EntityManager, studyInstanceUid: string, next: Date, failure?: Failure): Promise<void> {
    await manager.query(
      'UPDATE study_watch SET next_look_at = $2, code = $3, reason = $4 WHERE study_instance_uid = $1',
      [studyInstanceUid, next, failure?.code ?? null, failure?.message ?? null],
    );
  }

  /** The number of the last change of a PACS that was dealt with, undefined before the first. */
  async lastChange(source: string): Promise<number | undefined> {
    const [row] = await this.dataSource.query('SELECT sequence FROM pacs_changes WHERE source = $1', [source]);
    return row === undefined ? undefined : Number(row.sequence);
  }

  /** Notes that changes of a PACS were dealt with up to this one. */
  async changesDone(manager: EntityManager, source: string, sequence: number): Promise<void> {
    await manager.query(
      `INSERT INTO pacs_changes (source, sequence) VALUES ($1, $2)
         ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence`,
      [source, sequence],
    );
  }
}
