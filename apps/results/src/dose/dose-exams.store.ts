import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DoseMeasure } from '#platform';
import type { DoseKind } from './dose-report.js';

/** The dose of one exam as statistics and registries get it: nothing in it says whose it is. */
export interface DoseExam {
  kind: DoseKind;
  performedAt: Date;
  room?: string | undefined;
  procedure?: string | undefined;
  protocol?: string | undefined;
  ageYears?: number | undefined;
  weightKg?: number | undefined;
  sex?: string | undefined;
  events: number;
  /** In the units of the measures. */
  measures: Partial<Record<DoseMeasure, number>>;
  isAbove: boolean;
}

/** Median and third quartile of one measure, of the exams of one room and protocol. */
export interface DoseStatistic {
  room: string | null;
  procedure: string | null;
  protocol: string | null;
  measure: DoseMeasure;
  exams: number;
  median: number;
  p75: number;
}

/** The table of exams' doses. */
@Injectable()
export class DoseExams {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  async keep(manager: EntityManager, observationId: string, exam: DoseExam): Promise<void> {
    await manager.query(
      `INSERT INTO dose_exam (observation_id, kind, performed_at, room, procedure, protocol, age_years, weight_kg, sex, events,
                              measures, is_above)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT (observation_id) DO UPDATE SET kind = excluded.kind, performed_at = excluded.performed_at,
         room = excluded.room, procedure = excluded.procedure, protocol = excluded.protocol, age_years = excluded.age_years,
         weight_kg = excluded.weight_kg, sex = excluded.sex, events = excluded.events, measures = excluded.measures,
         is_above = excluded.is_above`,
      [
        observationId,
        exam.kind,
        exam.performedAt,
        exam.room ?? null,
        exam.procedure ?? null,
        exam.protocol ?? null,
        exam.ageYears ?? null,
        exam.weightKg ?? null,
        exam.sex ?? null,
        exam.events,
        JSON.stringify(exam.measures),
        exam.isAbove,
      ],
    );
  }

  /** An exam whose dose is in error counts in no statistic. */
  async remove(manager: EntityManager, observationId: string): Promise<void> {
    await manager.query('DELETE FROM dose_exam WHERE observation_id = $1', [observationId]);
  }

  /** Of exams from a time until before another; a value between two exams is interpolated, as `percentile_cont` does. */
  async statistics(from: Date, until: Date): Promise<DoseStatistic[]> {
    return this.dataSource.query(
      `SELECT room, procedure, protocol, measure, count(*)::int AS exams,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY value::float8) AS median,
              percentile_cont(0.75) WITHIN GROUP (ORDER BY value::float8) AS p75
         FROM dose_exam, jsonb_each_text(measures) AS m (measure, value)
        WHERE performed_at >= $1 AND performed_at < $2
        GROUP BY room, procedure, protocol, measure ORDER BY room, procedure, protocol, measure`,
      [from, until],
    );
  }

  /** The exams of that time, oldest first. */
  async list(from: Date, until: Date, limit: number): Promise<DoseExam[]> {
    return this.dataSource.query(
      `SELECT kind, performed_at AS "performedAt", room, procedure, protocol, age_years AS "ageYears",
              weight_kg AS "weightKg", sex, events, measures, is_above AS "isAbove"
         FROM dose_exam WHERE performed_at >= $1 AND performed_at < $2 ORDER BY performed_at, observation_id LIMIT $3`,
      [from, until, limit],
    );
  }
}
