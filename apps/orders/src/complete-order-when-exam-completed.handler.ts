import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore } from '#fhir';
import { EventContext, WhenEvent } from '#messaging';
import { completeOrder } from './order.decider.js';

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
      if (completed) await this.store.save(transaction.manager, [completed], transaction.now);
    }
  }
}
