import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Lot } from './lot.js';

interface LotRow {
  id: string;
  gtin: string;
  lotNumber: string;
  expiresOn: string | null;
  recalledAt: Date | null;
  recallReason: string | null;
}

/** Columns of a lot `l`, as {@link lotOf} reads them. */
export const LOT_COLUMNS = `l.id, l.gtin, l.lot_number AS "lotNumber", l.expires_on::text AS "expiresOn",
  l.recalled_at AS "recalledAt", l.recall_reason AS "recallReason"`;

/** A lot as it is stored. */
export function lotOf({ id, gtin, lotNumber, expiresOn, recalledAt, recallReason }: LotRow): Lot {
  const recalled = recalledAt ? { recalled: { at: recalledAt, reason: recallReason! } } : {};
  return { id, gtin, lotNumber, ...(expiresOn ? { expiresOn } : {}), ...recalled };
}

/** The lots that are or were here, or were recalled. */
@Injectable()
export class LotsStore {
  async read(manager: EntityManager, id: string): Promise<Lot | undefined> {
    return (await this.readMany(manager, [id]))[0];
  }

  async readMany(manager: EntityManager, ids: readonly string[]): Promise<Lot[]> {
    const rows: LotRow[] = await manager.query(`SELECT ${LOT_COLUMNS} FROM supply_lot AS l WHERE l.id = ANY($1)`, [
      ids,
    ]);
    return rows.map(lotOf);
  }

  /** Every lot with this number: a number is the maker's, so that two makers may use the same. */
  async numbered(manager: EntityManager, lotNumber: string): Promise<Lot[]> {
    const rows: LotRow[] = await manager.query(
      `SELECT ${LOT_COLUMNS} FROM supply_lot AS l WHERE l.lot_number = $1 ORDER BY l.id`,
      [lotNumber],
    );
    return rows.map(lotOf);
  }

  /** Every lot of which something is in stock somewhere, or all that are known. */
  async all(manager: EntityManager, { inStock }: { inStock: boolean }): Promise<Lot[]> {
    const rows: LotRow[] = await manager.query(
      `SELECT ${LOT_COLUMNS} FROM supply_lot AS l
        WHERE NOT $1 OR EXISTS (SELECT FROM stock_balance AS b WHERE b.lot_id = l.id AND b.sealed > 0)
           OR EXISTS (SELECT FROM opened_container AS c WHERE c.lot_id = l.id AND c.closed_at IS NULL)
        ORDER BY l.expires_on NULLS FIRST, l.lot_number, l.id LIMIT 2000`,
      [inStock],
    );
    return rows.map(lotOf);
  }

  /** Stores what is known of a lot. */
  async put(manager: EntityManager, { id, gtin, lotNumber, expiresOn, recalled }: Lot): Promise<void> {
    await manager.query(
      `INSERT INTO supply_lot (id, gtin, lot_number, expires_on, recalled_at, recall_reason)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET expires_on = excluded.expires_on, recalled_at = excluded.recalled_at,
         recall_reason = excluded.recall_reason`,
      [id, gtin, lotNumber, expiresOn ?? null, recalled?.at ?? null, recalled?.reason ?? null],
    );
  }
}
