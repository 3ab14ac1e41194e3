import { Global, Module } from '@nestjs/common';
import { Deliveries } from './deliveries.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveryQueue } from './delivery-queue.js';
import { EventProcessor } from './event-processor.js';
import { KafkaEventStrategy } from './kafka-event-strategy.js';
import { OutboxRelay } from './outbox-relay.js';
import { ParkedEvents } from './parked-events.js';
import { ParkedEventsController } from './parked-events.controller.js';
import { UnitOfWork } from './unit-of-work.js';

const shared = [UnitOfWork, ParkedEvents, EventProcessor, Deliveries, DeliveryQueue, OutboxRelay, KafkaEventStrategy];

/** Everything a service needs to hear, tell and send exactly once and in order. */
@Global()
@Module({
  controllers: [ParkedEventsController, DeliveriesController],
  providers: shared,
  exports: shared,
})
export class MessagingModule {}
