import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { MedicationAdministration } from 'fhir/r4.js';
import { SITE, type Site } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { lotObjections, type Lot, type Objection } from './lot.js';
import { LotsStore } from './lots.store.js';
import { RoomsStock } from './rooms-stock.js';
import { lotMeant, statedSupply, type StatedSupply } from './stated-supply.js';
import { StockStore, type PlacedContainer } from './stock.store.js';

/** What is said of where something comes from. */
export type NamedSupply = Pick<StatedSupply, 'lotNumber' | 'gtin' | 'agent' | 'containerId' | 'expiresOn'>;

/** For what it is looked up. */
interface Purpose {
  at: Date;
  /** The contrast record of the exam, for which a single-dose container may be open. */
  examId?: string | undefined;
  /** The administration itself, where it is recorded: what it took does not speak against it. */
  except?: string;
}

/** What is known of it. */
export interface FoundSupply {
  lot: Lot | undefined;
  /** The opened container, where one was named, is known, and is of that lot. */
  container: PlacedContainer | undefined;
  /** Why nothing of it may be given at that time. */
  objections: Objection[];
}

/** Looks up which lot and opened container is meant, and what is against giving of it. */
@Injectable()
export class LookUpSupply {
  constructor(
    @Inject(LotsStore) private readonly lots: LotsStore,
    @Inject(StockStore) private readonly stock: StockStore,
    @Inject(RoomsStock) private readonly rooms: RoomsStock,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(SITE) private readonly site: Site,
  ) {}

  async find(
    { lotNumber, gtin, agent, containerId, expiresOn }: NamedSupply,
    { at, examId, except }: Purpose,
    manager: EntityManager,
  ): Promise<FoundSupply> {
    const named = containerId ? await this.containerAsBefore(containerId, { except, examId }, manager) : undefined;
    const meant = lotMeant({ gtin, agent }, await this.lots.numbered(manager, lotNumber), this.rooms.packages);
    // An opened container says of which package its lot is.
    const ofContainer = meant === 'ambiguous' && named ? await this.lots.read(manager, named.lotId) : undefined;
    const certain = ofContainer?.lotNumber === lotNumber ? ofContainer : undefined;
    const lot = meant === 'ambiguous' ? certain : meant;
    const objections = lotObjections(lot, {
      at,
      timeZone: this.site.timeZone,
      packing: lot && this.rooms.packages.get(lot.gtin)?.packing,
      container: named,
      isContainerUnknown: containerId !== undefined && !named,
      examId,
      isAmbiguous: meant === 'ambiguous',
      // Who keeps no stock here has no lot that is known.
      isStockKept: lot !== undefined || (await this.lots.isAnyKnown(manager)),
      statedExpiry: expiresOn,
    });
    return { lot, container: named && named.lotId === lot?.id ? named : undefined, objections };
  }

  /**
   * What is against an administration: of one that is about to be given, or being given, as it is now; of one that is
   * over, as it was then. Nothing is against what was not given.
   */
  async objectionsOf(
    administration: MedicationAdministration,
    now: Date,
    manager: EntityManager,
  ): Promise<Objection[]> {
    const stated = statedSupply(administration, this.policy);
    if (!stated || stated.volume === 0) return [];
    const isNow = !stated.at || (administration.status === 'in-progress' && stated.at < now);
    const purpose = { at: isNow ? now : stated.at!, examId: stated.examId, except: administration.id! };
    return (await this.find(stated, purpose, manager)).objections;
  }

  /** An opened container without what this administration, and its exam, took from it. */
  private async containerAsBefore(
    id: string,
    { except, examId }: Pick<Purpose, 'except' | 'examId'>,
    manager: EntityManager,
  ) {
    const container = await this.stock.container(manager, id);
    if (!container) return undefined;
    const owners = [except, examId].filter((one) => one !== undefined);
    const parts = except ? await this.stock.parts(manager, owners) : [];
    const own = parts.reduce((sum, { part }) => (part.containerId === id ? sum + part.volume : sum), 0);
    const doses = (await this.stock.doses(manager, [id], except)).get(id) ?? 0;
    return { ...container, used: container.used - own, doses };
  }
}
