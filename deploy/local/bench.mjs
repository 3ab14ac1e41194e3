import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildIfStale, installIfNeeded } from './prepare.mjs';

// `npm run bench`, `npm run bench -- --only worklist --modalities-minutes 5`: installs and builds if need be, then measures against a Postgres and Kafka of its own.
const root = resolve(import.meta.dirname, '../..');
installIfNeeded(console.log);
buildIfStale(console.log);
const { startKafka } = await import('./embedded-kafka.mjs');
const { startPostgres } = await import('./embedded-postgres.mjs');
const directory = mkdtempSync(join(tmpdir(), 'collimator-bench-'));
const postgres = await startPostgres({ dataDirectory: join(directory, 'postgres') });
try {
  const kafka = await startKafka({ dataDirectory: join(directory, 'kafka') });
  try {
    const env = { ...process.env, DATABASE_URL: postgres.url, KAFKA_BROKERS: kafka.brokers };
    const measured = spawnSync(process.execPath, ['test/bench/bench.mjs', ...process.argv.slice(2)], {
      cwd: root,
      stdio: 'inherit',
      env,
    });
    process.exitCode = measured.status ?? 1;
  } finally {
    await kafka.stop();
  }
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
