import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Appointment } from 'fhir/r4.js';
import { Dataset, type DatasetInput } from '#dicom';
import { fail } from '#platform';
import type { KnownStep } from '../exam/steps-meant.decider.js';
import type { StepStatus, WorklistItem } from './worklist-item.js';

/** What the worklist can be narrowed by before its items are matched one by one; all of it optional. */
export interface WorklistFilter {
  /** Any one of each list. */
  appointmentIds?: string[];
  stationAeTitles?: string[];
  modalities?: string[];
  accessionNumbers?: string[];
  dicomPatientIds?: string[];
  studyInstanceUids?: string[];
  requestedProcedureIds?: string[];
  /** YYYYMMDD, inclusive. */
  fromDate?: string;
  toDate?: string;
  /** A pattern of SQL LIKE for one component group of the name, in lower case. */
  patientNameLike?: string;
  /** Default: SCHEDULED only. */
  statuses?: StepStatus[];
}

const conditions: [keyof WorklistFilter, (value: string) => string][] = [
  ['appointmentIds', (value) => `appointment_id = ANY(${value})`],
  ['stationAeTitles', (value) => `station_ae_title = ANY(${value})`],
  ['modalities', (value) => `modality = ANY(${value})`],
  ['accessionNumbers', (value) => `accession_number = ANY(${value})`],
  ['dicomPatientIds', (value) => `dicom_patient_id = ANY(${value})`],
  ['studyInstanceUids', (value) => `study_instance_uid = ANY(${value})`],
  ['requestedProcedureIds', (value) => `requested_procedure_id = ANY(${value})`],
  ['fromDate', (value) => `start_date >= ${value}`],
  ['toDate', (value) => `start_date <= ${value}`],
  [
    'patientNameLike',
    (value) =>
      `(${['letters', 'ideographic', 'phonetic'].map((group) => `patient_name_${group} LIKE ${value}`).join(' OR ')})`,
  ],
];

/** An item as it is kept, with the status its step has now. */
export interface FoundItem {
  status: StepStatus;
  appointmentId: string;
  patientId: string;
  attributes: DatasetInput;
}

