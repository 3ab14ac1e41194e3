import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore, referencedId } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { completeOrder, completeParent } from './order.decider.js';

/** Keeps the order true to the exam: scheduling says in the event when all steps of an order are done. */
@Controller()
export class CompleteOrderWhenExamCompleted {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    // One exam may be that of several orders (the group case of IHE SWF).
    for (const { id, status } of findResources(event, 'ServiceRequest')) {
      if (status !== 'completed') continue;
      const order = await this.store.read(transaction.manager, 'ServiceRequest', id!);
      const completed = order && completeOrder(order);
      if (!completed) continue;
      await this.store.save(transaction.manager, [completed], transaction.now);
      for (const { reference } of completed.basedOn ?? []) await this.completeParentOf(reference!, transaction);
    }
  }

  private async completeParentOf(reference: string, { manager, now }: Transaction): Promise<void> {
    const parent = await this.store.read(manager, 'ServiceRequest', referencedId(reference, 'ServiceRequest') ?? '');
    const completed =
      parent && completeParent(parent, await this.store.referringTo(manager, 'ServiceRequest', reference));
    if (completed) await this.store.save(manager, [completed], now);
  }
}
