import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Patient, ServiceRequest } from 'fhir/r4.js';
import { FhirStore, referencedId } from '#fhir';
import { controlIdOf, hl7Delivery, Hl7Destinations, type MllpDestination } from '#intake';
import {
  envelopeTo,
  mergeMessage,
  orderStatusMessage,
  partFor,
  senderSystem,
  type MessageEnvelope,
  type OrderNews,
} from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';

/** Tells those outside by HL7 v2 what they asked to know: placers their orders' status, others the merges. */
@Injectable()
export class PlacerDesk implements OnModuleInit {
  constructor(
    @Inject(Hl7Destinations) private readonly hl7: Hl7Destinations,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  onModuleInit(): void {
    const named = this.site.senders.map(({ repliesTo }) => repliesTo);
    for (const one of this.destinations)
      if (named.includes(one.name) || one.gets.includes('merges')) this.hl7.connect(one);
  }

  /**
   * Tells the placer of an order, where its sender wants to be told, behind everything told of the patient before.
   *
   * @param cause names the fact: told twice, it goes out once
   */
  async tell(news: OrderNews, order: ServiceRequest, cause: string, transaction: Transaction): Promise<void> {
    const sender = this.site.senders.find((one) => senderSystem(one) === order.meta?.source);
    const destination = this.destinations.find(({ name }) => name === sender?.repliesTo);
    if (!destination) return;
    const patientId = referencedId(order.subject.reference, 'Patient')!;
    const patient: Patient | undefined = await this.store.read(transaction.manager, 'Patient', patientId);
    if (!patient) return;
    const key = `${cause}/${order.id}`;
    const write = (envelope: MessageEnvelope) =>
      orderStatusMessage(news, order, partFor(patient, destination), envelope);
    this.deliver(destination, patientId, key, write, transaction);
  }

  /** Tells of a merge whoever gets them, such as the PACS (IHE RAD-12). */
  tellMerge(survivor: Patient, prior: Patient, cause: string, transaction: Transaction): void {
    for (const destination of this.destinations.filter(({ gets }) => gets.includes('merges')))
      this.deliver(
        destination,
        survivor.id!,
        cause,
        (envelope) => mergeMessage(partFor(survivor, destination), prior, envelope),
        transaction,
      );
  }

  private deliver(
    to: MllpDestination,
    key: string,
    idempotencyKey: string,
    write: (envelope: MessageEnvelope) => Buffer,
    transaction: Transaction,
  ): void {
    const controlId = controlIdOf(to.name, idempotencyKey);
    const message = write(envelopeTo(to, { controlId, now: transaction.now }, this.site));
    transaction.deliver(hl7Delivery(message, { destination: to.name, key, idempotencyKey }));
  }

  private get destinations(): MllpDestination[] {
    return this.site.destinations.filter((one): one is MllpDestination => one.kind === 'mllp');
  }
}
