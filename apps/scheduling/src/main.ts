import { KafkaEventStrategy } from '#messaging';
import { runService } from '#platform';
import { SchedulingModule, schedulingMigrations } from './scheduling.module.js';

await runService({
  service: 'scheduling',
  module: SchedulingModule,
  migrations: schedulingMigrations,
  strategy: (app) => app.get(KafkaEventStrategy),
});
