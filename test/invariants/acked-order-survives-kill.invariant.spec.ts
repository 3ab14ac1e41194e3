import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { anOrmMessage, testDatabaseUrl, until } from '#testing';
import { acknowledgedAs, Department } from '../department.js';

/** design.md, promise 1: nothing acknowledged is lost. */
describe('acked-order-survives-kill', () => {
  let department: Department;
  beforeAll(async () => (department = await Department.start(['orders', 'scheduling'])), 120_000);
  afterAll(() => department?.stop());

  it('orders killed between the acknowledgement and the relay are on the worklist, once each', async () => {
    // given a relay that never gets its turn: another process holds its lease
    await department.orders.stop();
    const rival = new Client({ connectionString: testDatabaseUrl() });
    await rival.connect();
    const { rows } = await rival.query('SELECT pg_try_advisory_lock(hashtext($1), hashtext($2)) AS held', [
      department.orders.env.DATABASE_SCHEMA,
      'outbox-relay',
    ]);
    expect(rows).toEqual([{ held: true }]);
    department.replace(await department.orders.restart());

    // when ten orders are acknowledged and the process is killed
    const placers = Array.from({ length: 10 }, (_, index) => `K${index}`);
    for (const placer of placers)
      expect(acknowledgedAs(await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer })))).toBe(
        'AA',
      );
    await department.orders.kill9();
    const [waiting] = await department.rows<{ count: number }>(
      'orders',
      "SELECT count(*)::int FROM outbox WHERE published_at IS NULL AND type LIKE 'imaging.order%'",
    );
    expect(waiting).toEqual({ count: 10 });
    expect(await department.worklist()).toEqual([]);
    await rival.end();
    department.replace(await department.orders.restart());

    // then every one of them arrives, none twice
    await until(async () => (await department.worklist()).length >= 10, { within: 30_000, what: 'ten orders' });
    const found = (await department.worklist()).map((line) => line.placerOrderNumber).sort();
    expect(found).toEqual([...placers].sort());
  }, 120_000);
});
