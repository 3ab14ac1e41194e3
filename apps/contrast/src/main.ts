import { KafkaEventStrategy } from '#messaging';
import { runService } from '#platform';
import { ContrastModule, contrastMigrations } from './contrast.module.js';

await runService({
  service: 'contrast',
  module: ContrastModule,
  migrations: contrastMigrations,
  strategy: (app) => app.get(KafkaEventStrategy),
});
