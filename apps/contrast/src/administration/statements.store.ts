import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { MedicationAdministration } from 'fhir/r4.js';
import type { Source } from './administration-desk.js';
import type { Statement } from './same-injection.decider.js';

/** A statement as it was kept, for whoever asks how an administration came about. */
export interface KeptStatement extends Source {
  statedAt: string;
  /** True for one that a later one of the same number stands for. */
  replaced: boolean;
  administration: MedicationAdministration;
}

/** Keeps who said what of what was given. */
@Injectable()
export class StatementsStore {
  /** Those that count under a plan, and the one with this id wherever it is, in the order in which they came. */
  async ofPlan(manager: EntityManager, planId: string, statementId = ''): Promise<Statement[]> {
    const rows: Row[] = await manager.query(
      `SELECT statement_id, plan_id, stated_by, settles, body FROM administration_statement
        WHERE (plan_id = $1 OR statement_id = $2) AND NOT replaced ORDER BY arrived, id`,
      [planId, statementId],
    );
    return rows.map(({ statement_id: id, plan_id, stated_by: by, settles, body: administration }) => ({
      id,
      planId: plan_id,
      by,
      settles,
      administration,
    }));
  }

  /** Keeps a statement; one of the same id before it stays, and counts no longer. It keeps that one's place in the order. */
  async keep(
    manager: EntityManager,
    { id, planId, by, settles, administration }: Statement,
    client: string,
    now: Date,
  ) {
    const replaced: { arrived: string }[] = await manager.query(
      'WITH old AS (UPDATE administration_statement SET replaced = true WHERE statement_id = $1 AND NOT replaced RETURNING arrived) SELECT arrived FROM old',
      [id],
    );
    await manager.query(
      `INSERT INTO administration_statement (statement_id, plan_id, stated_by, client, stated_at, settles, body, arrived)
       VALUES ($1, $2, $3, $4, $5, $6, $7,
               COALESCE($8, (SELECT COALESCE(MAX(arrived), 0) + 1 FROM administration_statement WHERE plan_id = $2)))`,
      [id, planId, by, client, now, settles, JSON.stringify(administration), replaced[0]?.arrived ?? null],
    );
  }

  /** All that was ever said under these ids, in the order in which it came. */
  async history(manager: EntityManager, statementIds: readonly string[]): Promise<KeptStatement[]> {
    const rows: (Row & { client: string; stated_at: Date; replaced: boolean })[] = await manager.query(
      `SELECT stated_by, client, stated_at, replaced, body FROM administration_statement
        WHERE statement_id = ANY($1) ORDER BY id`,
      [statementIds],
    );
    return rows.map((row) => ({
      by: row.stated_by,
      client: row.client,
      statedAt: row.stated_at.toISOString(),
      replaced: row.replaced,
      administration: row.body,
    }));
  }
}

interface Row {
  statement_id: string;
  plan_id: string;
  stated_by: Source['by'];
  settles: string[];
  body: MedicationAdministration;
}
