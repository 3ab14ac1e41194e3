import { Inject, Injectable } from '@nestjs/common';
import type { DiagnosticReport } from 'fhir/r4.js';
import { DataSource, type EntityManager } from 'typeorm';

const unmatched = `type = 'DiagnosticReport' AND NOT body ? 'basedOn'`;

/** Reports whose order is not known here (yet). */
@Injectable()
export class UnmatchedReports {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Those of one patient, oldest first. */
  async ofPatient(manager: EntityManager, patientId: string): Promise<DiagnosticReport[]> {
    const rows: { body: DiagnosticReport }[] = await manager.query(
      `SELECT body FROM resource WHERE patient_id = $1 AND ${unmatched} ORDER BY last_updated, id`,
      [patientId],
    );
    return rows.map(({ body }) => body);
  }

  /** All of them, oldest first: ids and times only. */
  async list(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT id, patient_id AS "patientId", status, last_updated AS "lastUpdated" FROM resource
        WHERE ${unmatched} ORDER BY last_updated LIMIT 500`,
    );
  }
}
