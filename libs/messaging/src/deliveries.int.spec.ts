import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fail, type Failure } from '#platform';
import type { Delivery } from './deliveries.js';
import { DeliveryQueue } from './delivery-queue.js';
import { dropService, startService, until, type TestService } from './messaging-test-bed.spec.js';
import { UnitOfWork } from './unit-of-work.js';

let service: TestService;
let failures: Map<string, Failure>;
let attempts: string[];
let times: number[];
let sent: string[];

const send = async ({ kind }: Delivery) => {
  attempts.push(kind);
  times.push(performance.now());
  const failure = failures.get(kind) ?? failures.get('*');
  if (failure) throw failure;
  sent.push(kind);
};
const deliver = (key: string, ...kinds: string[]) =>
  service.app.get(UnitOfWork).run(key, async (transaction) => {
    for (const kind of kinds)
      transaction.deliver({ destination: 'emr', key, kind, idempotencyKey: kind, body: { about: kind } });
  });
const list = async (state: string) => {
  const response = await fetch(`${service.url}/deliveries?state=${state}`);
  return ((await response.json()) as { deliveries: Record<string, unknown>[] }).deliveries;
};
const post = async (path: string, body: object = {}) => {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(service.url + path, { method: 'POST', headers, body: JSON.stringify(body) })).status;
};

beforeEach(async () => {
  failures = new Map();
  attempts = [];
  times = [];
  sent = [];
  service = await startService();
  service.app.get(DeliveryQueue).register('emr', send, { concurrency: 4 });
});
afterEach(async () => {
  await service.app.close();
  await dropService(service.infrastructure);
});

describe('deliveries to a foreign system', () => {
  it('go out in order per patient, each idempotency key once', async () => {
    const patient = randomUUID();
    await deliver(patient, 'a', 'b');
    await deliver(patient, 'b', 'c');
    await until('three sent', () => sent.length === 3);
    expect(await list('done')).toHaveLength(3);
    expect(sent).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['is away', 'peer-unavailable'],
    ['no longer lets us in', 'peer-denied'],
  ] as const)('wait out a peer that %s, one asking at a time, and then come in order', async (_what, code) => {
    const patients = [randomUUID(), randomUUID(), randomUUID()];
    failures.set('*', fail(code, 'away'));
    for (const [at, patient] of patients.entries()) await deliver(patient, `${at}1`, `${at}2`);
    await until('asked a few times', () => attempts.length >= 6);
    const askers = attempts.length;
    // The first round may ask for several patients at once; after it one at a time finds out, ever more seldom.
    for (let at = 4; at < askers; at++) expect(times[at]! - times[at - 1]!).toBeGreaterThan(100);
    expect(await list('parked')).toEqual([]);
    failures.clear();
    await until('all sent', () => sent.length === 6);
    expect(attempts.length).toBeGreaterThan(askers);
    for (const at of patients.keys())
      expect(sent.filter((kind) => kind.startsWith(String(at)))).toEqual([`${at}1`, `${at}2`]);
  });

  it('find out by another patient whether the peer is back, since one content alone may make it fall', async () => {
    const [first, other] = [randomUUID(), randomUUID()];
    failures.set('fatal', fail('peer-unavailable', 'closed', { retryAfterMs: 1000 }));
    await deliver(first, 'fatal', 'later');
    await until('asked', () => attempts.length === 1);
    await deliver(other, 'o1', 'o2');
    // Due again, and older than the other's.
    await until('due', async () => {
      const [, updated] = await service.database.query(
        "UPDATE delivery SET next_attempt_at = now() WHERE kind = 'fatal' AND attempts = 1",
      );
      return updated === 1;
    });
    await until('the other sent', () => sent.includes('o2'));
    expect(attempts.slice(0, 2)).toEqual(['fatal', 'o1']);
    failures.clear();
    await until('all sent', () => sent.length === 4);
    expect(sent.filter((kind) => !kind.startsWith('o'))).toEqual(['fatal', 'later']);
  });

  it('park what the peer refuses, keep that patient behind it, and let others go on', async () => {
    const [refused, other] = [randomUUID(), randomUUID()];
    failures.set('r1', fail('peer-refused', 'no such order there'));
    await deliver(refused, 'r1', 'r2');
    await deliver(other, 'o1');
    await until('the other sent', () => sent.includes('o1'));
    await until('one parked', async () => (await list('parked')).length === 1);
    const [first] = await list('parked');
    expect(first).toMatchObject({ kind: 'r1', code: 'peer-refused', attempts: 1 });
    expect(JSON.stringify(first)).not.toContain('about');
    expect(attempts).not.toContain('r2');

    failures.clear();
    expect(await post(`/deliveries/${String(first!.id)}/retry`)).toBe(200);
    await until('both sent', () => sent.includes('r2'));
    expect(sent.filter((kind) => kind.startsWith('r'))).toEqual(['r1', 'r2']);
    const { attempts: log } = (await (
      await fetch(`${service.url}/deliveries/${String(first!.id)}/attempts`)
    ).json()) as {
      attempts: { outcome: string }[];
    };
    expect(log.map(({ outcome }) => outcome)).toEqual(['peer-refused', 'delivered']);
  });

  it('let the next go on when one is skipped with a reason', async () => {
    const patient = randomUUID();
    failures.set('bad', fail('peer-refused', 'no'));
    await deliver(patient, 'bad', 'good');
    await until('one parked', async () => (await list('parked')).length === 1);
    const id = String((await list('parked'))[0]!.id);
    expect(await post(`/deliveries/${id}/skip`)).toBe(400);
    expect(await post(`/deliveries/${id}/skip`, { reason: 'told them by telephone' })).toBe(200);
    await until('the next sent', () => sent.includes('good'));
    expect(sent).toEqual(['good']);
  });

  it('are sent by one process of a service, and go on when its connections are cut', async () => {
    const second = await startService([], service.infrastructure);
    const byOther: string[] = [];
    const sendThere = async ({ kind }: Delivery) => void byOther.push(kind);
    second.app.get(DeliveryQueue).register('emr', sendThere, { concurrency: 4 });
    await deliver(randomUUID(), 'a');
    await until('sent', () => sent.length + byOther.length === 1);
    expect(byOther).toEqual([]);
    // The connections that hold the leases fall, as they do when their process is killed.
    await service.database.query(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
          AND l.classid::bigint = (hashtext($1)::bigint & 4294967295)`,
      [service.infrastructure.database.schema],
    );
    await deliver(randomUUID(), 'b');
    await until('sent by whoever has the lease', () => sent.length + byOther.length === 2);
    expect([...sent, ...byOther].sort()).toEqual(['a', 'b']);
    await second.app.close();
  });
});
