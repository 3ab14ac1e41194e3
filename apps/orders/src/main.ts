import { KafkaEventStrategy } from '#messaging';
import { runService } from '#platform';
import { OrdersModule, ordersMigrations } from './orders.module.js';

await runService({
  service: 'orders',
  module: OrdersModule,
  migrations: ordersMigrations,
  strategy: (app) => app.get(KafkaEventStrategy),
});
