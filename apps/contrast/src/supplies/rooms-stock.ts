import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import type { LotInRoom } from './first-expired-first-out.decider.js';
import { LOT_COLUMNS, lotOf } from './lots.store.js';
import { packagesOf, type Package } from './packages.js';
import { StockStore } from './stock.store.js';

/** What a room has of a lot, and of what product that is. */
export interface RoomLot extends LotInRoom {
  room: string;
  package: Package;
}

/** What is in the rooms: every lot of which something is there, with its open containers. */
@Injectable()
export class RoomsStock {
  readonly packages: ReadonlyMap<string, Package>;

  constructor(
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(CONTRAST_POLICY) policy: ContrastPolicy | undefined,
  ) {
    this.packages = packagesOf(policy);
  }

  /** @param room of one room; of all unless given. @param agent of one agent; of all unless given */
  async find(manager: EntityManager, { room, agent }: { room?: string; agent?: string }): Promise<RoomLot[]> {
    const gtins = [...this.packages.values()].flatMap((one) => (!agent || one.agent === agent ? [one.gtin] : []));
    const rows: (Parameters<typeof lotOf>[0] & { room: string; sealed: number })[] = await manager.query(
      `SELECT ${LOT_COLUMNS}, b.room, b.sealed FROM stock_balance AS b JOIN supply_lot AS l ON l.id = b.lot_id
        WHERE ($1::text IS NULL OR b.room = $1) AND l.gtin = ANY($2)
          AND (b.sealed > 0 OR EXISTS (SELECT FROM opened_container AS c
                 WHERE c.lot_id = b.lot_id AND c.room = b.room AND c.closed_at IS NULL))
        ORDER BY b.room, l.expires_on NULLS FIRST, l.lot_number, l.id LIMIT 2000`,
      [room ?? null, gtins],
    );
    const open = await this.stock.open(manager, room);
    const doses = await this.stock.doses(
      manager,
      open.map(({ id }) => id),
    );
    return rows.map((row) => {
      const found = this.packages.get(row.gtin)!;
      const containers = open.filter((one) => one.lotId === row.id && one.room === row.room);
      return {
        room: row.room,
        lot: lotOf(row),
        package: found,
        packing: found.packing,
        stock: { sealed: row.sealed, containers },
        doses,
      };
    });
  }
}
