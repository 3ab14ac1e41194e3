import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage, freePort, until } from '#testing';
import { startKafka } from '../../deploy/local/embedded-kafka.mjs';
import { acknowledgedAs, Department } from '../department.js';

/** design.md, promises 1 and 3, with Kafka gone in the middle. */
describe('broker-restart-loses-nothing', () => {
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

  it('orders are acknowledged while the broker is dead, and all arrive once it is back', async () => {
    await department.send(anOrmMessage({ mrn: 'B0', placerOrderNumber: 'B0' }));
    await department.onWorklist('B0');
    await kafka.kill9();

    const placers = Array.from({ length: 8 }, (_, index) => `B${index + 1}`);
    for (const placer of placers)
      expect(acknowledgedAs(await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer })))).toBe(
        'AA',
      );
    // One is changed at once: the change must not overtake the order.
    await department.send(anOrmMessage({ mrn: 'B1', placerOrderNumber: 'B1', procedure: 'XRCHEST2', control: 'XO' }));
    expect((await department.worklist()).map((line) => line.placerOrderNumber)).toEqual(['B0']);

    kafka = await startKafka({ dataDirectory, port });
    const wanted = ['B0', ...placers.filter((placer) => placer !== 'B1')];
    const found = async () => (await department.worklist()).map((line) => line.placerOrderNumber).sort();
    await until(async () => (await found()).length >= wanted.length, {
      within: 90_000,
      every: 200,
      what: 'all orders',
    });
    await department.onWorklist('B1', 'DX01');
    expect(await found()).toEqual(wanted);
  }, 180_000);
});
