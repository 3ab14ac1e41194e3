import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { anOrmMessage, testBrokers, until } from '#testing';
import { acknowledgedAs, Department } from '../department.js';

/** design.md, promise 2: nothing is done twice. */
describe('redelivered-event-changes-nothing', () => {
  let department: Department;
  beforeAll(async () => (department = await Department.start(['orders', 'scheduling'])), 120_000);
  afterAll(() => department?.stop());

  const state = async () => ({
    orders: await department.rows('orders', 'SELECT type, id, version FROM resource ORDER BY 1, 2'),
    told: await department.rows('orders', 'SELECT id FROM outbox ORDER BY seq'),
    scheduled: await department.rows('scheduling', 'SELECT type, id, version FROM resource ORDER BY 1, 2'),
    worklist: await department.rows('scheduling', 'SELECT * FROM worklist_item ORDER BY 1'),
    retold: await department.rows('scheduling', 'SELECT id FROM outbox ORDER BY seq'),
  });

  it('neither the same message nor the same record again has any effect', async () => {
    const message = anOrmMessage({ mrn: 'TWICE', placerOrderNumber: 'TWICE' });
    await department.send(message);
    await department.onWorklist('TWICE');
    // The booking is an event itself, from which orders has its Task.
    const tasks = () => department.rows('orders', "SELECT FROM resource WHERE type = 'Task'");
    await until(async () => (await tasks()).length > 0, { what: 'orders to hear of the booking' });
    const before = await state();

    expect(acknowledgedAs(await department.send(message))).toBe('AA');
    const topic = `${department.env.TOPIC_PREFIX}imaging.order`;
    const [row] = await department.rows<{ key: string; value: object; headers: Record<string, string> }>(
      'orders',
      "SELECT aggregateid AS key, payload AS value, headers FROM outbox WHERE aggregatetype = 'imaging.order'",
    );
    const producer = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING }).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const record = { key: row!.key, value: JSON.stringify(row!.value), headers: row!.headers };
    await producer.send({ topic, messages: [record, record, record] });
    await producer.disconnect();

    const duplicates = () => department.scheduling.logs().filter((line) => line.outcome === 'duplicate').length;
    await until(() => duplicates() >= 3, { what: 'scheduling to see the record three times more' });
    expect(await state()).toEqual(before);
  }, 60_000);

  it('the same control id with other content is refused', async () => {
    await department.send(anOrmMessage({ controlId: 'ONE', mrn: 'T2', placerOrderNumber: 'T2' }));
    const other = await department.send(anOrmMessage({ controlId: 'ONE', mrn: 'T2', placerOrderNumber: 'T3' }));
    expect(acknowledgedAs(other)).toBe('AE');
    expect(other).toContain('MSH^1^10|205^');
  });
});
