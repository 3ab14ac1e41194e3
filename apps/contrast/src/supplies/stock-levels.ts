import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { newEvent } from '#events';
import { systems, uuidFrom } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { lotObjections } from './lot.js';
import { agentMedication } from './lot-medication.js';
import { followLevel, type OnHand, type StockLevel } from './low-stock.decider.js';
import { RoomsStock, type RoomLot } from './rooms-stock.js';
import { remainingOf } from './stock.js';
import { StockStore } from './stock.store.js';

/** What may be given of several lots at that time; what is expired, recalled or open for too long is left out. */
export function onHandOf(lots: readonly RoomLot[], at: Date, timeZone: string): OnHand {
  const usable = lots.filter(({ lot }) => lotObjections(lot, { at, timeZone }).length === 0);
  const open = usable.flatMap(({ lot, stock, packing }) =>
    stock.containers.filter(
      (one) =>
        lotObjections(lot, { at, timeZone, packing, container: { ...one, lotId: lot.id, doses: 0 } }).length === 0,
    ),
  );
  return {
    containers: usable.reduce((sum, { stock }) => sum + stock.sealed, 0),
    volume:
      usable.reduce((sum, { stock, packing }) => sum + stock.sealed * packing.size, 0) +
      open.reduce((sum, one) => sum + remainingOf(one), 0),
  };
}

/** Tells once when a room's stock of an agent falls to what the site wants to be told at. */
@Injectable()
export class StockLevels {
  constructor(
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** Follows every level, as the clock brings it: what expires is no stock any more. */
  async followAll(transaction: Transaction): Promise<void> {
    const rooms = [...new Set(this.site.supplies.low.map(({ room }) => room))];
    await this.stock.lock(transaction.manager, rooms);
    for (const room of rooms) await this.follow(room, undefined, transaction);
  }

  /** Follows the levels of a room whose stock is locked; of one agent, or of all. */
  async follow(room: string, agent: string | undefined, transaction: Transaction): Promise<void> {
    for (const threshold of this.site.supplies.low)
      if (threshold.room === room && (!agent || threshold.agent === agent))
        await this.followOne(threshold, transaction);
  }

  private async followOne(threshold: Site['supplies']['low'][number], transaction: Transaction): Promise<void> {
    const { room, agent } = threshold;
    const of = [...this.rooms.packages.values()].find((one) => one.agent === agent);
    if (!of) return;
    const { manager, now } = transaction;
    const onHand = onHandOf(await this.rooms.find(manager, { room, agent }), now, this.site.timeZone);
    const before = await this.read(manager, room, agent);
    const followed = followLevel(before, onHand, threshold);
    if (!followed || followed.level === before) return;
    const { isLow, falls } = followed.level;
    await manager.query(
      `INSERT INTO stock_level (room, agent, is_low, falls) VALUES ($1, $2, $3, $4)
       ON CONFLICT (room, agent) DO UPDATE SET is_low = excluded.is_low, falls = excluded.falls`,
      [room, agent, isLow, falls],
    );
    if (!followed.tell) return;
    const medication = agentMedication(of, room, onHand);
    const location = { resourceType: 'Location' as const, id: uuidFrom('Location', systems.room, room), name: room };
    // The fall itself is the cause: told again, after whatever restart, it is the same event.
    transaction.publish(
      newEvent({
        type: 'imaging.contrast.stock-low.v1',
        patientId: medication.id!,
        cause: `fall ${falls}`,
        now,
        resources: [medication, location],
      }),
    );
  }

  private async read(manager: EntityManager, room: string, agent: string): Promise<StockLevel | undefined> {
    const [level] = await manager.query(
      'SELECT is_low AS "isLow", falls FROM stock_level WHERE room = $1 AND agent = $2',
      [room, agent],
    );
    return level;
  }
}
