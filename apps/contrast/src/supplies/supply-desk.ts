import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { AdministeredSupplies } from './administered-supply.store.js';
import { FollowSupply } from './follow-supply.js';
import { lotObjections, type Lot, type Objection } from './lot.js';
import type { Package } from './packages.js';
import type { Statement } from './read-supply-statement.js';
import { count, discardSealed, move, receive } from './stock.decider.js';
import type { StockDecision } from './stock.js';
import { StockLevels } from './stock-levels.js';
import { StockStore, type KeptStock, type Place } from './stock.store.js';
import { SupplyEntries, type Answered } from './supply-entries.js';

/** What a room has of a lot after a statement. */
export interface PlaceAnswer {
  /** Id of the statement here. */
  id: string;
  lot: LotView;
  room: string;
  /** Unopened containers now in the room. */
  sealed: number;
  /** Why nothing of it may be given, such as that it is expired: it is in stock all the same. */
  objections: Objection[];
}

/** A lot for people and programs. */
export interface LotView extends Omit<Lot, 'recalled'> {
  product?: string;
  agent?: string;
  recalled?: { at: string; reason: string };
}

/** A lot for people and programs. */
export function lotView(lot: Lot, of: Package | undefined): LotView {
  const { id, gtin, lotNumber, expiresOn, recalled } = lot;
  return {
    id,
    gtin,
    lotNumber,
    ...(expiresOn ? { expiresOn } : {}),
    ...(of ? { product: of.product, agent: of.agent } : {}),
    ...(recalled ? { recalled: { at: recalled.at.toISOString(), reason: recalled.reason } } : {}),
  };
}

