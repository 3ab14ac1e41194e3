import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { InjectorReport, ReportReferences } from './injector-report.js';

/** How far a report came; all but `recorded` are listed for a person. */
export type ReportState = 'recorded' | 'waiting' | 'disagrees' | 'ambiguous' | 'incomplete' | 'refused';

/** What becomes of a report. */
export interface ReportOutcome {
  state: ReportState;
  /** Without patient data. */
  reason?: string;
  orderId?: string;
  administrationId?: string;
}

/** A report as it is kept. */
export interface KeptReport {
  sopInstanceUid: string;
  aeTitle: string;
  digest: string;
  state: ReportState;
  report: InjectorReport;
}

/** A report with the object as it came. */
export interface WholeReport {
  sopInstanceUid: string;
  report: InjectorReport;
  object: Buffer;
  transferSyntax: string;
}

const columns = 'sop_instance_uid AS "sopInstanceUid", ae_title AS "aeTitle", digest, state, report';
const shown = `sop_instance_uid AS "sopInstanceUid", ae_title AS "aeTitle", received_at AS "receivedAt", state, reason,
  accession_numbers AS "accessionNumbers", study_uids AS "studyInstanceUids", order_id AS "orderId",
  administration_id AS "administrationId", refused_copies AS "refusedCopies"`;

/** The table of injectors' reports. */
@Injectable()
export class InjectorReports {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Keeps a report with the bytes that came. @returns false if there is one under its UID already */
  async insert(
    manager: EntityManager,
    kept: Omit<KeptReport, 'state'> & { bytes: Buffer; transferSyntax: string },
    now: Date,
  ): Promise<boolean> {
    const { references } = kept.report;
    const rows: unknown[] = await manager.query(
      `INSERT INTO injector_report (sop_instance_uid, ae_title, digest, transfer_syntax, object, report, received_at, state,
         accession_numbers, study_uids, scheduled_step_ids, performed_step_uids)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING state`,
      [
        kept.sopInstanceUid,
        kept.aeTitle,
        kept.digest,
        kept.transferSyntax,
        kept.bytes,
        JSON.stringify(kept.report),
        now,
        references.accessionNumbers,
        references.studyUids,
        references.scheduledStepIds,
        references.performedStepUids,
      ],
    );
    return rows.length > 0;
  }

  async find(manager: EntityManager, sopInstanceUid: string): Promise<KeptReport | undefined> {
    const rows: KeptReport[] = await manager.query(
      `SELECT ${columns} FROM injector_report WHERE sop_instance_uid = $1 FOR UPDATE`,
      [sopInstanceUid],
    );
    return rows[0];
  }

  /** A report with all that is kept of it. */
  async whole(manager: EntityManager, sopInstanceUid: string): Promise<WholeReport | undefined> {
    const rows: WholeReport[] = await manager.query(
      `SELECT ${shown}, report, object, transfer_syntax AS "transferSyntax" FROM injector_report
        WHERE sop_instance_uid = $1`,
      [sopInstanceUid],
    );
    return rows[0];
  }

  /** Another object under the same UID was refused. */
  async refusedCopy(manager: EntityManager, sopInstanceUid: string): Promise<void> {
    await manager.query('UPDATE injector_report SET refused_copies = refused_copies + 1 WHERE sop_instance_uid = $1', [
      sopInstanceUid,
    ]);
  }

  async became(manager: EntityManager, sopInstanceUid: string, outcome: ReportOutcome): Promise<void> {
    await manager.query(
      `UPDATE injector_report SET state = $2, reason = $3, order_id = $4, administration_id = $5
        WHERE sop_instance_uid = $1`,
      [
        sopInstanceUid,
        outcome.state,
        outcome.reason ?? null,
        outcome.orderId ?? null,
        outcome.administrationId ?? null,
      ],
    );
  }

  /** Reports that wait and share a number with these, oldest first. */
  async waitingFor(manager: EntityManager, references: Omit<ReportReferences, 'patientId'>): Promise<KeptReport[]> {
    return manager.query(
      `SELECT ${columns} FROM injector_report
        WHERE state IN ('waiting', 'disagrees', 'ambiguous', 'refused')
          AND (accession_numbers && $1 OR study_uids && $2 OR scheduled_step_ids && $3 OR performed_step_uids && $4)
        ORDER BY received_at, sop_instance_uid FOR UPDATE`,
      [references.accessionNumbers, references.studyUids, references.scheduledStepIds, references.performedStepUids],
    );
  }

  /** Reports in these states, newest first: numbers and reasons only. */
  async list(states: readonly ReportState[]): Promise<object[]> {
    return this.dataSource.query(
      `SELECT ${shown} FROM injector_report WHERE state = ANY($1) ORDER BY received_at DESC, sop_instance_uid LIMIT 500`,
      [states],
    );
  }
}