/** What an item is answered with. */
export function datasetOf({ status, attributes }: FoundItem): Dataset {
  const [step] = attributes.ScheduledProcedureStepSequence as [object];
  return Dataset.of({
    ...attributes,
    ScheduledProcedureStepSequence: [{ ...step, ScheduledProcedureStepStatus: status }],
  });
}

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
         station_ae_title = excluded.station_ae_title,
         modality = excluded.modality, start_date = excluded.start_date, start_time = excluded.start_time,
         accession_number = excluded.accession_number, dicom_patient_id = excluded.dicom_patient_id,
         requested_procedure_id = excluded.requested_procedure_id, step_id = excluded.step_id,
         study_instance_uid = excluded.study_instance_uid, status = excluded.status, attributes = excluded.attributes`,
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

  /** Lays attributes over those of a patient's items, or of these steps only; what is on no worklist is history. */
  async amend(
    manager: EntityManager,
    of: { patientId: string; appointmentIds?: string[] },
    attributes: DatasetInput,
  ): Promise<void> {
    await manager.query(
      `UPDATE worklist_item SET attributes = attributes || $3::jsonb
        WHERE patient_id = $1 AND ($2::text[] IS NULL OR appointment_id = ANY($2))
          AND status IN ('SCHEDULED', 'STARTED')`,
      [of.patientId, of.appointmentIds ?? null, JSON.stringify(attributes)],
    );
  }

  /** Gives all steps of a patient who was merged, done ones as well, to the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string, dicomPatientId: string): Promise<void> {
    await manager.query('UPDATE worklist_item SET patient_id = $2, dicom_patient_id = $3 WHERE patient_id = $1', [
      from,
      to,
      dicomPatientId,
    ]);
  }

  /** Moves steps to another status; a step that leaves SCHEDULED leaves the default worklist. */
  async setStatus(manager: EntityManager, appointmentIds: string[], status: StepStatus): Promise<void> {
    await manager.query('UPDATE worklist_item SET status = $2 WHERE appointment_id = ANY($1)', [
      appointmentIds,
      status,
    ]);
  }

  /** How many steps are on each station's worklist. */
  async counts(): Promise<{ stationAeTitle: string; status: StepStatus; items: number }[]> {
    return this.dataSource.query(
      `SELECT station_ae_title AS "stationAeTitle", status, count(*)::int AS items FROM worklist_item
        WHERE status IN ('SCHEDULED', 'STARTED') GROUP BY 1, 2`,
    );
  }

  /**
   * Items that pass the filter, STAT first, then by time.
   *
   * @throws Failure too-large if there are more than 2000: whoever wants more than a screen shows takes them by pages
   */
  async find(filter: WorklistFilter, manager: EntityManager = this.dataSource.manager): Promise<FoundItem[]> {
    const found = await select<FoundItem>(manager, WHOLE, filter, MOST + 1);
    if (found.length <= MOST) return found;
    throw fail('too-large', `there are more than ${MOST} steps: name a station and a day`, { field: 'aeTitle' });
  }

  /**
   * The same, however many, a page at a time: a modality that asks for everything does not cost the memory of everything.
   * A step that leaves the worklist while it is read is left out.
   */
  async *pages(filter: WorklistFilter): AsyncGenerator<FoundItem[]> {
    const { manager } = this.dataSource;
    const first = await select<FoundItem>(manager, WHOLE, filter, PAGE);
    yield first;
    if (first.length < PAGE) return;
    const read = new Set(first.map(({ appointmentId }) => appointmentId));
    const all = await select<Pick<FoundItem, 'appointmentId'>>(manager, 'appointment_id AS "appointmentId"', filter);
    const rest = all.map(({ appointmentId }) => appointmentId).filter((id) => !read.has(id));
    for (let at = 0; at < rest.length; at += PAGE)
      yield select<FoundItem>(manager, WHOLE, { ...filter, appointmentIds: rest.slice(at, at + PAGE) });
  }

  /** The steps with any of these study instance UIDs or accession numbers, whatever their status. */
  async named(
    studyInstanceUids: string[],
    accessionNumbers: string[],
    manager: EntityManager = this.dataSource.manager,
  ): Promise<(KnownStep & { status: StepStatus })[]> {
    if (studyInstanceUids.length + accessionNumbers.length === 0) return [];
    return manager.query(
      `SELECT appointment_id AS "appointmentId", patient_id AS "patientId", dicom_patient_id AS "dicomPatientId",
              study_instance_uid AS "studyInstanceUid", accession_number AS "accessionNumber", step_id AS "stepId",
              modality, station_ae_title AS "stationAeTitle", status
         FROM worklist_item WHERE study_instance_uid = ANY($1) OR accession_number = ANY($2)`,
      [studyInstanceUids, accessionNumbers],
    );
  }

  /** The Appointments of these patients whose exam has not begun. */
  async bookedOf(patientIds: string[]): Promise<{ patientId: string; appointment: Appointment }[]> {
    return this.dataSource.query(
      `SELECT patient_id AS "patientId", body AS appointment FROM resource
        WHERE type = 'Appointment' AND status = 'booked' AND patient_id = ANY($1) ORDER BY body->>'start', id`,
      [patientIds],
    );
  }
}

const WHOLE = 'status, appointment_id AS "appointmentId", patient_id AS "patientId", attributes';
/** Items read at a time. */
const PAGE = 200;
/** Items of a list that is made at once. */
const MOST = 2000;

function select<Row>(manager: EntityManager, what: string, filter: WorklistFilter, limit?: number): Promise<Row[]> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const where = conditions.flatMap(([name, condition]) =>
    filter[name] === undefined ? [] : [condition(bind(filter[name]))],
  );
  // The literal list lets Postgres use the partial indexes.
  const statuses = (filter.statuses ?? ['SCHEDULED']).filter((one) => /^[A-Z]+$/.test(one));
  where.push(`status IN (${statuses.map((one) => `'${one}'`).join(', ')})`);
  if (statuses.every((one) => one === 'SCHEDULED' || one === 'STARTED'))
    where.push("status IN ('SCHEDULED', 'STARTED')");
  return manager.query(
    `SELECT ${what} FROM worklist_item WHERE ${where.join(' AND ')}
      ORDER BY attributes->>'RequestedProcedurePriority' <> 'STAT', start_date, start_time, step_id, appointment_id
      ${limit === undefined ? '' : `LIMIT ${limit}`}`,
    values,
  );
}
