import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { KnownQuality, QualityResult } from './quality-control.decider.js';

/** One test a station needs. */
interface Requirement {
  aeTitle: string;
  system: string;
  code: string;
}

/** The tests stations need and how they came out, as narrow as the worklist wants them; the Observations tell the rest. */
@Injectable()
export class QualityResults {
  async put(manager: EntityManager, observationId: string, result: QualityResult): Promise<void> {
    await manager.query(
      `INSERT INTO quality_result (observation_id, ae_title, system, code, is_passed, at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (observation_id) DO UPDATE SET ae_title = excluded.ae_title, system = excluded.system,
         code = excluded.code, is_passed = excluded.is_passed, at = excluded.at`,
      [observationId, result.aeTitle, result.system, result.code, result.isPassed, result.at],
    );
  }

  /** A result entered in error never was. */
  async remove(manager: EntityManager, observationId: string): Promise<void> {
    await manager.query('DELETE FROM quality_result WHERE observation_id = $1', [observationId]);
  }

  /** What the site file asks for now: what is new is asked for from now on. */
  async require(manager: EntityManager, tests: readonly Requirement[], now: Date): Promise<void> {
    const columns = [tests.map((one) => one.aeTitle), tests.map((one) => one.system), tests.map((one) => one.code)];
    const wanted = 'unnest($1::text[], $2::text[], $3::text[]) AS w (ae_title, system, code)';
    await manager.query(
      `DELETE FROM quality_requirement AS r WHERE NOT EXISTS (SELECT FROM ${wanted}
         WHERE w.ae_title = r.ae_title AND w.system = r.system AND w.code = r.code)`,
      columns,
    );
    await manager.query(
      `INSERT INTO quality_requirement (ae_title, system, code, since) SELECT w.*, $4 FROM ${wanted}
       ON CONFLICT DO NOTHING`,
      [...columns, now],
    );
  }

  /** The tests these stations need, with when each was passed and failed last: two look-ups in an index a test. */
  async known(manager: EntityManager, aeTitles: readonly string[]): Promise<KnownQuality[]> {
    const last = (isPassed: boolean) =>
      `(SELECT max(at) FROM quality_result AS q WHERE q.ae_title = r.ae_title AND q.system = r.system
          AND q.code = r.code AND is_passed = ${isPassed})`;
    const rows: (Omit<KnownQuality, 'passedAt' | 'failedAt'> & { passedAt: Date | null; failedAt: Date | null })[] =
      await manager.query(
        `SELECT ae_title AS "aeTitle", system, code, since, ${last(true)} AS "passedAt", ${last(false)} AS "failedAt"
           FROM quality_requirement AS r WHERE ae_title = ANY($1)`,
        [aeTitles],
      );
    return rows.map(({ passedAt, failedAt, ...row }) => ({
      ...row,
      ...(passedAt ? { passedAt } : {}),
      ...(failedAt ? { failedAt } : {}),
    }));
  }
}