/** Where unopened containers come in, go to another room, are counted, and are thrown away. */
@Injectable()
export class SupplyDesk {
  constructor(
    @Inject(SupplyEntries) private readonly entries: SupplyEntries,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(StockLevels) private readonly levels: StockLevels,
    @Inject(AdministeredSupplies) private readonly administered: AdministeredSupplies,
    @Inject(FollowSupply) private readonly supply: FollowSupply,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Takes containers into stock. What was given of them before somebody wrote down that they came is covered by them;
   * those that came before the room was counted are in what was counted.
   */
  async receive(said: Statement<'receipt'>, client: string): Promise<Answered<PlaceAnswer>> {
    this.entries.assertRoom(said.room, 'room');
    return this.entries.once('receipt', said, client, async (transaction, entryId) => {
      const { manager, now } = transaction;
      const found = await this.entries.lotNamedOrNew(said, manager);
      const { lot } = found;
      const of = this.entries.assertPackage(found.of);
      if (!lot.expiresOn)
        throw fail('field-missing', 'expiresOn is required, or a barcode that holds it', { field: 'expiresOn' });
      const at = timeSaid(said.at, now);
      await this.entries.keepLot(lot, of, transaction);
      const given = found.isNew ? await this.administered.unknown(manager, lot, of.agent) : [];
      await this.stock.lock(manager, [said.room, ...given.flatMap(({ room }) => room ?? [])]);
      const place = { lotId: lot.id, room: said.room };
      const stock = await this.stock.read(manager, place);
      const received = receive(stock, said.containers);
      const decision = stock.countedAt && at < stock.countedAt ? inCount(received, -said.containers) : received;
      await this.stock.keep(manager, place, stock, decision, { at, now, entryId });
      // What was given before the lot was known here is of it; of this delivery only what was given after it came.
      for (const one of given) {
        const known = { ...one, lotId: lot.id };
        await this.administered.put(manager, known);
        const from = one.room === said.room && one.at >= at ? 'stock' : 'nowhere';
        if (one.room) await this.supply.cover({ lotId: lot.id, room: one.room }, known, undefined, transaction, from);
      }
      for (const one of await this.administered.unaccounted(manager, lot.id, said.room, at))
        await this.supply.coverAnew(place, one, transaction);
      return this.answer(place, { lot, of }, entryId, transaction);
    });
  }

  /** Has unopened containers go from one room to another. @throws Failure state-conflict where there are not so many */
  async move(
    said: Statement<'move'>,
    client: string,
  ): Promise<Answered<{ id: string; from: PlaceAnswer; to: PlaceAnswer }>> {
    this.entries.assertRoom(said.from, 'from');
    this.entries.assertRoom(said.to, 'to');
    if (said.from === said.to) throw fail('field-invalid', 'must be another room than from', { field: 'to' });
    return this.entries.once('move', said, client, async (transaction, entryId) => {
      const { lot, of } = await this.entries.lotNamed(said, transaction.manager);
      await this.stock.lock(transaction.manager, [said.from, said.to]);
      const [from, to] = [said.from, said.to].map((room) => ({ lotId: lot.id, room })) as [Place, Place];
      await this.change(from, (stock) => move(stock, -said.containers), entryId, transaction);
      await this.change(to, (stock) => move(stock, said.containers), entryId, transaction);
      return {
        id: entryId,
        from: await this.answer(from, { lot, of }, entryId, transaction),
        to: await this.answer(to, { lot, of }, entryId, transaction),
      };
    });
  }

  /** Unopened containers were counted: so many there are, and what was unaccounted for before is explained. */
  async count(said: Statement<'count'>, client: string): Promise<Answered<PlaceAnswer>> {
    return this.inRoom('count', said, client, async (place, entryId, transaction) => {
      await this.change(place, (stock) => count(stock, said.containers), entryId, transaction);
      await this.stock.counted(transaction.manager, place, transaction.now);
    });
  }

  /** Unopened containers are thrown away, and why: that is what was wasted. */
  async discard(said: Statement<'discard'>, client: string): Promise<Answered<PlaceAnswer>> {
    return this.inRoom('discard', said, client, async (place, entryId, transaction, of) => {
      const { size } = this.entries.assertPackage(of).packing;
      await this.change(
        place,
        (stock) => discardSealed(stock, said.containers, said.reason, size),
        entryId,
        transaction,
      );
    });
  }

  private async inRoom(
    kind: 'count' | 'discard',
    said: Statement<'count'> | Statement<'discard'>,
    client: string,
    work: (place: Place, entryId: string, transaction: Transaction, of: Package | undefined) => Promise<void>,
  ): Promise<Answered<PlaceAnswer>> {
    this.entries.assertRoom(said.room, 'room');
    return this.entries.once(kind, said, client, async (transaction, entryId) => {
      const { lot, of } = await this.entries.lotNamed(said, transaction.manager);
      const place = { lotId: lot.id, room: said.room };
      await this.stock.lock(transaction.manager, [said.room]);
      await work(place, entryId, transaction, of);
      return this.answer(place, { lot, of }, entryId, transaction);
    });
  }

  private async change(
    place: Place,
    decide: (stock: KeptStock) => StockDecision,
    entryId: string,
    { manager, now }: Transaction,
  ): Promise<void> {
    const stock = await this.stock.read(manager, place);
    await this.stock.keep(manager, place, stock, decide(stock), { at: now, now, entryId });
  }

  private async answer(
    { room, lotId }: Place,
    { lot, of }: { lot: Lot; of: Package | undefined },
    id: string,
    transaction: Transaction,
  ): Promise<PlaceAnswer> {
    if (of) await this.levels.follow(room, of.agent, transaction);
    const { sealed } = await this.stock.read(transaction.manager, { room, lotId });
    const objections = lotObjections(lot, { at: transaction.now, timeZone: this.site.timeZone });
    return { id, lot: lotView(lot, of), room, sealed, objections };
  }
}

/** When something was, as it was said; now unless it was. @throws Failure field-invalid for the future */
export function timeSaid(at: string | undefined, now: Date): Date {
  const time = at === undefined ? now : new Date(at);
  // A minute for the clocks of those who send it.
  if (time.getTime() > now.getTime() + 60_000)
    throw fail('field-invalid', 'must not be in the future', { field: 'at' });
  return time;
}

/** What came before the room was counted is in what was counted: there are as many as before. */
export function inCount({ stock, movements }: StockDecision, change: number): StockDecision {
  const counted = { kind: 'counted' as const, sealed: change, volume: 0, reason: 'before the count' };
  return { stock: { ...stock, sealed: stock.sealed + change }, movements: [...movements, counted] };
}
