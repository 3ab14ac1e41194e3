import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOrmMessage, until } from '#testing';
import { Department } from '../department.js';
import { OwnBroker } from '../own-broker.js';

/** domain.md, journey 9, seen from the scanner: exams go on while Kafka and the orders service are gone. */
describe('worklist-outlives-broker-and-orders', () => {
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

  it('serves the worklist, takes exams and exports, and tells of the exams once the broker is back', async () => {
    for (const placer of ['W1', 'W2']) {
      await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer }));
      await department.onWorklist(placer);
    }
    await broker.kill9();
    await department.orders.kill9();

    const lines = await department.worklist();
    expect(lines.map((line) => line.placerOrderNumber).sort()).toEqual(['W1', 'W2']);
    const line = lines.find(({ placerOrderNumber }) => placerOrderNumber === 'W1')!;
    const scanner = department.scanner();
    await scanner.complete(await scanner.start(line));
    expect((await department.worklist()).map((one) => one.placerOrderNumber)).toEqual(['W2']);
    const archive = await (await fetch(`${department.scheduling.url}/worklist/export`)).text();
    expect(archive.match(/COLLIMATOR\/[0-9a-f-]{36}\.wl/g)).toHaveLength(1);

    await broker.comeBack();
    const unpublished = () =>
      department.rows(
        'scheduling',
        "SELECT 1 FROM outbox WHERE type LIKE 'imaging.schedule.exam-%' AND published_at IS NULL",
      );
    await until(async () => (await unpublished()).length === 0, {
      within: 90_000,
      every: 200,
      what: 'the exam to be told',
    });
    const told = await department.rows<{ type: string }>(
      'scheduling',
      "SELECT type FROM outbox WHERE type LIKE 'imaging.schedule.exam-%' ORDER BY seq",
    );
    expect(told.map(({ type }) => type)).toEqual([
      'imaging.schedule.exam-started.v1',
      'imaging.schedule.exam-completed.v1',
    ]);
  }, 180_000);
});
