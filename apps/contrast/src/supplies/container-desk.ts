import { Inject, Injectable } from '@nestjs/common';
import { uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { lotObjections, usableUntil, type Objection } from './lot.js';
import { LotsStore } from './lots.store.js';
import type { Statement } from './read-supply-statement.js';
import { RoomsStock } from './rooms-stock.js';
import { discardOpened, openContainer } from './stock.decider.js';
import { remainingOf } from './stock.js';
import { StockLevels } from './stock-levels.js';
import { StockStore, type PlacedContainer } from './stock.store.js';
import { lotView, timeSaid, inCount, type LotView } from './supply-desk.js';
import { SupplyEntries, type Answered } from './supply-entries.js';
import { millilitresOf } from './volume.js';

/** An opened container for people and programs; volumes in millilitres. */
export interface ContainerView {
  /** To be named by what is given from it. */
  id: string;
  lot: LotView;
  room: string;
  openedAt: string;
  /** It may not be given later than that. */
  usableUntil?: string;
  closedAt?: string;
  sizeMl: number;
  usedMl: number;
  wastedMl: number;
  remainingMl: number;
  doses: number;
  /** Why nothing of it may be given any more. */
  objections: Objection[];
}

/** Where containers are opened, and thrown away. */
@Injectable()
export class ContainerDesk {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SupplyEntries) private readonly entries: SupplyEntries,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(StockLevels) private readonly levels: StockLevels,
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Opens a container. One of which the ledger has none is opened all the same, since somebody has it in their hand; one
   * that may not be given is not.
   *
   * @throws Failure state-conflict where the lot is recalled or expired, with the reason
   */
  async open(said: Statement<'opening'>, client: string): Promise<Answered<ContainerView>> {
    this.entries.assertRoom(said.room, 'room');
    return this.entries.once('opening', said, client, async (transaction, entryId) => {
      const { manager, now } = transaction;
      const { lot, of } = await this.entries.lotNamed(said, manager);
      const { size } = this.entries.assertPackage(of).packing;
      const at = timeSaid(said.at, now);
      const [objection] = lotObjections(lot, { at, timeZone: this.site.timeZone });
      if (objection) throw fail('state-conflict', objection.reason, { field: 'lot' });
      const place = { lotId: lot.id, room: said.room };
      await this.stock.lock(manager, [said.room]);
      const stock = await this.stock.read(manager, place);
      const id = uuidFrom('Device', 'supply container', entryId);
      const opened = openContainer(stock, { id, size, at });
      const isInCount = stock.countedAt && at < stock.countedAt && opened.stock.sealed < stock.sealed;
      await this.stock.keep(manager, place, stock, isInCount ? inCount(opened, 1) : opened, { at, now, entryId });
      await this.levels.follow(said.room, of!.agent, transaction);
      return (await this.view([(await this.stock.container(manager, id))!], transaction))[0]!;
    });
  }

  /** Throws an opened container away, with what is in it; one that was thrown away before stays as it was. */
  async discard(id: string, { at: said, reason }: Statement<'container-discard'>): Promise<ContainerView> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const { manager, now } = transaction;
      const there = await this.stock.container(manager, id);
      if (!there) throw notThere();
      await this.stock.lock(manager, [there.room]);
      const stock = await this.stock.read(manager, there);
      const at = timeSaid(said, now);
      // It may have turned out, while its room was waited for, that it was not opened.
      const decision = discardOpened(stock, id, at, reason);
      await this.stock.keep(manager, there, stock, decision, { at, now });
      const lot = await this.lots.read(manager, there.lotId);
      const of = this.rooms.packages.get(lot!.gtin);
      if (of) await this.levels.follow(there.room, of.agent, transaction);
      const container = await this.stock.container(manager, id);
      if (!container) throw notThere();
      return (await this.view([container], transaction))[0]!;
    });
  }

  /** The open containers of a room, or everywhere, the one opened first first. */
  async list(room: string | undefined): Promise<ContainerView[]> {
    return this.unitOfWork.run(undefined, async (transaction) =>
      this.view(await this.stock.open(transaction.manager, room), transaction),
    );
  }

  /** One container, also one that was thrown away. */
  async read(id: string): Promise<ContainerView> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const container = await this.stock.container(transaction.manager, id);
      if (!container) throw notThere();
      return (await this.view([container], transaction))[0]!;
    });
  }

  private async view(containers: readonly PlacedContainer[], { manager, now }: Pick<Transaction, 'manager' | 'now'>) {
    const doses = await this.stock.doses(
      manager,
      containers.map(({ id }) => id),
    );
    const lots = new Map(
      (
        await this.lots.readMany(
          manager,
          containers.map(({ lotId }) => lotId),
        )
      ).map((one) => [one.id, one]),
    );
    return containers.map((one): ContainerView => {
      const lot = lots.get(one.lotId)!;
      const of = this.rooms.packages.get(lot.gtin);
      const taken = doses.get(one.id) ?? 0;
      const until = of && usableUntil(one, of.packing);
      const container = { ...one, doses: taken };
      return {
        id: one.id,
        lot: lotView(lot, of),
        room: one.room,
        openedAt: one.openedAt.toISOString(),
        ...(until ? { usableUntil: until.toISOString() } : {}),
        ...(one.closedAt ? { closedAt: one.closedAt.toISOString() } : {}),
        sizeMl: millilitresOf(one.size),
        usedMl: millilitresOf(one.used),
        wastedMl: millilitresOf(one.wasted),
        remainingMl: millilitresOf(remainingOf(one)),
        doses: taken,
        objections: lotObjections(lot, {
          at: now,
          timeZone: this.site.timeZone,
          packing: of?.packing,
          container,
          examId: one.examId,
        }),
      };
    });
  }
}

function notThere() {
  return fail('not-found', 'no container with this id was opened');
}
