import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Retention } from '#platform';
import { dropService, startService, type TestService } from './messaging-test-bed.spec.js';

let service: TestService;
beforeAll(async () => {
  service = await startService();
}, 60_000);
afterAll(async () => {
  await service.app.close();
  await dropService(service.infrastructure);
});

const sql = (query: string, values: unknown[] = []) => service.database.query(query, values);
const ago = (days: number | null) => (days === null ? null : new Date(Date.now() - days * 24 * 60 * 60 * 1000));

describe('What is over', () => {
  it('goes when it is older than the site keeps it; what is not over stays, however old', async () => {
    const published = async (name: string, days: number | null) =>
      sql(
        `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at, published_at)
         VALUES ($1, 'nowhere', $2, $2, '{}', '{}', $3, $4)`,
        [randomUUID(), name, ago(500), ago(days)],
      );
    const delivered = async (name: string, state: string, days: number | null) =>
      sql(
        `INSERT INTO delivery (id, destination, key, kind, idempotency_key, body, state, created_at, finished_at)
         VALUES ($1, 'nobody', $2, 'x', $2, '{}', $3, $4, $5)`,
        [randomUUID(), name, state, ago(500), ago(days)],
      );
    await published('old', 15);
    await published('young', 13);
    await delivered('old', 'done', 31);
    await delivered('skipped long ago', 'skipped', 31);
    await delivered('young', 'done', 29);
    await delivered('waiting', 'waiting', null);
    await delivered('parked', 'parked', null);
    for (const [id, days] of [
      ['old', 121],
      ['young', 119],
    ] as const)
      await sql('INSERT INTO inbox (consumer, event_id, handled_at) VALUES ($1, $2, $3)', ['retention', id, ago(days)]);
    await sql(
      `INSERT INTO parked_event (consumer, event_id, key, type, topic, kafka_partition, kafka_offset, headers, state, parked_at)
               VALUES ('retention', 'parked', 'k', 't', 't', 0, 0, '{}', 'parked', $1)`,
      [ago(500)],
    );

    await service.app.get(Retention).removeAll();

    const left = async (query: string) => (await sql(query)).map(({ name }: { name: string }) => name).sort();
    expect(await left("SELECT aggregateid AS name FROM outbox WHERE aggregatetype = 'nowhere'")).toEqual(['young']);
    expect(await left("SELECT key AS name FROM delivery WHERE destination = 'nobody'")).toEqual([
      'parked',
      'waiting',
      'young',
    ]);
    expect(await left("SELECT event_id AS name FROM inbox WHERE consumer = 'retention'")).toEqual(['young']);
    expect(await left("SELECT event_id AS name FROM parked_event WHERE consumer = 'retention'")).toEqual(['parked']);
  });

  it('goes in batches, and what another is at is left to that one', async () => {
    await sql(
      `INSERT INTO inbox (consumer, event_id, handled_at) SELECT 'many', n::text, $1 FROM generate_series(1, 2500) n`,
      [ago(200)],
    );
    const other = service.database.createQueryRunner();
    await other.startTransaction();
    await other.query("SELECT 1 FROM inbox WHERE consumer = 'many' AND event_id = '7' FOR UPDATE");
    const left = async () => (await sql("SELECT count(*)::int AS n FROM inbox WHERE consumer = 'many'"))[0].n;
    await service.app.get(Retention).removeAll();
    expect(await left()).toBe(1);
    await other.rollbackTransaction();
    await other.release();
    await service.app.get(Retention).removeAll();
    expect(await left()).toBe(0);
  });
});
