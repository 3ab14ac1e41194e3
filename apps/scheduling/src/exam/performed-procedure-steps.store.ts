import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { decodeDataset, explicitVrLittleEndian, performedProcedureStepFrom, type PerformedProcedureStep } from '#dicom';

/** One MPPS instance, its attributes as they stand now in Explicit VR Little Endian. */
export interface PerformedProcedureStepRow {
  sopInstanceUid: string;
  status: string;
  patientId: string;
  /** The Appointments it performs, as they were found when it began; none for an unscheduled exam. */
  appointmentIds: string[];
  /** Why it stands for itself: no reference, an unknown one, or another patient's. */
  reason: string | null;
  attributes: Buffer;
  /** The order a person said it was done for, instead of the one of its worklist entry. */
  reassignedTo?: string | null;
}

/** An exam without an order as it is listed. */
export interface ListedExam {
  mppsSopInstanceUid: string;
  patientId: string;
  status: string;
  reason: string;
  createdAt: Date;
  attributes: Buffer;
}

/** What an MPPS says as it is kept. */
export function reportedIn(attributes: Buffer): PerformedProcedureStep {
  return performedProcedureStepFrom(decodeDataset(attributes, explicitVrLittleEndian));
}

/** The table of MPPS instances. */
@Injectable()
export class PerformedProcedureSteps {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async find(manager: EntityManager, sopInstanceUid: string): Promise<PerformedProcedureStepRow | undefined> {
    const [row] = await manager.query(
      `SELECT sop_instance_uid AS "sopInstanceUid", status, patient_id AS "patientId",
              appointment_ids AS "appointmentIds", reason, attributes, reassigned_to AS "reassignedTo"
         FROM performed_procedure_step WHERE sop_instance_uid = $1`,
      [sopInstanceUid],
    );
    return row;
  }

  /** The patient of an MPPS instance, read outside any transaction: it changes with a merge only. */
  async patientOf(sopInstanceUid: string): Promise<string | undefined> {
    return (await this.find(this.dataSource.manager, sopInstanceUid))?.patientId;
  }

  /** @throws a Postgres unique violation (23505) if the instance is there already */
  async insert(manager: EntityManager, row: PerformedProcedureStepRow, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO performed_procedure_step (sop_instance_uid, status, patient_id, is_unscheduled, appointment_ids,
         reason, attributes, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
      [
        row.sopInstanceUid,
        row.status,
        row.patientId,
        row.appointmentIds.length === 0,
        row.appointmentIds,
        row.reason,
        row.attributes,
        now,
      ],
    );
  }

  async update(manager: EntityManager, row: PerformedProcedureStepRow, now: Date): Promise<void> {
    await manager.query(
      'UPDATE performed_procedure_step SET status = $2, attributes = $3, updated_at = $4 WHERE sop_instance_uid = $1',
      [row.sopInstanceUid, row.status, row.attributes, now],
    );
  }

  /** Notes which order an exam was done for, instead of that of its worklist entry. */
  async reassigned(manager: EntityManager, sopInstanceUid: string, orderId: string, now: Date): Promise<void> {
    await manager.query(
      'UPDATE performed_procedure_step SET reassigned_to = $2, updated_at = $3 WHERE sop_instance_uid = $1',
      [sopInstanceUid, orderId, now],
    );
  }

  /** Gives the exams of a patient who was merged to the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string): Promise<void> {
    await manager.query('UPDATE performed_procedure_step SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  /** What the other instances of these steps came to. */
  async othersOf(
    manager: EntityManager,
    sopInstanceUid: string,
    appointmentIds: string[],
  ): Promise<{ appointmentIds: string[]; status: string }[]> {
    return manager.query(
      `SELECT appointment_ids AS "appointmentIds", status FROM performed_procedure_step
        WHERE appointment_ids && $1 AND sop_instance_uid <> $2`,
      [appointmentIds, sopInstanceUid],
    );
  }

  /** SOP Instance UIDs of the exams of a step that are under way, the latest first. */
  async inProgress(manager: EntityManager, appointmentId: string): Promise<string[]> {
    const rows: { uid: string }[] = await manager.query(
      `SELECT sop_instance_uid AS uid FROM performed_procedure_step
        WHERE appointment_ids && ARRAY[$1] AND status = 'IN PROGRESS' ORDER BY created_at DESC, sop_instance_uid`,
      [appointmentId],
    );
    return rows.map(({ uid }) => uid);
  }

  /** Gives an exam that stood for itself its steps, and with them its patient. */
  async link(manager: EntityManager, row: PerformedProcedureStepRow, now: Date): Promise<void> {
    await manager.query(
      `UPDATE performed_procedure_step SET is_unscheduled = false, appointment_ids = $2, patient_id = $3, reason = NULL,
              updated_at = $4
        WHERE sop_instance_uid = $1`,
      [row.sopInstanceUid, row.appointmentIds, row.patientId, now],
    );
  }

  /** A patient's exams without an order, oldest first. */
  async unscheduledOf(manager: EntityManager, patientId: string): Promise<PerformedProcedureStepRow[]> {
    return manager.query(
      `SELECT sop_instance_uid AS "sopInstanceUid", status, patient_id AS "patientId",
              appointment_ids AS "appointmentIds", reason, attributes
         FROM performed_procedure_step WHERE is_unscheduled AND patient_id = $1 ORDER BY created_at`,
      [patientId],
    );
  }

  /** Exams without an order, newest first. */
  async unscheduled(): Promise<ListedExam[]> {
    return this.dataSource.query(
      `SELECT sop_instance_uid AS "mppsSopInstanceUid", patient_id AS "patientId", status, reason,
              created_at AS "createdAt", attributes FROM performed_procedure_step
        WHERE is_unscheduled ORDER BY created_at DESC LIMIT 500`,
    );
  }
}
