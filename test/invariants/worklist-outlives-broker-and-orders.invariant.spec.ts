import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage, freePort, until } from '#testing';
import { startKafka } from '../../deploy/local/embedded-kafka.mjs';
import { Department } from '../department.js';

/** domain.md, journey 9, seen from the scanner: exams go on while Kafka and the orders service are gone. */
describe('worklist-outlives-broker-and-orders', () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'collimator-kafka-'));
  let port: number;
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let department: Department;
  beforeAll(async () => {
    port = await freePort();
    kafka = await startKafka({ dataDirectory, port });
    department = await Department.start(['orders', 'scheduling'], { env: { KAFKA_BROKERS: `127.0.0.1:${port}` } });
  }, 180_000);
  afterAll(async () => {
    await department?.stop();
    await kafka?.stop();
  });

  it('serves the worklist, takes exams and exports, and tells of the exams once the broker is back', async () => {
    for (const placer of ['W1', 'W2']) {
      await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer }));
      await department.onWorklist(placer);
    }
    await kafka.kill9();
    await department.orders.kill9();

    const lines = await department.worklist();
    expect(lines.map((line) => line.placerOrderNumber).sort()).toEqual(['W1', 'W2']);
    const line = lines.find(({ placerOrderNumber }) => placerOrderNumber === 'W1')!;
    const scanner = department.scanner();
    await scanner.complete(await scanner.start(line));
    expect((await department.worklist()).map((one) => one.placerOrderNumber)).toEqual(['W2']);
    const archive = await (await fetch(`${department.scheduling.url}/worklist/export`)).text();
    expect(archive.match(/COLLIMATOR\/[0-9a-f-]{36}\.wl/g)).toHaveLength(1);

    kafka = await startKafka({ dataDirectory, port });
    const unpublished = () => department.rows('scheduling', "SELECT 1 FROM outbox WHERE type LIKE 'imaging.schedule.exam-%' AND published_at IS NULL"); // prettier-ignore
    await until(async () => (await unpublished()).length === 0, { within: 90_000, every: 200, what: 'the exam to be told' }); // prettier-ignore
    const told = await department.rows<{ type: string }>('scheduling', "SELECT type FROM outbox WHERE type LIKE 'imaging.schedule.exam-%' ORDER BY seq"); // prettier-ignore
    expect(told.map(({ type }) => type)).toEqual(['imaging.schedule.exam-started.v1', 'imaging.schedule.exam-completed.v1']); // prettier-ignore
  }, 180_000);
});
