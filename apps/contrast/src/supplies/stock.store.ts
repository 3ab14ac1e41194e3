import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OpenedContainer, Stock, StockDecision } from './stock.js';
import type { Part } from './use.decider.js';

/** A room's stock of one lot. */
export interface Place {
  lotId: string;
  room: string;
}

/** What came to a room's stock: when, and by which word of whom. */
export interface Cause {
  at: Date;
  now: Date;
  entryId?: string;
}

export interface KeptStock extends Stock {
  /** What was given before is not in what was counted then. */
  countedAt?: Date | undefined;
}

interface ContainerRow extends Omit<OpenedContainer, 'size' | 'used' | 'wasted' | 'closedAt' | 'examId'> {
  size: string;
  used: string;
  wasted: string;
  closedAt: Date | null;
  examId: string | null;
}

/** An opened container with where it is. */
export type PlacedContainer = OpenedContainer & Place;

const CONTAINER_COLUMNS = `id, lot_id AS "lotId", room, size, used, wasted, opened_at AS "openedAt", closed_at AS "closedAt",
  exam_id AS "examId", is_implied AS "isImplied"`;

/** Stock by room and lot: the ledger, and what it comes to, which the database keeps from falling below zero. */
@Injectable()
export class StockStore {
  /** Until the transaction ends nobody else changes the stock of these rooms. */
  async lock(manager: EntityManager, rooms: readonly string[]): Promise<void> {
    // Sorted, so that two that want the same rooms do not wait for each other.
    await manager.query(
      `SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' stock ' || room, 0))
         FROM unnest($1::text[]) AS room`,
      [[...new Set(rooms)].sort()],
    );
  }

  async read(manager: EntityManager, { lotId, room }: Place): Promise<KeptStock> {
    const [balance] = await manager.query(
      'SELECT sealed, counted_at AS "countedAt" FROM stock_balance WHERE lot_id = $1 AND room = $2',
      [lotId, room],
    );
    const rows: (ContainerRow & Place)[] = await manager.query(
      `SELECT ${CONTAINER_COLUMNS} FROM opened_container WHERE lot_id = $1 AND room = $2 ORDER BY opened_at, id`,
      [lotId, room],
    );
    return {
      sealed: balance?.sealed ?? 0,
      countedAt: balance?.countedAt ?? undefined,
      containers: rows.map(containerOf),
    };
  }

  /** The opened container with this id. */
  async container(manager: EntityManager, id: string): Promise<PlacedContainer | undefined> {
    const [row] = await manager.query(`SELECT ${CONTAINER_COLUMNS} FROM opened_container WHERE id = $1`, [id]);
    return row && containerOf(row);
  }

  /** The open containers of a room, or everywhere. */
  async open(manager: EntityManager, room: string | undefined): Promise<PlacedContainer[]> {
    const rows: (ContainerRow & Place)[] = await manager.query(
      `SELECT ${CONTAINER_COLUMNS} FROM opened_container
        WHERE closed_at IS NULL AND ($1::text IS NULL OR room = $1) ORDER BY room, opened_at, id LIMIT 2000`,
      [room ?? null],
    );
    return rows.map(containerOf);
  }

  /** How many administrations came from each of these containers, that one left out. */
  async doses(
    manager: EntityManager,
    containerIds: readonly string[],
    except?: string,
  ): Promise<ReadonlyMap<string, number>> {
    const rows: { id: string; doses: number }[] = await manager.query(
      `SELECT container_id AS id, count(*)::int AS doses FROM (
         SELECT container_id, owner FROM stock_movement
          WHERE container_id = ANY($1) AND kind = 'used' AND owner IS DISTINCT FROM $2
          GROUP BY container_id, owner HAVING sum(volume) > 0) AS taken GROUP BY 1`,
      [containerIds, except ?? null],
    );
    return new Map(rows.map(({ id, doses }) => [id, doses]));
  }

  /** Where what is known of an owner's use came from, in the order it was taken; by the lot and room it came from. */
  async parts(manager: EntityManager, owners: readonly string[]): Promise<(Place & { owner: string; part: Part })[]> {
    const rows: { owner: string; lotId: string; room: string; containerId: string | null; volume: string }[] =
      await manager.query(
        `SELECT owner, lot_id AS "lotId", room, container_id AS "containerId", sum(volume) AS volume
           FROM stock_movement WHERE owner = ANY($1) AND kind IN ('used', 'unaccounted')
          GROUP BY 1, 2, 3, 4 HAVING sum(volume) <> 0 ORDER BY min(seq)`,
        [owners],
      );
    return rows.map(({ containerId, volume, ...place }) => ({
      ...place,
      part: { volume: Number(volume), ...(containerId ? { containerId } : {}) },
    }));
  }

