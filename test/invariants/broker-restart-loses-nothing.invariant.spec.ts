import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage, until } from '#testing';
import { acknowledgedAs, Department } from '../department.js';
import { OwnBroker } from '../own-broker.js';

/** design.md, promises 1 and 3, with Kafka gone in the middle. */
describe('broker-restart-loses-nothing', () => {
  let broker: OwnBroker;
  let department: Department;
  beforeAll(async () => {
    broker = await OwnBroker.start();
    department = await Department.start(['orders', 'scheduling'], { env: broker.env });
  }, 180_000);
  afterAll(async () => {
    await department?.stop();
    await broker?.stop();
  });

  it('orders are acknowledged while the broker is dead, and all arrive once it is back', async () => {
    await department.send(anOrmMessage({ mrn: 'B0', placerOrderNumber: 'B0' }));
    await department.onWorklist('B0');
    await broker.kill9();

    const placers = Array.from({ length: 8 }, (_, index) => `B${index + 1}`);
    for (const placer of placers)
      expect(acknowledgedAs(await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer })))).toBe(
        'AA',
      );
    // One is changed at once: the change must not overtake the order.
    await department.send(anOrmMessage({ mrn: 'B1', placerOrderNumber: 'B1', procedure: 'XRCHEST2', control: 'XO' }));
    expect((await department.worklist()).map((line) => line.placerOrderNumber)).toEqual(['B0']);

    await broker.comeBack();
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
