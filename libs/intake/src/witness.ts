import type { EntityManager } from 'typeorm';
import type { FhirResource, Identifier } from 'fhir/r4.js';
import type { MergedPatient, NewDelivery, Transaction } from '#messaging';
import type { Effects } from './message-log.js';

type ImagingEvent = Parameters<Transaction['publish']>[0];

/** A transaction that notes what is told through it, and what was written for it. */
export class Witness implements Transaction {
  private readonly told: ImagingEvent[] = [];
  readonly manager: EntityManager;
  readonly now: Date;
  readonly merged?: MergedPatient;
  readonly isTrial?: boolean;
  readonly lock: (patientId: string) => Promise<void>;

  constructor(private readonly transaction: Transaction) {
    this.manager = transaction.manager;
    this.now = transaction.now;
    this.merged = transaction.merged;
    this.isTrial = transaction.isTrial;
    this.lock = transaction.lock;
  }

  publish(event: ImagingEvent): void {
    this.told.push(event);
    this.transaction.publish(event);
  }
  deliver(delivery: NewDelivery): void {
    this.transaction.deliver(delivery);
  }

  /** What was told, and the resources in it that are as new as this transaction. */
  get effects(): Effects {
    const written = this.resources.map(
      ({ resourceType, id, meta }) => `${resourceType}/${id}/_history/${meta!.versionId}`,
    );
    return { resources: [...new Set(written)], events: this.told.map(({ id, type }) => ({ id, type })) };
  }

  /** The accession numbers of the orders among them, which the message may not have known. */
  get numbers(): string[] {
    const identifiers = this.resources.flatMap((one) => (one as { identifier?: Identifier[] }).identifier ?? []);
    const isAccession = ({ type }: Identifier) => type?.coding?.some(({ code }) => code === 'ACSN');
    return [...new Set(identifiers.filter(isAccession).flatMap(({ value }) => value ?? []))];
  }

  private get resources(): FhirResource[] {
    const carried = this.told.flatMap(({ data }) =>
      data.entry!.slice(1).map(({ resource }) => resource as FhirResource),
    );
    return carried.filter(({ meta }) => meta?.lastUpdated === this.now.toISOString());
  }
}
