import { Global, Module, type DynamicModule } from '@nestjs/common';
import { fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { Deliveries } from './deliveries.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveryQueue } from './delivery-queue.js';
import { KeepWhatTheSiteSays } from './keep-what-the-site-says.js';
import { EventProcessor, OF_SURVIVOR, type OfSurvivor } from './event-processor.js';
import { KafkaEventStrategy } from './kafka-event-strategy.js';
import { MergedPatients } from './merged-patients.js';
import { OutboxRelay } from './outbox-relay.js';
import { ParkedEvents } from './parked-events.js';
import { ParkedEventsController } from './parked-events.controller.js';
import { UnitOfWork } from './unit-of-work.js';

const shared = [
  UnitOfWork,
  MergedPatients,
  ParkedEvents,
  EventProcessor,
  Deliveries,
  DeliveryQueue,
  OutboxRelay,
  KafkaEventStrategy,
  KeepWhatTheSiteSays,
];

/** Everything a service needs to hear, tell and send exactly once and in order. */
@Global()
@Module({
  controllers: [ParkedEventsController, DeliveriesController],
  providers: shared,
  exports: shared,
})
export class MessagingModule {
  /**
   * The module, for one service: its name is the consumer group and the owner of the inbox, and comes with the
   * process's infrastructure.
   *
   * @param options.ofSurvivor how events of a patient who was merged are read
   *
   * @throws Failure at start if the process runs under another name
   */
  static forService(options: { service: string; ofSurvivor: OfSurvivor }): DynamicModule {
    const check = {
      provide: 'messaging service',
      inject: [INFRASTRUCTURE],
      useFactory: ({ service }: Infrastructure) => {
        if (service !== options.service)
          throw fail('unexpected', `messaging is for ${options.service}, not ${service}`);
        return service;
      },
    };
    const survivor = { provide: OF_SURVIVOR, useValue: options.ofSurvivor };
    return { module: MessagingModule, providers: [check, survivor] };
  }
}
