import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { fail, type Failure } from '#platform';
import type { EventRecord } from './event-consumer.js';

/** A record that waits for a person, or behind one that does. */
export interface ParkedEvent {
  id: string;
  consumer: string;
  eventId: string;
  key: string;
  type: string;
  state: 'parked' | 'waiting' | 'replayed' | 'skipped';
  code: string | null;
  reason: string | null;
  attempts: number;
  parkedAt: Date;
  headers: Record<string, string>;
  value: Buffer | null;
}

const columns = `id, consumer, event_id AS "eventId", key, type, state, code, reason, attempts,
  parked_at AS "parkedAt", headers, value`;
const open = "state IN ('parked', 'waiting')";

/** The table of parked events and the inbox beside it, whose rows exclude each other. */
@Injectable()
export class ParkedEvents {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Claims an event for handling; false if it was claimed before. */
  async claim(manager: EntityManager, consumer: string, eventId: string): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      'INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
      [consumer, eventId],
    );
    return rows.length > 0;
  }

  /** Claims an event in one round trip, unless it was claimed before or its patient has parked events. */
  async claimUnlessWaiting(
    manager: EntityManager,
    consumer: string,
    eventId: string,
    key: string,
  ): Promise<'claimed' | 'duplicate' | 'waiting'> {
    const [found] = await manager.query(
      `WITH waiting AS (SELECT 1 FROM parked_event WHERE consumer = $1 AND key = $3 AND ${open} LIMIT 1),
            claimed AS (INSERT INTO inbox (consumer, event_id) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM waiting)
                        ON CONFLICT DO NOTHING RETURNING 1)
       SELECT EXISTS (SELECT 1 FROM claimed) AS claimed,
              EXISTS (SELECT 1 FROM waiting)
                AND NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = $1 AND event_id = $2) AS waiting`,
      [consumer, eventId, key],
    );
    return found.claimed ? 'claimed' : found.waiting ? 'waiting' : 'duplicate';
  }

  /** Sets a record aside; one that is there already stays as it is. */
  async park(
    manager: EntityManager,
    consumer: string,
    eventId: string,
    record: EventRecord,
    state: 'parked' | 'waiting',
    failure: Failure | undefined,
  ): Promise<void> {
    await manager.query(
      `INSERT INTO parked_event (consumer, event_id, key, type, topic, kafka_partition, kafka_offset, headers, value,
         state, code, reason)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (consumer, event_id) DO NOTHING`,
      [
        consumer,
        eventId,
        record.key,
        record.headers.ce_type ?? '',
        record.topic,
        record.partition,
        record.offset,
        JSON.stringify(record.headers),
        record.value,
        state,
        failure?.code ?? null,
        failure?.message ?? null,
      ],
    );
  }

  /** The first open event of a key. */
  async next(manager: EntityManager, consumer: string, key: string): Promise<ParkedEvent | undefined> {
    const [row] = await manager.query(
      `SELECT ${columns} FROM parked_event WHERE consumer = $1 AND key = $2 AND ${open} ORDER BY id LIMIT 1`,
      [consumer, key],
    );
    return row;
  }

  /** Ends the wait of one event. */
  async resolve(
    manager: EntityManager,
    id: string,
    state: 'replayed' | 'skipped',
    by: string,
    note?: string,
  ): Promise<void> {
    await manager.query(
      `UPDATE parked_event SET state = $2, resolved_at = clock_timestamp(), resolved_by = $3, note = $4 WHERE id = $1`,
      [id, state, by, note ?? null],
    );
  }

  /** Notes that a replay failed, and why. */
  async failedAgain(id: string, failure: Failure): Promise<void> {
    await this.dataSource.query(
      `UPDATE parked_event SET state = 'parked', attempts = attempts + 1, code = $2, reason = $3 WHERE id = $1`,
      [id, failure.code, failure.message],
    );
  }

  /**
   * Leaves one open event out for good.
   *
   * @returns its key
   * @throws Failure not-found if there is no open event with this id
   */
  async skip(id: string, by: string, note: string): Promise<string> {
    const [[row]] = await this.dataSource.query(
      `UPDATE parked_event SET state = 'skipped', resolved_at = clock_timestamp(), resolved_by = $2, note = $3
        WHERE id = $1 AND ${open} RETURNING key`,
      [id, by, note],
    );
    if (!row) throw fail('not-found', 'no parked or waiting event has this id');
    return row.key;
  }

  /** Open events, oldest first, without their content. */
  async list(key?: string): Promise<Omit<ParkedEvent, 'value' | 'headers'>[]> {
    const rows: ParkedEvent[] = await this.dataSource.query(
      `SELECT ${columns} FROM parked_event WHERE ${open} AND ($1::text IS NULL OR key = $1) ORDER BY id LIMIT 1000`,
      [key ?? null],
    );
    return rows.map(({ value: _value, headers: _headers, ...row }) => row);
  }

  /** One event with its content. @throws Failure not-found */
  async show(id: string): Promise<ParkedEvent> {
    const [row] = await this.dataSource.query(`SELECT ${columns} FROM parked_event WHERE id = $1`, [id]);
    if (!row) throw fail('not-found', 'no event was parked under this id');
    return row;
  }

  /** How many patients have open events. */
  async countKeys(): Promise<number> {
    const [{ count }] = await this.dataSource.query(
      `SELECT count(DISTINCT key)::int AS count FROM parked_event WHERE ${open}`,
    );
    return count;
  }
}
