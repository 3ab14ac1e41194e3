import { Inject, Injectable } from '@nestjs/common';
import { newEvent } from '#events';
import { recordAccess } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { AdministeredSupplies, type Recipient } from './administered-supply.store.js';
import type { Lot } from './lot.js';
import { LotsStore } from './lots.store.js';
import type { Package } from './packages.js';
import { RoomsStock } from './rooms-stock.js';
import type { Statement } from './read-supply-statement.js';
import { StockLevels } from './stock-levels.js';
import { StockStore } from './stock.store.js';
import { lotView, type LotView } from './supply-desk.js';
import { SupplyEntries, type Answered } from './supply-entries.js';

/** More patients than any lot reaches. */
const MOST_RECIPIENTS = 10_000;

/** What a recall came to. */
export interface RecallAnswer {
  /** Id of the statement here. */
  id: string;
  lot: LotView;
  /** The rooms in which something of it is in stock or open. */
  rooms: { room: string; sealed: number; openContainers: string[] }[];
}

/** Where lots are recalled, and where it is asked who received of one. */
@Injectable()
export class RecallDesk {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SupplyEntries) private readonly entries: SupplyEntries,
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(StockLevels) private readonly levels: StockLevels,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(AdministeredSupplies) private readonly administered: AdministeredSupplies,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /**
   * Recalls a lot: from now on nothing of it, also of what is open, may be given, and it is no stock any more. A lot that
   * was never received here is recalled as well: it may yet come.
   */
  async recall(said: Statement<'recall'>, client: string): Promise<Answered<RecallAnswer>> {
    return this.entries.once('recall', said, client, async (transaction, entryId) => {
      const { manager, now } = transaction;
      const { lot, of } = await this.entries.lotNamedOrNew(said, manager);
      // The first recall counts; one that comes again, under another number, is no news.
      const recalled = { ...lot, recalled: lot.recalled ?? { at: now, reason: said.reason } };
      const medication = await this.entries.keepLot(recalled, of, transaction);
      const rooms = await this.followRooms(recalled, of, transaction);
      if (!lot.recalled)
        transaction.publish(
          newEvent({
            type: 'imaging.contrast.lot-recalled.v1',
            patientId: lot.id,
            cause: entryId,
            now,
            resources: [medication],
          }),
        );
      return { id: entryId, lot: lotView(recalled, of), rooms };
    });
  }

  /**
   * A recall was a mistake, or is over: the lot may be given again, as far as nothing else is against it.
   *
   * @throws Failure state-conflict where it is not recalled
   */
  async withdraw(said: Statement<'withdrawal'>, client: string): Promise<Answered<RecallAnswer>> {
    return this.entries.once('withdrawal', said, client, async (transaction, entryId) => {
      const { lot, of } = await this.entries.lotNamed(said, transaction.manager);
      if (!lot.recalled) throw fail('state-conflict', 'this lot is not recalled', { field: 'lot' });
      const standing = { ...lot, recalled: undefined };
      await this.entries.keepLot(standing, of, transaction);
      return { id: entryId, lot: lotView(standing, of), rooms: await this.followRooms(standing, of, transaction) };
    });
  }

  /**
   * Everybody who received of a lot, in the order of time. Who asked is recorded with the answer.
   *
   * @throws Failure not-found
   */
  async recipients(lotId: string, client: string): Promise<{ lot: LotView; recipients: Recipient[] }> {
    return this.unitOfWork.run(undefined, async ({ manager, now }) => {
      const lot = await this.lots.read(manager, lotId);
      if (!lot) throw fail('not-found', 'there is no lot with this id');
      const recipients = await this.administered.recipients(manager, lot, MOST_RECIPIENTS);
      const access = {
        interaction: 'search-type' as const,
        client,
        service: this.infrastructure.service,
        references: recipients.map(({ administrationId }) => `MedicationAdministration/${administrationId}`),
        patientIds: [...new Set(recipients.map(({ patient }) => patient.id))],
        query: new URLSearchParams({ lot: lotId }).toString(),
      };
      await recordAccess(manager, access, now);
      return { lot: lotView(lot, this.rooms.packages.get(lot.gtin)), recipients };
    });
  }

  /** What may be given of it in each room has changed. @returns the rooms in which there is something of it */
  private async followRooms(
    { id }: Lot,
    of: Package | undefined,
    transaction: Transaction,
  ): Promise<RecallAnswer['rooms']> {
    const { manager } = transaction;
    const rooms = (await this.stock.roomsOf(manager, id)).sort();
    await this.stock.lock(manager, rooms);
    if (of) for (const room of rooms) await this.levels.follow(room, of.agent, transaction);
    const places = [];
    for (const room of rooms) {
      const { sealed, containers } = await this.stock.read(manager, { lotId: id, room });
      const openContainers = containers.filter(({ closedAt }) => !closedAt).map((one) => one.id);
      if (sealed + openContainers.length > 0) places.push({ room, sealed, openContainers });
    }
    return places;
  }
}
