import { KafkaEventStrategy } from '#messaging';
import { runService } from '#platform';
import { ResultsModule, resultsMigrations } from './results.module.js';

await runService({
  service: 'results',
  module: ResultsModule,
  migrations: resultsMigrations,
  strategy: (app) => app.get(KafkaEventStrategy),
});
