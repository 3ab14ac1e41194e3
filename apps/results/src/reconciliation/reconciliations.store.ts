import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DifferenceKind, Repair, Told } from './comparison.decider.js';

/** What is compared: a study with the PACS, or a resource with a destination of the site file. */
export type Subject =
  | { peer: 'pacs'; studyInstanceUid: string }
  | {
      peer: 'destination';
      destination: string;
      type: Told['resourceType'];
      id: string;
    };

/** One comparison. */
export interface Run {
  id: string;
  /** Days, both included, `YYYY-MM-DD`. */
  from: string;
  to: string;
  state: 'waiting' | 'complete' | 'incomplete';
}

/** A difference that was found, and what became of it. */
export interface Found {
  kind: DifferenceKind;
  subject: Subject;
  patientId: string | null;
  detail: string;
}
/** The same as it is kept. */
export interface KeptDifference extends Found {
  number: number;
  state: 'open' | 'repaired' | 'closed';
  repair: Repair | null;
  settledBy: string | null;
  settledName: string | null;
  settledAt: string | null;
}

const ofRun = `id, from_day::text AS "from", to_day::text AS "to", asked_by AS "askedBy", asked_at AS "askedAt", night::text,
  state, finished_at AS "finishedAt", compared, failures`;
const ofDifference = `number, kind, subject, patient_id AS "patientId", detail, state, repair, settled_by AS "settledBy",
  settled_name AS "settledName", settled_at AS "settledAt"`;

/** The tables of comparisons and of what they found. */
@Injectable()
export class Reconciliations {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Asks for a comparison; that of one night is asked for once. */
  async ask(run: { id: string; from: string; to: string; askedBy: string; night?: string }, now: Date): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO reconciliation (id, from_day, to_day, asked_by, asked_at, night) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (night) DO NOTHING`,
      [run.id, run.from, run.to, run.askedBy, now, run.night ?? null],
    );
  }

  /** The one that waits longest. */
  async next(): Promise<Run | undefined> {
    const [row] = await this.dataSource.query(
      `SELECT ${ofRun} FROM reconciliation WHERE state = 'waiting' ORDER BY asked_at LIMIT 1`,
    );
    return row;
  }

  /** Whether one was asked for that night. */
  async isAsked(night: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.query('SELECT 1 FROM reconciliation WHERE night = $1', [night]);
    return rows.length > 0;
  }

  /** What a comparison came to, all of it or nothing: one that was interrupted begins anew. */
  async finished(id: string, found: Found[], compared: number, failures: object[], now: Date): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const [done] = await manager.query(
        `UPDATE reconciliation SET state = $2, finished_at = $3, compared = $4, failures = $5
          WHERE id = $1 AND state = 'waiting' RETURNING 1`,
        [id, failures.length > 0 ? 'incomplete' : 'complete', now, compared, JSON.stringify(failures)],
      );
      if (done.length === 0) return;
      await manager.query(
        `INSERT INTO reconciliation_difference (reconciliation_id, number, kind, subject, patient_id, detail)
         SELECT $1, ordinality, one->>'kind', one->'subject', one->>'patientId', one->>'detail'
           FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS f (one, ordinality)`,
        [id, JSON.stringify(found)],
      );
    });
  }

  /** The newest first. */
  async list(): Promise<object[]> {
    return this.dataSource.query(`SELECT ${ofRun} FROM reconciliation ORDER BY asked_at DESC LIMIT 100`);
  }

  async run(id: string): Promise<Run | undefined> {
    const [row] = await this.dataSource.query(`SELECT ${ofRun} FROM reconciliation WHERE id = $1`, [id]);
    return row;
  }

  async differences(id: string): Promise<KeptDifference[]> {
    return this.dataSource.query(
      `SELECT ${ofDifference} FROM reconciliation_difference WHERE reconciliation_id = $1 ORDER BY number LIMIT 10000`,
      [id],
    );
  }

  /** One difference, locked for the transaction. */
  async forUpdate(manager: EntityManager, id: string, number: number): Promise<KeptDifference | undefined> {
    const [row] = await manager.query(
      `SELECT ${ofDifference} FROM reconciliation_difference WHERE reconciliation_id = $1 AND number = $2 FOR UPDATE`,
      [id, number],
    );
    return row;
  }

  async settle(
    manager: EntityManager,
    id: string,
    number: number,
    as: { state: 'repaired' | 'closed'; repair?: Repair; client: string; name: string },
    now: Date,
  ): Promise<KeptDifference> {
    const [[row]] = await manager.query(
      `UPDATE reconciliation_difference SET state = $3, repair = $4, settled_by = $5, settled_name = $6, settled_at = $7
        WHERE reconciliation_id = $1 AND number = $2 RETURNING ${ofDifference}`,
      [id, number, as.state, as.repair ?? null, as.client, as.name, now],
    );
    return row;
  }

  /** Studies whose exams were completed within these times. */
  async studies(since: Date, before: Date): Promise<{ studyInstanceUid: string; patientId: string }[]> {
    return this.dataSource.query(
      `SELECT study_instance_uid AS "studyInstanceUid", patient_id AS "patientId" FROM study_lookup
        WHERE since >= $1 AND since < $2 ORDER BY since, study_instance_uid`,
      [since, before],
    );
  }

  /** Whether a study is looked for still. */
  async isSearched(studyInstanceUid: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.query(
      `SELECT 1 FROM study_lookup WHERE study_instance_uid = $1 AND state = 'searching'`,
      [studyInstanceUid],
    );
    return rows.length > 0;
  }

  /** Whether something of a patient is on its way to a destination, or parked before it: it is no difference yet. */
  async isOnItsWay(destination: string, patientId: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.query(
      `SELECT 1 FROM delivery WHERE destination = $1 AND key = $2 AND state IN ('waiting', 'parked') LIMIT 1`,
      [destination, patientId],
    );
    return rows.length > 0;
  }
}
