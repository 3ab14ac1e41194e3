import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildIfStale, installIfNeeded } from './prepare.mjs';

// `npm run bench`: installs and builds if need be, then measures against a Postgres and Kafka of its own.
const root = resolve(import.meta.dirname, '../..');
installIfNeeded(console.log);
buildIfStale(console.log);
const { startKafka } = await import('./embedded-kafka.mjs');
const { startPostgres } = await import('./embedded-postgres.mjs');
const directory = mkdtempSync(join(tmpdir(), 'collimator-bench-'));
const [postgres, kafka] = await Promise.all([
  startPostgres({ dataDirectory: join(directory, 'postgres') }),
  startKafka({ dataDirectory: join(directory, 'kafka') }),
]);
const { status } = spawnSync(process.execPath, ['test/bench/bench.mjs'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, DATABASE_URL: postgres.url, KAFKA_BROKERS: kafka.brokers },
});
await Promise.all([postgres.stop(), kafka.stop()]);
process.exit(status ?? 1);
