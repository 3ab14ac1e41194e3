import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DoseReport } from './dose-report.js';

/** A report as it was stored here, byte for byte, and by whom. */
export interface StoredDoseReport {
  caller: string;
  bytes: Buffer;
  transferSyntax: string;
}

/** A report that counts for a study. */
export interface KeptDoseReport {
  report: DoseReport;
  /** Who stored it here; null where it was read in the PACS. */
  caller: string | null;
  /** It names another study, whose exam a person gave to the order of this one. */
  isReassigned: boolean;
}

/** The table of radiation dose reports: what was read of each, once. */
@Injectable()
export class DoseReports {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Those of these documents that were not read yet. */
  async unread(sopInstanceUids: readonly string[]): Promise<string[]> {
    if (sopInstanceUids.length === 0) return [];
    const rows: { uid: string }[] = await this.dataSource.query(
      'SELECT uid FROM unnest($1::text[]) AS uid WHERE NOT EXISTS (SELECT FROM dose_report WHERE sop_instance_uid = uid)',
      [sopInstanceUids],
    );
    return rows.map(({ uid }) => uid);
  }

  /**
   * Keeps a report, or what it says now.
   *
   * @param stored undefined for one that the PACS has
   * @returns the study it was of before, where that was another
   */
  async keep(
    manager: EntityManager,
    report: DoseReport,
    stored: StoredDoseReport | undefined,
    now: Date,
  ): Promise<string[]> {
    const { sopInstanceUid, studyInstanceUid } = report;
    const before: { study: string }[] = await manager.query(
      'SELECT study_instance_uid AS study FROM dose_report WHERE sop_instance_uid = $1 FOR UPDATE',
      [sopInstanceUid],
    );
    await manager.query(
      `INSERT INTO dose_report (sop_instance_uid, study_instance_uid, caller, bytes, transfer_syntax, report, received_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (sop_instance_uid) DO UPDATE SET study_instance_uid = excluded.study_instance_uid,
         caller = excluded.caller, bytes = excluded.bytes, transfer_syntax = excluded.transfer_syntax,
         report = excluded.report, reason = NULL, filed_at = NULL, received_at = excluded.received_at
       WHERE dose_report.report IS DISTINCT FROM excluded.report`,
      [
        sopInstanceUid,
        studyInstanceUid,
        stored?.caller ?? null,
        stored?.bytes ?? null,
        stored?.transferSyntax ?? null,
        JSON.stringify(report),
        now,
      ],
    );
    return before.map(({ study }) => study).filter((study) => study !== studyInstanceUid);
  }

  /** Notes that a document of a study cannot be read, and why, so that it is listed and not read again. */
  async keepUnreadable(
    manager: EntityManager,
    sopInstanceUid: string,
    studyInstanceUid: string,
    reason: string,
    now: Date,
  ) {
    await manager.query(
      `INSERT INTO dose_report (sop_instance_uid, study_instance_uid, reason, received_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING`,
      [sopInstanceUid, studyInstanceUid, reason, now],
    );
  }

  /** Notes that a document of a study is no dose report, so that it is not read again. */
  async keepOther(manager: EntityManager, sopInstanceUid: string, studyInstanceUid: string, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO dose_report (sop_instance_uid, study_instance_uid, received_at, filed_at) VALUES ($1, $2, $3, $3)
       ON CONFLICT DO NOTHING`,
      [sopInstanceUid, studyInstanceUid, now],
    );
  }

  /** Has reports count for another study than the one they name: its exam was done under the wrong worklist entry. */
  async countFor(manager: EntityManager, sopInstanceUids: readonly string[], studyInstanceUid: string): Promise<void> {
    await manager.query('UPDATE dose_report SET counts_for = $2 WHERE sop_instance_uid = ANY($1)', [
      sopInstanceUids,
      studyInstanceUid,
    ]);
  }

  /** What was read of a study's reports, with who stored each. */
  async ofStudy(manager: EntityManager, studyInstanceUid: string): Promise<KeptDoseReport[]> {
    return manager.query(
      `SELECT report || jsonb_build_object('studyInstanceUid', $1::text) AS report, caller,
              counts_for IS NOT NULL AS "isReassigned" FROM dose_report
        WHERE coalesce(counts_for, study_instance_uid) = $1 AND report IS NOT NULL
        ORDER BY sop_instance_uid`,
      [studyInstanceUid],
    );
  }

  /** Notes that a study's reports are in its dose, save those of these UIDs, which are listed for a reason. */
  async filed(
    manager: EntityManager,
    studyInstanceUid: string,
    { except, reason }: { except: readonly string[]; reason: string },
    now: Date,
  ): Promise<void> {
    await manager.query(
      `UPDATE dose_report SET filed_at = CASE WHEN sop_instance_uid = ANY($2) THEN NULL ELSE coalesce(filed_at, $4) END,
              reason = CASE WHEN sop_instance_uid = ANY($2) THEN $3 END
        WHERE coalesce(counts_for, study_instance_uid) = $1 AND report IS NOT NULL
          AND (filed_at IS NULL OR sop_instance_uid = ANY($2))`,
      [studyInstanceUid, except, reason, now],
    );
  }

  /** Which of these studies have reports that are listed for a reason. */
  async disagreeing(manager: EntityManager, studyInstanceUids: readonly string[]): Promise<string[]> {
    const rows: { study: string }[] = await manager.query(
      `SELECT DISTINCT coalesce(counts_for, study_instance_uid) AS study FROM dose_report
        WHERE coalesce(counts_for, study_instance_uid) = ANY($1) AND report IS NOT NULL AND reason IS NOT NULL
        ORDER BY 1`,
      [studyInstanceUids],
    );
    return rows.map(({ study }) => study);
  }

  /** Reports whose exam is not known here (yet), that are not its patient's, or that cannot be read, oldest first: UIDs, times and reasons only. */
  async list(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT sop_instance_uid AS "sopInstanceUid", study_instance_uid AS "studyInstanceUid", caller,
              CASE WHEN report IS NULL THEN 'unreadable' WHEN reason IS NULL THEN 'waiting' ELSE 'disagrees' END AS state,
              reason, received_at AS "receivedAt"
         FROM dose_report WHERE filed_at IS NULL ORDER BY received_at LIMIT 500`,
    );
  }
}
