import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { RejectionNote } from '#dicom';
import { WRONG_WORKLIST_ENTRY } from '#fhir';
import type { Rejected } from './rejection.decider.js';

/** The tables of Key Object Selection documents that were read, and of the instances that were rejected. */
@Injectable()
export class Rejections {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Those of these documents that were not read yet. */
  async unread(sopInstanceUids: readonly string[]): Promise<string[]> {
    if (sopInstanceUids.length === 0) return [];
    const rows: { uid: string }[] = await this.dataSource.query(
      `SELECT uid FROM unnest($1::text[]) AS uid
        WHERE NOT EXISTS (SELECT FROM rejection_note WHERE sop_instance_uid = uid)`,
      [sopInstanceUids],
    );
    return rows.map(({ uid }) => uid);
  }

  /** Notes that a document rejects nothing, so that it is not read again. */
  async keepOther(manager: EntityManager, sopInstanceUid: string, studyInstanceUid: string, now: Date): Promise<void> {
    await manager.query(
      'INSERT INTO rejection_note (sop_instance_uid, study_instance_uid, noted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [sopInstanceUid, studyInstanceUid, now],
    );
  }

  /** Keeps a rejection note; it hides itself as well. @returns the studies of what it rejects */
  async keep(manager: EntityManager, note: RejectionNote, now: Date): Promise<string[]> {
    const { sopInstanceUid, studyInstanceUid, reason } = note;
    await manager.query(
      `INSERT INTO rejection_note (sop_instance_uid, study_instance_uid, code, noted_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING`,
      [sopInstanceUid, studyInstanceUid, reason, now],
    );
    await this.reject(manager, [{ sopInstanceUid, studyInstanceUid }, ...note.instances], sopInstanceUid, reason);
    return [...new Set([studyInstanceUid, ...note.instances.map((one) => one.studyInstanceUid)])];
  }

  /**
   * Rejects what an exam made under the wrong worklist entry, save what another exam of that study says it made.
   *
   * @param wasDone it was completed before: what is said to be made there is its own
   */
  async rejectOfExam(
    manager: EntityManager,
    examId: string,
    studyInstanceUid: string,
    sopInstanceUids: readonly string[],
    wasDone = false,
  ): Promise<void> {
    const claimed: { uid: string }[] = await manager.query(
      `SELECT uid FROM unnest($1::text[]) AS uid
        WHERE EXISTS (SELECT FROM study_lookup WHERE study_instance_uid = $2 AND expected_instances @> ARRAY[uid])`,
      [sopInstanceUids, studyInstanceUid],
    );
    const others = new Set(wasDone ? [] : claimed.map(({ uid }) => uid));
    const instances = sopInstanceUids
      .filter((uid) => !others.has(uid))
      .map((uid) => ({ sopInstanceUid: uid, studyInstanceUid }));
    await this.reject(manager, instances, examId, WRONG_WORKLIST_ENTRY);
  }

  /** What an exam says it made in a study is not under the wrong worklist entry any more; in another study it still is. */
  async claimedByExam(
    manager: EntityManager,
    studyInstanceUid: string,
    sopInstanceUids: readonly string[],
  ): Promise<void> {
    if (sopInstanceUids.length === 0) return;
    await manager.query(
      'DELETE FROM rejected_instance WHERE study_instance_uid = $1 AND sop_instance_uid = ANY($2) AND code = $3',
      [studyInstanceUid, sopInstanceUids, WRONG_WORKLIST_ENTRY],
    );
  }

  /** What was rejected of a study, by SOP Instance UID, with the code of the reason. */
  async ofStudy(manager: EntityManager, studyInstanceUid: string): Promise<Rejected> {
    const rows: { uid: string; code: string }[] = await manager.query(
      `SELECT sop_instance_uid AS uid, min(code) AS code FROM rejected_instance
        WHERE study_instance_uid = $1 GROUP BY sop_instance_uid ORDER BY sop_instance_uid`,
      [studyInstanceUid],
    );
    return new Map(rows.map(({ uid, code }) => [uid, code]));
  }

  private async reject(
    manager: EntityManager,
    instances: readonly { sopInstanceUid: string; studyInstanceUid: string }[],
    source: string,
    code: string,
  ): Promise<void> {
    await manager.query(
      `INSERT INTO rejected_instance (sop_instance_uid, source, study_instance_uid, code)
       SELECT DISTINCT uid, $3, study, $4 FROM unnest($1::text[], $2::text[]) AS r (uid, study)
       ON CONFLICT DO NOTHING`,
      [instances.map((one) => one.sopInstanceUid), instances.map((one) => one.studyInstanceUid), source, code],
    );
  }
}
