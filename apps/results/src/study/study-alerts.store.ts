import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { alertSystem } from './study-alert.decider.js';

/** Alerts as they stand, which are DetectedIssues. */
@Injectable()
export class StudyAlertList {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Those that are so, or are so no more; longest standing first: ids and times only. */
  async list(state: 'open' | 'resolved'): Promise<object[]> {
    return this.dataSource.query(
      `SELECT id AS "detectedIssueId", split_part(body #>> '{identifier,0,value}', '/', 1) AS kind,
              split_part(body #>> '{identifier,0,value}', '/', 2) AS "studyInstanceUid", patient_id AS "patientId",
              body ->> 'identifiedDateTime' AS since, body ->> 'detail' AS detail
         FROM resource
        WHERE type = 'DetectedIssue' AND status = $1 AND body #>> '{identifier,0,system}' = $2
        ORDER BY body ->> 'identifiedDateTime', id LIMIT 500`,
      [state === 'open' ? 'final' : 'cancelled', alertSystem],
    );
  }
}
