import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../../../deploy/local/embedded-kafka.mjs';
import { startPostgres } from '../../../deploy/local/embedded-postgres.mjs';

/**
 * Starts one Postgres and one Kafka for a whole test run, unless TEST_DATABASE_URL and TEST_KAFKA_BROKERS name running
 * ones. Jest calls it once, and only if a project that names it has tests to run.
 */
export default async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-test-'));
  chmodSync(folder, 0o755);
  /** @type {(() => unknown)[]} */
  const undo = [() => rmSync(folder, { recursive: true, force: true })];
  globalThis.stopTestInfrastructure = async () => {
    for (const step of undo.reverse()) await step();
  };
  const postgres = async () => {
    if (process.env.TEST_DATABASE_URL) return;
    const { url, dataDirectory, stop } = await startPostgres({ dataDirectory: join(folder, 'postgres') });
    undo.push(() => rmSync(dataDirectory, { recursive: true, force: true }), stop);
    process.env.TEST_DATABASE_URL = url;
  };
  const kafka = async () => {
    if (process.env.TEST_KAFKA_BROKERS) return;
    const { brokers, stop } = await startKafka({ dataDirectory: join(folder, 'kafka'), say: console.log });
    undo.push(stop);
    process.env.TEST_KAFKA_BROKERS = brokers;
  };
  const outcomes = await Promise.allSettled([postgres(), kafka()]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed) return;
  await globalThis.stopTestInfrastructure();
  throw failed.reason;
}
