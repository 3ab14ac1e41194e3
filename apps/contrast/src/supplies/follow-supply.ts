import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { MedicationAdministration } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { AdministeredSupplies, type AdministeredSupply } from './administered-supply.store.js';
import { LookUpSupply, type FoundSupply } from './look-up-supply.js';
import { LotsStore } from './lots.store.js';
import type { Package } from './packages.js';
import { RoomsStock } from './rooms-stock.js';
import { roomOfExam, statedSupply, type StatedSupply } from './stated-supply.js';
import { StockLevels } from './stock-levels.js';
import { StockStore, type Place } from './stock.store.js';
import { coverUnaccounted, coverUse, coverUseBeforeCount, type Packing, type Part, type Use } from './use.decider.js';

/** Of a package that is not in the policy any more nothing can be opened. */
const unknownPacking: Packing = { size: 1, isSingleDose: false };

/** Where an administration's contrast came from, as far as it can be known. */
type Source = FoundSupply & { room: string | undefined };

/** Has stock follow what was given, in the transaction of the administration. */
@Injectable()
export class FollowSupply {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(LookUpSupply) private readonly lookUp: LookUpSupply,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(AdministeredSupplies) private readonly administered: AdministeredSupplies,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(StockLevels) private readonly levels: StockLevels,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Takes from stock what was given, or, of one that was corrected, the difference; the same again takes nothing. What
   * was given is a fact: of a lot that is not in stock, recalled or expired it is recorded all the same, and listed.
   */
  async follow(administration: MedicationAdministration, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const id = administration.id!;
    const before = await this.administered.read(manager, id);
    const stated = statedSupply(administration, this.policy);
    if (!stated && !before) return;
    const source = stated ? await this.sourceOf(stated, id, transaction) : undefined;
    const now: AdministeredSupply = stated ? supplied(id, stated, source!, transaction.now) : { ...before!, volume: 0 };
    const owners = [id, now.examId];
    const places = async () => (await this.stock.parts(manager, owners)).map(({ lotId, room }) => ({ lotId, room }));
    await this.stock.lock(
      manager,
      [before?.room, now.room, ...(await places()).map(({ room }) => room)].filter((one) => one !== undefined),
    );
    await this.administered.put(manager, now);
    const wanted = now.lotId && now.room ? [{ lotId: now.lotId, room: now.room }] : [];
    for (const place of distinct([...(await places()), ...wanted])) await this.cover(place, now, source, transaction);
  }

  /**
   * Has a room's stock of a lot follow what was given of it.
   *
   * @param from `nowhere` for what was given of a lot before any of it came
   */
  async cover(
    place: Place,
    one: AdministeredSupply,
    source: Pick<Source, 'container'> | undefined,
    transaction: Transaction,
    from: 'stock' | 'nowhere' = 'stock',
  ): Promise<void> {
    const { manager, now } = transaction;
    const { of, use, packing, parts } = await this.useOf(place, one, source, manager);
    const stock = await this.stock.read(manager, place);
    const isOpenable = of && from === 'stock';
    const there = isOpenable ? stock : { ...stock, sealed: 0 };
    const wasCounted = isOpenable && stock.countedAt && one.at < stock.countedAt;
    const decision = (wasCounted ? coverUseBeforeCount : coverUse)(there, parts, use, packing);
    await this.stock.keep(manager, place, there, decision, { at: one.at, now });
    if (of) await this.levels.follow(place.room, of.agent, transaction);
  }

  /** Covers what is unaccounted for, now that it turns out to have been there: its receipt was written down later. */
  async coverAnew(place: Place, one: AdministeredSupply, { manager, now }: Transaction): Promise<void> {
    const { use, packing, parts } = await this.useOf(place, one, undefined, manager);
    const stock = await this.stock.read(manager, place);
    const decision = coverUnaccounted(stock, parts, use, packing);
    await this.stock.keep(manager, place, stock, decision, { at: one.at, now });
  }

  private async useOf(
    place: Place,
    one: AdministeredSupply,
    source: Pick<Source, 'container'> | undefined,
    manager: EntityManager,
  ): Promise<{ of: Package | undefined; use: Use; packing: Packing; parts: Part[] }> {
    const of = this.rooms.packages.get((await this.lots.read(manager, place.lotId))!.gtin);
    const packing = of?.packing ?? unknownPacking;
    const owner = packing.isSingleDose ? one.examId : one.administrationId;
    const isHere = (other: Place | AdministeredSupply) => other.lotId === place.lotId && other.room === place.room;
    const parts = (await this.stock.parts(manager, [owner])).filter(isHere).map(({ part }) => part);
    const own = isHere(one) ? one.volume : 0;
    const volume = packing.isSingleDose
      ? await this.administered.volumeOfExam(manager, one.examId, place.lotId, place.room)
      : own;
    return { of, use: { owner, volume, at: one.at, containerId: source?.container?.id }, packing, parts };
  }

  private async sourceOf(stated: StatedSupply, id: string, { manager, now }: Transaction): Promise<Source> {
    const at = stated.at ?? now;
    const given = { at, examId: stated.examId, except: id };
    const { lot, container, objections } = await this.lookUp.find(stated, given, manager);
    const room = container?.room ?? stated.room ?? (await this.roomOf(stated, at, manager));
    if (stated.volume === 0) return { lot, room, container, objections: [] };
    if (!room) objections.push({ code: 'room-unknown', reason: 'it is not known in which room it was given' });
    if (stated.volume === undefined)
      objections.push({ code: 'volume-unknown', reason: 'the dose is not in a unit of volume' });
    return { lot, room, container, objections };
  }

  private async roomOf({ orderId }: StatedSupply, at: Date, manager: EntityManager): Promise<string | undefined> {
    if (!orderId) return undefined;
    const appointments = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${orderId}`);
    return roomOfExam(appointments, at, this.site);
  }
}

function supplied(id: string, stated: StatedSupply, { lot, room, objections }: Source, now: Date): AdministeredSupply {
  const { examId, orderId, lotNumber, gtin, agent, containerId, volume = 0, at = now } = stated;
  return {
    administrationId: id,
    examId,
    orderId,
    lotId: lot?.id,
    lotNumber,
    gtin,
    agent,
    room,
    containerId,
    volume,
    at,
    objections,
  };
}

function distinct(places: readonly Place[]): Place[] {
  return [...new Map(places.map((one) => [`${one.lotId} ${one.room}`, one])).values()];
}
