import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage, site, siteFile, startService, until } from '#testing';
import { Department } from '../department.js';

interface Parked {
  key: string;
  type: string;
  state: string;
  code: string | null;
}

/** design.md, promise 3: a poison event stops its own patient and nobody else, and nothing overtakes it. */
describe('order-per-patient-is-kept', () => {
  let department: Department;
  beforeAll(async () => (department = await Department.start(['orders'])), 120_000);
  afterAll(() => department?.stop());

  const parked = async () =>
    ((await (await fetch(`${department.scheduling.url}/parked`)).json()) as { parked: Parked[] }).parked;

  it('while one patient is parked, others go on; a replay applies what waited in order', async () => {
    // given a scheduling service whose site file lacks a procedure that orders knows
    const whole = site();
    const lacking = siteFile(site({ procedures: whole.procedures.filter((one) => one.code !== 'CTCHESTC') }));
    const before = await startService('scheduling', { env: { ...department.env, SITE_FILE: lacking } });
    department.replace(before);

    // when one patient's order uses it, is changed twice, and another patient's is placed after
    const order = { mrn: 'P1', placerOrderNumber: 'P1', procedure: 'CTCHESTC' };
    await department.send(anOrmMessage(order));
    await department.send(anOrmMessage({ ...order, control: 'XO', procedure: 'CTHEAD', start: '20300302090000' }));
    await department.send(anOrmMessage({ ...order, control: 'XO', procedure: 'CTHEAD', start: '20300302100000' }));
    await department.send(anOrmMessage({ mrn: 'P2', placerOrderNumber: 'P2' }));

    // then the other is served, and the first waits in its order
    await department.onWorklist('P2');
    await until(async () => (await parked()).length === 3, { what: 'three events set aside' });
    expect((await parked()).map(({ type, state, code }) => [type, state, code])).toEqual([
      ['imaging.order.placed.v1', 'parked', 'procedure-unknown'],
      ['imaging.order.changed.v1', 'waiting', null],
      ['imaging.order.changed.v1', 'waiting', null],
    ]);
    expect((await department.worklist()).map((line) => line.placerOrderNumber)).toEqual(['P2']);

    // when the site file is mended and the patient replayed
    await before.stop();
    const mended = { ...before.env, SITE_FILE: siteFile(whole) };
    department.replace(await startService('scheduling', { env: mended, migrate: false }));
    const [{ key } = { key: '' }] = await parked();
    const replay = await fetch(`${department.scheduling.url}/parked/${key}/replay`, { method: 'POST' });

    // then the last change stands, and nothing waits any more
    expect(await replay.json()).toEqual({ replayed: 3 });
    expect((await department.onWorklist('P1')).start).toContain('100000');
    expect(await parked()).toEqual([]);
  }, 120_000);
});
