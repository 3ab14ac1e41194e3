import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Kafka, logLevel } from 'kafkajs';
import { cloudEventHeaders, findResource, type EventType, type ImagingEvent } from '#events';
import { fail, type Failure } from '#platform';
import { EventContext } from './event-context.js';
import { dropService, patientEvent, startService, until, type TestService } from './messaging-test-bed.spec.js';
import { UnitOfWork } from './unit-of-work.js';

/** What the handler saw and committed, and what it is to fail with, by the event's cause. */
const failures = new Map<string, Failure | Error>();
let tried: string[] = [];
let handled: string[] = [];

@Controller()
class RecordingHandler {
  @EventPattern<EventType>('imaging.patient.updated.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const cause = findResource(event, 'Patient')!.language!;
    tried.push(cause);
    await transaction.manager.query('SELECT 1');
    const failure = failures.get(cause);
    if (failure) throw failure;
    handled.push(cause);
  }
}

let service: TestService;
const publish = (patientId: string, ...causes: string[]) =>
  service.app.get(UnitOfWork).run(patientId, async (transaction) => {
    for (const cause of causes) transaction.publish(patientEvent(patientId, cause));
  });
const post = async (path: string, body: object = {}) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(service.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
};
const parked = async () =>
  ((await (await fetch(`${service.url}/parked`)).json()) as { parked: Record<string, string>[] }).parked;

beforeEach(async () => {
  failures.clear();
  tried = [];
  handled = [];
  service = await startService([RecordingHandler]);
});
afterEach(async () => {
  await service.app.close();
  await dropService(service.infrastructure);
});

describe('events from one commit to another', () => {
  it('arrive once and in order per patient, and a second delivery changes nothing', async () => {
    const patient = randomUUID();
    await publish(patient, 'a', 'b', 'c');
    await until('three handled', () => handled.length === 3);
    await service.database.query('UPDATE outbox SET published_at = NULL');
    await publish(patient, 'd');
    await until('the fourth handled', () => handled.includes('d'));
    expect(handled).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are published from no unit of work that failed', async () => {
    const patient = randomUUID();
    const failing = service.app.get(UnitOfWork).run(patient, async (transaction) => {
      transaction.publish(patientEvent(patient, 'never'));
      throw fail('procedure-unknown', 'the work failed');
    });
    await expect(failing).rejects.toMatchObject({ code: 'procedure-unknown' });
    await publish(patient, 'after');
    await until('the next handled', () => handled.includes('after'));
    expect(handled).toEqual(['after']);
  });

  it('hold the partition while a hindrance lasts, and lose nothing', async () => {
    const patient = randomUUID();
    failures.set('a', fail('peer-unavailable', 'away'));
    await publish(patient, 'a', 'b');
    await until('tried twice', () => tried.filter((cause) => cause === 'a').length >= 2);
    expect(tried).not.toContain('b');
    expect(await parked()).toEqual([]);
    failures.clear();
    await until('both handled', () => handled.length === 2);
    expect(handled).toEqual(['a', 'b']);
  });

  it('park one patient with the reason, keep its order behind it, and let the others go on', async () => {
    const [sick, well] = [randomUUID(), randomUUID()];
    failures.set('s2', fail('procedure-unknown', 'no such procedure'));
    await publish(sick, 's1', 's2', 's3');
    await publish(well, 'w1');
    await until('two in the parking', async () => (await parked()).length === 2);
    await until('the other patient handled', () => handled.includes('w1'));
    expect(handled.filter((cause) => cause.startsWith('s'))).toEqual(['s1']);
    expect((await parked()).map(({ key, state, code }) => ({ key, state, code }))).toEqual([
      { key: sick, state: 'parked', code: 'procedure-unknown' },
      { key: sick, state: 'waiting', code: null },
    ]);

    expect(await post(`/parked/${sick}/replay`)).toMatchObject({
      replayed: 0,
      stoppedBy: { code: 'procedure-unknown' },
    });
    failures.clear();
    expect(await post(`/parked/${sick}/replay`)).toEqual({ replayed: 2 });
    await publish(sick, 's4');
    await until('live again', () => handled.includes('s4'));
    expect(handled.filter((cause) => cause.startsWith('s'))).toEqual(['s1', 's2', 's3', 's4']);
    expect(await parked()).toEqual([]);
  });

  it('go on behind one that was skipped with a reason, and never without', async () => {
    const patient = randomUUID();
    failures.set('bad', new Error('quotes a patient'));
    await publish(patient, 'bad', 'good');
    await until('two in the parking', async () => (await parked()).length === 2);
    const [first] = await parked();
    expect(JSON.stringify(first)).not.toContain('quotes');
    expect(await post(`/parked/${first!.id}/skip`)).toMatchObject({ status: 400 });
    expect(await post(`/parked/${first!.id}/skip`, { reason: 'entered twice' })).toEqual({
      skipped: first!.id,
      key: patient,
    });
    expect(await post(`/parked/${patient}/replay`)).toEqual({ replayed: 1 });
    expect(handled).toEqual(['good']);
  });

  it('park what is no event with its bytes, whatever they are, and ignore types they do not handle', async () => {
    const { kafka } = service.infrastructure;
    const producer = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).producer();
    const patient = randomUUID();
    const headers = cloudEventHeaders(patientEvent(patient, 'x'));
    const nul = String.fromCharCode(0);
    await producer.connect();
    await producer.send({
      topic: `${kafka.topicPrefix}imaging.patient`,
      messages: [
        { key: patient, value: 'not json', headers },
        { key: `${nul}${randomUUID()}`, value: Buffer.from([0, 255]), headers: { ...headers, note: nul } },
        { key: null, value: null, headers: {} },
        { key: randomUUID(), value: '{}', headers: { ...headers, ce_type: 'imaging.patient.teleported.v9' } },
      ],
    });
    await producer.disconnect();
    await until('three in the parking', async () => (await parked()).length === 3);
    const rows = await parked();
    expect(new Set(rows.map(({ code }) => code))).toEqual(new Set(['event-malformed']));
    const values = await service.database.query('SELECT value FROM parked_event');
    expect(values.map(({ value }: { value: Buffer | null }) => value?.toString('hex') ?? null)).toEqual(
      expect.arrayContaining([Buffer.from('not json').toString('hex'), '00ff', null]),
    );
    const other = randomUUID();
    await publish(other, 'fine');
    await until('another patient handled', () => handled.includes('fine'));
  });

  it('keep their order through a rebalance, and are handled once by effect', async () => {
    const patients = Array.from({ length: 12 }, () => randomUUID());
    for (const [at, patient] of patients.entries()) await publish(patient, `${at}:0`, `${at}:1`);
    const second = await startService([RecordingHandler], service.infrastructure);
    for (const [at, patient] of patients.entries()) await publish(patient, `${at}:2`, `${at}:3`);
    const inbox = async () => (await service.database.query('SELECT count(*)::int AS n FROM inbox'))[0].n;
    await until('all claimed', async () => (await inbox()) === 48);
    await second.app.close();
    for (const [at, patient] of patients.entries()) await publish(patient, `${at}:4`);
    await until('all claimed', async () => (await inbox()) === 60);
    expect(await parked()).toEqual([]);
    for (const at of patients.keys())
      // A handler that lost its partition may have run and been rolled back: only repeats are allowed, no overtaking.
      expect([...new Set(handled.filter((cause) => cause.startsWith(`${at}:`)))]).toEqual(
        [0, 1, 2, 3, 4].map((n) => `${at}:${n}`),
      );
  });
});
