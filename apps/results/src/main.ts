import { KafkaEventStrategy } from '#messaging';
import { runService } from '#platform';
import { resultsBeside, ResultsModule, resultsMigrations } from './results.module.js';

await runService({
  service: 'results',
  module: ResultsModule,
  migrations: resultsMigrations,
  beside: resultsBeside,
  strategy: (app) => app.get(KafkaEventStrategy),
});
