import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Objection } from './lot.js';

/** What was given and does not agree with stock; `objections` is what was against giving it. */
export interface Discrepancy {
  administrationId: string;
  at: Date;
  lotId: string | null;
  lotNumber: string;
  room: string | null;
  volumeMl: number;
  /** Of it, what no stock accounts for; of single-dose containers it is that of the whole exam. */
  unaccountedMl: number;
  objections: Objection[];
}

/** What was thrown away of a lot in a room, by why. */
export interface Waste {
  room: string;
  gtin: string;
  lotId: string;
  lotNumber: string;
  kind: 'wasted' | 'expired' | 'recalled';
  reason: string | null;
  volumeMl: number;
}

/** What the ledger says beyond what is in stock. */
@Injectable()
export class SupplyReports {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** What no stock accounts for, or was given though something was against it; the newest first. Ids only, no patient. */
  async discrepancies(room: string | undefined): Promise<Discrepancy[]> {
    const rows: (Omit<Discrepancy, 'volumeMl' | 'unaccountedMl'> & { volume: string; unaccounted: string | null })[] =
      await this.dataSource.query(
        `WITH open AS (
           SELECT owner, lot_id, room, sum(volume) AS volume FROM stock_movement
            WHERE kind = 'unaccounted' AND settled_at IS NULL GROUP BY 1, 2, 3 HAVING sum(volume) > 0)
         SELECT s.administration_id AS "administrationId", s.at, s.lot_id AS "lotId", s.lot_number AS "lotNumber", s.room,
                s.volume, s.objections, CASE WHEN s.lot_id IS NULL OR s.room IS NULL THEN s.volume ELSE open.volume END AS unaccounted
           FROM administered_supply AS s
           LEFT JOIN open ON open.owner IN (s.administration_id, s.exam_id) AND open.lot_id = s.lot_id AND open.room = s.room
          WHERE (open.volume IS NOT NULL OR s.objections <> '[]'::jsonb) AND ($1::text IS NULL OR s.room = $1)
            AND (s.volume > 0 OR s.objections <> '[]'::jsonb)
          ORDER BY s.at DESC, 1 LIMIT 2000`,
        [room ?? null],
      );
    return rows.map(({ volume, unaccounted, ...row }) => ({
      ...row,
      volumeMl: Number(volume) / 1000,
      unaccountedMl: Number(unaccounted ?? 0) / 1000,
    }));
  }

  /** What was thrown away from then until before then. */
  async waste(from: Date, until: Date): Promise<Waste[]> {
    const rows: (Omit<Waste, 'volumeMl'> & { volume: string })[] = await this.dataSource.query(
      `SELECT m.room, l.gtin, l.id AS "lotId", l.lot_number AS "lotNumber", m.kind,
              coalesce(m.reason, CASE WHEN c.exam_id IS NOT NULL THEN 'single-dose' END) AS reason, sum(m.volume) AS volume
         FROM stock_movement AS m JOIN supply_lot AS l ON l.id = m.lot_id
         LEFT JOIN opened_container AS c ON c.id = m.container_id
        WHERE m.kind IN ('wasted', 'expired', 'recalled') AND m.at >= $1 AND m.at < $2
        GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(m.volume) <> 0 ORDER BY 1, 2, 4, 5, 6 LIMIT 5000`,
      [from, until],
    );
    return rows.map(({ volume, ...row }) => ({ ...row, volumeMl: Number(volume) / 1000 }));
  }
}
