import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Medication } from 'fhir/r4.js';
import { FhirStore, sameContent, uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import type { Lot } from './lot.js';
import { lotIdOf, medicationOf } from './lot-medication.js';
import { LotsStore } from './lots.store.js';
import type { Package } from './packages.js';
import type { NamedLot, StatementKind } from './read-supply-statement.js';
import { RoomsStock } from './rooms-stock.js';

/** What a statement came to: the same one said again has the same answer, and does nothing more. */
export interface Answered<T> {
  isNew: boolean;
  answer: T;
}

/** A lot that was named, with its package where the policy has it. */
export interface FoundLot {
  lot: Lot;
  of: Package | undefined;
  isNew: boolean;
}

/** What every statement about supplies has in common: its number, the lot it names, the room it is about. */
@Injectable()
export class SupplyEntries {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Carries a statement out in one unit of work, once: the same one again is answered as the first time.
   *
   * @throws Failure duplicate-key where the number was used for something else
   */
  async once<T extends object>(
    kind: StatementKind,
    said: { identifier: { system: string; value: string } },
    client: string,
    work: (transaction: Transaction, entryId: string) => Promise<T>,
  ): Promise<Answered<T>> {
    const { system, value } = said.identifier;
    const id = uuidFrom('supply', kind, system, value);
    return this.unitOfWork.run(undefined, async (transaction) => {
      const { manager, now } = transaction;
      const [known] = await manager.query('SELECT said, answer FROM supply_entry WHERE id = $1', [id]);
      if (known && sameContent(known.said, said)) return { isNew: false, answer: known.answer as T };
      if (known) throw fail('duplicate-key', 'this number is in use for another statement', { field: 'identifier' });
      await manager.query(
        "INSERT INTO supply_entry (id, kind, said, answer, client, recorded_at) VALUES ($1, $2, $3, '{}', $4, $5)",
        [id, kind, JSON.stringify(said), client, now],
      );
      const answer = await work(transaction, id);
      await manager.query('UPDATE supply_entry SET answer = $2 WHERE id = $1', [id, JSON.stringify(answer)]);
      return { isNew: true, answer };
    });
  }

  /**
   * The lot a statement names; it is locked until the transaction ends.
   *
   * @throws Failure field-missing, field-invalid, unknown-key where no lot is known by it
   */
  async lotNamed(named: NamedLot, manager: EntityManager): Promise<FoundLot> {
    const { lot, isNew, of } = await this.lotNamedOrNew(named, manager);
    if (isNew)
      throw fail('unknown-key', 'this lot was never received here', { field: named.lot ? 'lot' : 'lotNumber' });
    return { lot, of, isNew };
  }

  /** The same, also of a lot that nobody has spoken of yet. */
  async lotNamedOrNew(named: NamedLot, manager: EntityManager): Promise<FoundLot> {
    const ofPackage = (gtin: string) => this.rooms.packages.get(gtin);
    if (named.lot) {
      await this.lots.lock(manager, named.lot);
      const lot = await this.lots.read(manager, named.lot);
      if (!lot) throw fail('unknown-key', 'there is no lot with this id', { field: 'lot' });
      return { lot, of: ofPackage(lot.gtin), isNew: false };
    }
    const { gtin, lotNumber, expiresOn } = named;
    if (!gtin)
      throw fail('field-missing', 'gtin is required, or a barcode that holds it, or the id of a lot', {
        field: 'gtin',
      });
    if (!lotNumber)
      throw fail('field-missing', 'lotNumber is required, or a barcode that holds it', { field: 'lotNumber' });
    const id = lotIdOf(gtin, lotNumber);
    await this.lots.lock(manager, id);
    const known = await this.lots.read(manager, id);
    if (known?.expiresOn && expiresOn && known.expiresOn !== expiresOn)
      throw fail('state-conflict', 'this lot is known with another expiry: look at the package again', {
        field: 'expiresOn',
      });
    const lot: Lot = known ?? { id, gtin, lotNumber };
    return { lot: expiresOn ? { ...lot, expiresOn } : lot, of: ofPackage(gtin), isNew: !known };
  }

  /** Stores a lot, and its Medication for who reads FHIR. */
  async keepLot(lot: Lot, of: Package | undefined, { manager, now }: Transaction): Promise<Medication> {
    await this.lots.put(manager, lot);
    const current = await this.store.read(manager, 'Medication', lot.id);
    const medication = medicationOf(lot, of);
    if (current && sameContent(current, medication)) return current;
    const [saved] = await this.store.save(
      manager,
      [{ ...medication, ...(current?.meta ? { meta: current.meta } : {}) }],
      now,
    );
    return saved!;
  }

  /** @throws Failure value-unknown for a room that is neither of a station nor a store */
  assertRoom(room: string, field: 'room' | 'from' | 'to'): void {
    const { stations, supplies } = this.site;
    if (supplies.stores.includes(room) || stations.some((one) => one.room === room)) return;
    throw fail('value-unknown', 'must be the room of a station, or one of supplies.stores in the site file', { field });
  }

  /** The package of a lot that is to be had in stock. @throws Failure value-unknown */
  assertPackage(of: Package | undefined): Package {
    if (of) return of;
    throw fail('value-unknown', 'no product of the contrast policy has a package with this GTIN', { field: 'gtin' });
  }
}
