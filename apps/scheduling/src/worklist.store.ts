import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatasetInput } from '#dicom';
import type { StepStatus, WorklistItem } from './worklist-item.js';

/** What the worklist can be narrowed by before its items are matched one by one; all of them optional. */
export interface WorklistFilter {
  stationAeTitle?: string;
  modality?: string;
  /** YYYYMMDD, inclusive. */
  fromDate?: string;
  toDate?: string;
  accessionNumber?: string;
  dicomPatientId?: string;
  studyInstanceUid?: string;
  /** Default: SCHEDULED only. */
  statuses?: StepStatus[];
}

/** A step as a modality names it in MPPS. */
export interface StepReference {
  studyInstanceUid?: string;
  accessionNumber?: string;
  stepId?: string;
}

const columns: [keyof WorklistFilter, string][] = [
  ['stationAeTitle', 'station_ae_title ='],
  ['modality', 'modality ='],
  ['fromDate', 'start_date >='],
  ['toDate', 'start_date <='],
  ['accessionNumber', 'accession_number ='],
  ['dicomPatientId', 'dicom_patient_id ='],
  ['studyInstanceUid', 'study_instance_uid ='],
];

/** The worklist: one narrow row a step, kept in the transaction that schedules it. */
@Injectable()
export class Worklist {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async put(manager: EntityManager, item: WorklistItem, status: StepStatus): Promise<void> {
    await manager.query(
      `INSERT INTO worklist_item (appointment_id, patient_id, station_ae_title, modality, start_date, start_time,
         accession_number, dicom_patient_id, requested_procedure_id, step_id, study_instance_uid, status, attributes)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       ON CONFLICT (appointment_id) DO UPDATE SET patient_id = excluded.patient_id,
         station_ae_title = excluded.station_ae_title, modality = excluded.modality, start_date = excluded.start_date,
         start_time = excluded.start_time, accession_number = excluded.accession_number,
         dicom_patient_id = excluded.dicom_patient_id, requested_procedure_id = excluded.requested_procedure_id,
         step_id = excluded.step_id, study_instance_uid = excluded.study_instance_uid, status = excluded.status,
         attributes = excluded.attributes`,
      [
        item.appointmentId,
        item.patientId,
        item.stationAeTitle,
        item.modality,
        item.startDate,
        item.startTime,
        item.accessionNumber,
        item.dicomPatientId,
        item.requestedProcedureId,
        item.stepId,
        item.studyInstanceUid,
        status,
        JSON.stringify(item.attributes),
      ],
    );
  }

  /** Moves steps to another status; a step that leaves SCHEDULED leaves the default worklist. */
  async setStatus(manager: EntityManager, appointmentIds: string[], status: StepStatus): Promise<void> {
    await manager.query('UPDATE worklist_item SET status = $2 WHERE appointment_id = ANY($1)', [
      appointmentIds,
      status,
    ]);
  }

  /** Status of one step, undefined if it is unknown. */
  async statusOf(manager: EntityManager, appointmentId: string): Promise<StepStatus | undefined> {
    const [row] = await manager.query('SELECT status FROM worklist_item WHERE appointment_id = $1', [appointmentId]);
    return row?.status;
  }

  /** Items that pass the filter, STAT first, then by time. */
  async find(filter: WorklistFilter): Promise<{ status: StepStatus; attributes: DatasetInput }[]> {
    const values: unknown[] = [];
    const bind = (value: unknown) => `$${values.push(value)}`;
    const where = columns.flatMap(([name, condition]) => (filter[name] === undefined ? [] : [`${condition} ${bind(filter[name])}`])); // prettier-ignore
    // The literal list lets Postgres use the partial indexes.
    const statuses = (filter.statuses ?? ['SCHEDULED']).filter((one) => /^[A-Z]+$/.test(one));
    where.push(`status IN (${statuses.map((one) => `'${one}'`).join(', ')})`);
    if (statuses.every((one) => one === 'SCHEDULED' || one === 'STARTED'))
      where.push("status IN ('SCHEDULED', 'STARTED')");
    return this.dataSource.query(
      `SELECT status, attributes FROM worklist_item WHERE ${where.join(' AND ')}
        ORDER BY attributes->>'RequestedProcedurePriority' <> 'STAT', start_date, start_time, step_id`,
      values,
    );
  }

  /** The steps a modality refers to: by study UID or accession number, and step id where it gives one. */
  async referredTo(
    manager: EntityManager,
    references: StepReference[],
  ): Promise<{ appointmentId: string; patientId: string; dicomPatientId: string }[]> {
    const found = new Map<string, { appointmentId: string; patientId: string; dicomPatientId: string }>();
    for (const { studyInstanceUid, accessionNumber, stepId } of references) {
      if (!studyInstanceUid && !accessionNumber) continue;
      const rows = await manager.query(
        `SELECT appointment_id AS "appointmentId", patient_id AS "patientId", dicom_patient_id AS "dicomPatientId"
           FROM worklist_item
          WHERE (study_instance_uid = $1 OR ($1::text IS NULL AND accession_number = $2))
            AND ($3::text IS NULL OR step_id = $3)`,
        [studyInstanceUid ?? null, accessionNumber ?? null, stepId ?? null],
      );
      for (const row of rows) found.set(row.appointmentId, row);
    }
    return [...found.values()];
  }
}
