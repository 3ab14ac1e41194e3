import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { fail, type Failure } from '#platform';

/** Something to be sent to a destination, or that was. */
export interface Delivery {
  id: string;
  destination: string;
  key: string;
  kind: string;
  idempotencyKey: string;
  body: Record<string, unknown>;
  attempts: number;
  createdAt: Date;
}

const columns = `id, destination, key, kind, idempotency_key AS "idempotencyKey", body, attempts, created_at AS "createdAt"`;

/** The table of deliveries. */
@Injectable()
export class Deliveries {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /**
   * The first open delivery of each patient at a destination, where that one is due, oldest first. Which is the first is
   * a question of its own for each patient, which the index answers: as a join it reads the whole backlog for each,
   * until Postgres has statistics.
   */
  async due(destination: string, busyKeys: string[], limit: number): Promise<Delivery[]> {
    return this.dataSource.query(
      `SELECT ${columns} FROM delivery AS first
        WHERE destination = $1 AND state = 'waiting' AND next_attempt_at <= clock_timestamp()
          AND NOT key = ANY($2::text[])
          AND seq = (SELECT open.seq FROM delivery AS open
                      WHERE open.destination = first.destination AND open.key = first.key
                        AND open.state IN ('waiting', 'parked') ORDER BY open.seq LIMIT 1)
        ORDER BY seq LIMIT $3`,
      [destination, busyKeys, limit],
    );
  }

  /** Open deliveries under one key, rewritten and put under another, each in its place. */
  async move(
    manager: EntityManager,
    from: string,
    to: string,
    rewrite: (body: Record<string, unknown>) => object,
  ): Promise<void> {
    const rows: Pick<Delivery, 'id' | 'body'>[] = await manager.query(
      `SELECT id, body FROM delivery WHERE key = $1 AND state IN ('waiting', 'parked') FOR UPDATE`,
      [from],
    );
    for (const { id, body } of rows)
      await manager.query('UPDATE delivery SET key = $2, body = $3 WHERE id = $1', [
        id,
        to,
        JSON.stringify(rewrite(body)),
      ]);
  }

  async done(delivery: Delivery, milliseconds: number): Promise<void> {
    await this.dataSource.query(
      `WITH finished AS (UPDATE delivery SET state = 'done', attempts = attempts + 1, finished_at = clock_timestamp(),
                           code = NULL, reason = NULL WHERE id = $1 AND state <> 'skipped')
       INSERT INTO delivery_attempt (delivery_id, at, outcome, milliseconds) VALUES ($1, clock_timestamp(), 'delivered', $2)`,
      [delivery.id, milliseconds],
    );
  }

  /** Notes a failed attempt: tried again after the wait, or parked where the failure's fate says so. */
  async failed(delivery: Delivery, failure: Failure, waitMs: number, milliseconds: number): Promise<void> {
    await this.dataSource.query(
      `WITH noted AS (UPDATE delivery SET state = $2, attempts = attempts + 1, code = $3, reason = $4,
                        next_attempt_at = clock_timestamp() + $5 * interval '1 millisecond'
                        WHERE id = $1 AND state = 'waiting')
       INSERT INTO delivery_attempt (delivery_id, at, outcome, milliseconds) VALUES ($1, clock_timestamp(), $3, $6)`,
      [
        delivery.id,
        failure.fate === 'retry' ? 'waiting' : 'parked',
        failure.code,
        failure.message,
        waitMs,
        milliseconds,
      ],
    );
  }

  /** Deliveries in a state, oldest first, without their content. */
  async list(state: string, destination?: string): Promise<object[]> {
    return this.dataSource.query(
      `SELECT id, destination, key, kind, state, attempts, created_at AS "createdAt", next_attempt_at AS "nextAttemptAt",
              finished_at AS "finishedAt", code, reason, resolved_by AS "resolvedBy", note FROM delivery
        WHERE state = $1 AND ($2::text IS NULL OR destination = $2) ORDER BY seq LIMIT 1000`,
      [state, destination ?? null],
    );
  }

  /** The attempts of one delivery. */
  async attempts(id: string): Promise<object[]> {
    return this.dataSource.query(
      'SELECT at, outcome, milliseconds FROM delivery_attempt WHERE delivery_id = $1 ORDER BY at',
      [id],
    );
  }

  /**
   * Puts an open delivery back in line at once, or leaves it out for good.
   *
   * @throws Failure not-found if no open delivery has this id
   */
  async resolve(id: string, as: 'waiting' | 'skipped', by: string, note?: string): Promise<void> {
    const [rows] = await this.dataSource.query(
      `UPDATE delivery SET state = $2, next_attempt_at = clock_timestamp(), resolved_by = $3, note = $4,
              finished_at = CASE WHEN $2 = 'skipped' THEN clock_timestamp() END
        WHERE id = $1 AND state IN ('waiting', 'parked') RETURNING id`,
      [id, as, by, note ?? null],
    );
    if (rows.length === 0) throw fail('not-found', 'no open delivery has this id');
  }

  /** How many are open per destination and state, and how old the oldest is in seconds. */
  async open(): Promise<{ destination: string; state: string; count: number; age: number }[]> {
    return this.dataSource.query(
      `SELECT destination, state, count(*)::int AS count,
              extract(epoch FROM clock_timestamp() - min(created_at))::float AS age
         FROM delivery WHERE state IN ('waiting', 'parked') GROUP BY destination, state`,
    );
  }
}