  /** Adds the lines of a decision to the ledger, and makes stock what it says. */
  async keep(
    manager: EntityManager,
    { lotId, room }: Place,
    before: Stock,
    { stock, movements }: StockDecision,
    { at, now, entryId }: Cause,
  ): Promise<void> {
    if (movements.length > 0)
      await manager.query(
        `INSERT INTO stock_movement (kind, lot_id, room, sealed, container_id, volume, owner, reason, entry_id, at, recorded_at)
         SELECT kind, $2, $3, sealed, "containerId", volume, owner, reason, $4, $5, $6
           FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (kind text, sealed int, "containerId" text, volume bigint, owner text, reason text))
                WITH ORDINALITY AS m (kind, sealed, "containerId", volume, owner, reason, place) ORDER BY place`,
        [JSON.stringify(movements), lotId, room, entryId ?? null, at, now],
      );
    await this.keepBalance(manager, { lotId, room }, stock.sealed - before.sealed);
    await this.keepContainers(manager, { lotId, room }, before, stock);
  }

  /** By the difference: were two to change it at once, neither would undo the other, and none could get below zero. */
  private async keepBalance(manager: EntityManager, { lotId, room }: Place, change: number): Promise<void> {
    // A row to be inserted is checked before it is known to be there, so that it must not hold the difference.
    await manager.query(
      'INSERT INTO stock_balance (lot_id, room, sealed) VALUES ($1, $2, 0) ON CONFLICT (lot_id, room) DO NOTHING',
      [lotId, room],
    );
    if (change !== 0)
      await manager.query('UPDATE stock_balance SET sealed = sealed + $3 WHERE lot_id = $1 AND room = $2', [
        lotId,
        room,
        change,
      ]);
  }

  private async keepContainers(manager: EntityManager, { lotId, room }: Place, before: Stock, after: Stock) {
    const gone = before.containers.filter(({ id }) => !after.containers.some((one) => one.id === id));
    if (gone.length > 0)
      await manager.query('DELETE FROM opened_container WHERE id = ANY($1)', [gone.map(({ id }) => id)]);
    const changed = after.containers.filter((one) => {
      const was = before.containers.find(({ id }) => id === one.id);
      return !was || JSON.stringify(was) !== JSON.stringify(one);
    });
    if (changed.length === 0) return;
    const rows = changed.map(({ id, size, used, wasted, openedAt, closedAt, examId, isImplied }) => ({
      id,
      size,
      used,
      wasted,
      opened_at: openedAt,
      closed_at: closedAt ?? null,
      exam_id: examId ?? null,
      is_implied: isImplied,
    }));
    await manager.query(
      `INSERT INTO opened_container (id, lot_id, room, size, used, wasted, opened_at, closed_at, exam_id, is_implied)
       SELECT id, $2, $3, size, used, wasted, opened_at, closed_at, exam_id, is_implied
         FROM jsonb_to_recordset($1::jsonb) AS c (id text, size bigint, used bigint, wasted bigint, opened_at timestamptz,
           closed_at timestamptz, exam_id text, is_implied boolean)
       ON CONFLICT (id) DO UPDATE SET used = excluded.used, wasted = excluded.wasted, closed_at = excluded.closed_at,
         exam_id = excluded.exam_id`,
      [JSON.stringify(rows), lotId, room],
    );
  }

  /** What was unaccounted for until then is explained by a count: the room has what was counted. */
  async counted(manager: EntityManager, { lotId, room }: Place, at: Date): Promise<void> {
    await manager.query('UPDATE stock_balance SET counted_at = $3 WHERE lot_id = $1 AND room = $2', [lotId, room, at]);
    await manager.query(
      `UPDATE stock_movement SET settled_at = $3
        WHERE lot_id = $1 AND room = $2 AND kind = 'unaccounted' AND settled_at IS NULL`,
      [lotId, room, at],
    );
  }

  /** The rooms in which there is, or was, something of a lot. */
  async roomsOf(manager: EntityManager, lotId: string): Promise<string[]> {
    const rows: { room: string }[] = await manager.query('SELECT room FROM stock_balance WHERE lot_id = $1', [lotId]);
    return rows.map(({ room }) => room);
  }
}

function containerOf(row: ContainerRow & Place): PlacedContainer {
  const { size, used, wasted, closedAt, examId, ...rest } = row;
  return {
    ...rest,
    size: Number(size),
    used: Number(used),
    wasted: Number(wasted),
    ...(closedAt ? { closedAt } : {}),
    ...(examId ? { examId } : {}),
  };
}
