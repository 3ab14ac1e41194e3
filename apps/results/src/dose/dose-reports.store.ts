import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DoseReport } from './dose-report.js';

/** A report as it was stored here, byte for byte, and by whom. */
export interface StoredDoseReport {
  caller: string;
  bytes: Buffer;
  transferSyntax: string;
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

  /** Has reports count for another study than the one they name: its exam was done under the wrong worklist entry. */
  async countFor(manager: EntityManager, sopInstanceUids: readonly string[], studyInstanceUid: string): Promise<void> {
    await manager.query('UPDATE dose_report SET counts_for = $2 WHERE sop_instance_uid = ANY($1)', [
      sopInstanceUids,
      studyInstanceUid,
    ]);
  }

  /** What was read of a study's reports, with who stored each. */
  async ofStudy(
    manager: EntityManager,
    studyInstanceUid: string,
  ): Promise<{ report: DoseReport; caller: string | null }[]> {
    return manager.query(
      `SELECT report || jsonb_build_object('studyInstanceUid', $1::text) AS report, caller FROM dose_report
        WHERE (counts_for = $1 OR study_instance_uid = $1 AND counts_for IS NULL) AND report IS NOT NULL
        ORDER BY sop_instance_uid`,
      [studyInstanceUid],
    );
  }

  /** Notes that a study's reports are in its dose. */
  async filed(manager: EntityManager, studyInstanceUid: string, now: Date): Promise<void> {
    await manager.query(
      `UPDATE dose_report SET filed_at = $2
        WHERE (counts_for = $1 OR study_instance_uid = $1 AND counts_for IS NULL) AND report IS NOT NULL
          AND filed_at IS NULL`,
      [studyInstanceUid, now],
    );
  }

  /** Reports whose exam is not known here (yet), or that cannot be read, oldest first: UIDs, times and reasons only. */
  async list(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT sop_instance_uid AS "sopInstanceUid", study_instance_uid AS "studyInstanceUid", caller,
              CASE WHEN report IS NULL THEN 'unreadable' ELSE 'waiting' END AS state, reason, received_at AS "receivedAt"
         FROM dose_report WHERE filed_at IS NULL ORDER BY received_at LIMIT 500`,
    );
  }
}
