import { Messaging1700000000200 } from './migrations/1700000000200-messaging.js';
import { MergedPatient1700000000210 } from './migrations/1700000000210-merged-patient.js';
import { DeliveryFinished1700000000220 } from './migrations/1700000000220-delivery-finished.js';

export * from './backoff.js';
export * from './deliveries.js';
export * from './delivery-queue.js';
export * from './event-consumer.js';
export * from './event-context.js';
export * from './event-processor.js';
export * from './kafka.js';
export * from './kafka-event-strategy.js';
export * from './lease.js';
export * from './leased-worker.js';
export * from './merged-patients.js';
export * from './messaging.module.js';
export * from './outbox-relay.js';
export * from './parked-events.js';
export * from './pause.js';
export * from './unit-of-work.js';
export * from './wake-signal.js';
export * from './when-event.js';

/** What every service's database needs for messaging. */
export const messagingMigrations = [Messaging1700000000200, MergedPatient1700000000210, DeliveryFinished1700000000220];
