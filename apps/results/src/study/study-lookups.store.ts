import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { StorageCommitmentResult } from '#dicom';
import type { Failure } from '#platform';
import type { LookupDecision, StudyLookup } from './study-lookup.decider.js';

/** A lookup that is due, and whose it is. */
export interface DueLookup extends StudyLookup {
  patientId: string;
  /** How many notifications of the PACS came for it. */
  notices: number;
}

const columns = `study_instance_uid AS "studyInstanceUid", patient_id AS "patientId", state, attempts, since,
  expected_instances AS "expectedInstances", notices, found_at AS "foundAt", told_at AS "toldAt"`;

/** The table of studies looked for. */
@Injectable()
export class StudyLookups {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Begins to look for a study, or again where another exam added to it. */
  async begin(
    manager: EntityManager,
    lookup: { studyInstanceUid: string; patientId: string; expectedInstances: string[] },
    since: Date,
    first: Date,
  ): Promise<void> {
    await manager.query(
      `INSERT INTO study_lookup AS known (study_instance_uid, patient_id, state, since, next_attempt_at, expected_instances)
       VALUES ($1, $2, 'searching', $3, $4, $5)
       ON CONFLICT (study_instance_uid) DO UPDATE SET patient_id = excluded.patient_id, state = 'searching', since = excluded.since,
         next_attempt_at = excluded.next_attempt_at, code = NULL, reason = NULL,
         expected_instances = ARRAY(SELECT DISTINCT unnest(known.expected_instances || excluded.expected_instances))`,
      [lookup.studyInstanceUid, lookup.patientId, since, first, lookup.expectedInstances],
    );
  }

  /** There is news of a study that is looked for, or was: it is looked at at once. */
  async notified(manager: EntityManager, studyInstanceUid: string, now: Date): Promise<void> {
    await manager.query(
      `UPDATE study_lookup SET notices = notices + 1,
              next_attempt_at = $2 WHERE study_instance_uid = $1`,
      [studyInstanceUid, now],
    );
  }

  /** Whether a study is looked for, or was. */
  async isKnown(manager: EntityManager, studyInstanceUid: string): Promise<boolean> {
    const rows: unknown[] = await manager.query('SELECT 1 FROM study_lookup WHERE study_instance_uid = $1', [
      studyInstanceUid,
    ]);
    return rows.length > 0;
  }

  /** The study whose exam says that it made this instance. */
  async studyExpecting(sopInstanceUid: string): Promise<string | undefined> {
    const [row] = await this.dataSource.query(
      'SELECT study_instance_uid AS uid FROM study_lookup WHERE expected_instances @> ARRAY[$1] ORDER BY since LIMIT 1',
      [sopInstanceUid],
    );
    return row?.uid;
  }

  /** Gives the lookups of a patient who was merged to the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string): Promise<void> {
    await manager.query('UPDATE study_lookup SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  /** Those whose time has come and that are not in work, longest waiting first. */
  async due(now: Date, inWork: string[], limit: number): Promise<DueLookup[]> {
    return this.dataSource.query(
      `SELECT ${columns} FROM study_lookup WHERE next_attempt_at <= $1 AND NOT study_instance_uid = ANY($2::text[])
        ORDER BY next_attempt_at LIMIT $3`,
      [now, inWork, limit],
    );
  }

  /** The lookup as it stands now, locked for the transaction. */
  async forUpdate(manager: EntityManager, studyInstanceUid: string): Promise<DueLookup | undefined> {
    const [row] = await manager.query(`SELECT ${columns} FROM study_lookup WHERE study_instance_uid = $1 FOR UPDATE`, [
      studyInstanceUid,
    ]);
    return row;
  }

  /** Notes what was decided on an attempt, and by which failure if it failed. */
  async decided(
    manager: EntityManager,
    studyInstanceUid: string,
    { state, next }: LookupDecision,
    { failure, foundAt, toldAt }: { failure?: Failure; foundAt?: Date; toldAt?: Date },
  ): Promise<void> {
    await manager.query(
      `UPDATE study_lookup SET state = $2, next_attempt_at = $3, attempts = attempts + 1, code = $4, reason = $5,
              found_at = coalesce($6, found_at), told_at = coalesce($7, told_at)
        WHERE study_instance_uid = $1`,
      [
        studyInstanceUid,
        state,
        next ?? null,
        failure?.code ?? null,
        failure?.message ?? null,
        foundAt ?? null,
        toldAt ?? null,
      ],
    );
  }

  /** Notes that an attempt failed here, so that nothing is known and nothing decided. */
  async postponed(studyInstanceUid: string, failure: Failure, next: Date): Promise<void> {
    await this.dataSource.query(
      `UPDATE study_lookup SET next_attempt_at = $2, attempts = attempts + 1, code = $3, reason = $4
        WHERE study_instance_uid = $1`,
      [studyInstanceUid, next, failure.code, failure.message],
    );
  }

  /** Notes that the PACS is asked whether a study is safely stored, under this name. */
  async commitmentAsked(manager: EntityManager, studyInstanceUid: string, transactionUid: string, now: Date) {
    await manager.query(
      `UPDATE study_lookup SET commitment_uid = $2, commitment_asked_at = $3, committed_at = NULL, uncommitted = NULL
        WHERE study_instance_uid = $1`,
      [studyInstanceUid, transactionUid, now],
    );
  }

  /** Notes the answer of the PACS. @returns false where nothing was asked under that name, or was asked anew since */
  async commitmentAnswered(
    manager: EntityManager,
    { transactionUid, failed }: StorageCommitmentResult,
    now: Date,
  ): Promise<boolean> {
    const [rows] = await manager.query(
      `UPDATE study_lookup SET committed_at = CASE WHEN $2::jsonb IS NULL THEN $3::timestamptz END, uncommitted = $2
        WHERE commitment_uid = $1 RETURNING 1`,
      [transactionUid, failed.length > 0 ? JSON.stringify(failed) : null, now],
    );
    return rows.length > 0;
  }

  /** Studies of which the PACS was asked whether they are safely stored and did not say so (yet), oldest first. */
  async listUncommitted(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT ${columns}, commitment_asked_at AS "commitmentAskedAt", uncommitted FROM study_lookup
        WHERE commitment_uid IS NOT NULL AND committed_at IS NULL ORDER BY commitment_asked_at LIMIT 500`,
    );
  }

  /** Lookups in a state, oldest first: ids and times only. */
  async list(state: string): Promise<object[]> {
    return this.dataSource.query(
      `SELECT ${columns}, next_attempt_at AS "nextAttemptAt", committed_at AS "committedAt", code, reason
         FROM study_lookup
        WHERE state = $1 ORDER BY since LIMIT 500`,
      [state],
    );
  }
}
