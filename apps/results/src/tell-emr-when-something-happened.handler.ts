import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { FhirResource } from 'fhir/r4.js';
import { findResource, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { deliveriesOf } from './emr-update.decider.js';
import { standingOrder, withOrder } from './standing-order.decider.js';

/** What this service keeps of other services' resources, to tell the EMR a whole story. */
const kept = ['Patient', 'ServiceRequest', 'Procedure', 'MedicationAdministration'];

/** Tells every destination what happened to an exam: started, completed, discontinued, contrast given. */
@Controller()
export class TellEmrWhenSomethingHappened {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.schedule.exam-started.v1')
  async started(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.contrast.administered.v1')
  async administered(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  private async tell(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const standing = await asItStands(this.store, event, transaction);
    await keepCopies(this.store, transaction.manager, carried(standing), transaction.now);
    for (const delivery of deliveriesOf(standing, this.site.destinations)) transaction.deliver(delivery);
  }
}

/** Keeps orders and patients as their own service tells them. */
@Controller()
export class KeepOrderWhenOrderChanged {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  @WhenEvent('imaging.order.placed.v1')
  async placed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.order.changed.v1')
  async changed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.order.cancelled.v1')
  async cancelled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.patient.updated.v1')
  async patientUpdated(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  private async keep(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const standing = await asItStands(this.store, event, transaction);
    await keepCopies(this.store, transaction.manager, carried(standing), transaction.now);
  }
}

async function asItStands(store: FhirStore, event: ImagingEvent, { manager }: Transaction): Promise<ImagingEvent> {
  const told = findResource(event, 'ServiceRequest');
  const known = told && (await store.read(manager, 'ServiceRequest', told.id!));
  return withOrder(event, standingOrder(known, event));
}

function carried(event: ImagingEvent): FhirResource[] {
  return (event.data.entry ?? [])
    .map((entry) => entry.resource)
    .filter((one): one is FhirResource => one !== undefined && kept.includes(one.resourceType));
}
