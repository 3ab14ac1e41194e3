import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

/** One MPPS instance, its attributes as they stand now in Explicit VR Little Endian. */
export interface PerformedProcedureStepRow {
  sopInstanceUid: string;
  status: string;
  patientId: string;
  isUnscheduled: boolean;
  /** Why it stands for itself: no reference, an unknown one, or another patient's. */
  reason: string | null;
  attributes: Buffer;
}

/** The table of MPPS instances. */
@Injectable()
export class PerformedProcedureSteps {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async find(manager: EntityManager, sopInstanceUid: string): Promise<PerformedProcedureStepRow | undefined> {
    const [row] = await manager.query(
      `SELECT sop_instance_uid AS "sopInstanceUid", status, patient_id AS "patientId",
              is_unscheduled AS "isUnscheduled", reason, attributes
         FROM performed_procedure_step WHERE sop_instance_uid = $1`,
      [sopInstanceUid],
    );
    return row;
  }

  /** The patient of an MPPS instance, read outside any transaction: it never changes. */
  async patientOf(sopInstanceUid: string): Promise<string | undefined> {
    return (await this.find(this.dataSource.manager, sopInstanceUid))?.patientId;
  }

  async put(manager: EntityManager, row: PerformedProcedureStepRow, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO performed_procedure_step (sop_instance_uid, status, patient_id, is_unscheduled, reason, attributes,
         created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
       ON CONFLICT (sop_instance_uid) DO UPDATE SET status = excluded.status, attributes = excluded.attributes,
         updated_at = excluded.updated_at`,
      [row.sopInstanceUid, row.status, row.patientId, row.isUnscheduled, row.reason, row.attributes, now],
    );
  }

  /** Exams without an order, newest first: ids and times only. */
  async unscheduled(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT sop_instance_uid AS "mppsSopInstanceUid", patient_id AS "patientId", status, reason,
              created_at AS "createdAt" FROM performed_procedure_step
        WHERE is_unscheduled ORDER BY created_at DESC LIMIT 500`,
    );
  }
}
