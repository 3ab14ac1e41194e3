import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, ServiceRequest, Task } from 'fhir/r4.js';
import { anOrmMessage, aPatient, site, until } from '#testing';
import { MllpServer } from '#hl7v2';
import { AnOrdersService } from './an-orders-service.spec.js';

/** An EMR that is told of its orders. */
const told: string[] = [];
const placer = new MllpServer({ host: '127.0.0.1', port: 0 }, async (bytes) => {
  told.push(bytes.toString());
  return Buffer.from(`MSH|^~\\&|EMR|SGH|||20260302||ACK|1|P|2.5.1\rMSA|AA|${bytes.toString().split('|')[9]}\r`);
});
const toldOf = (number: string) => told.filter((message) => message.includes(`|${number}^EMR|`));

let service: AnOrdersService;
beforeAll(async () => {
  const port = await placer.start();
  const [emr, ...senders] = site().senders;
  const procedures = site().procedures.map((one) =>
    one.code === 'CTHEAD' ? { ...one, laterality: 'left' as const } : one,
  );
  service = await AnOrdersService.start({
    senders: [{ ...emr!, repliesTo: 'emr' }, ...senders],
    procedures,
    destinations: [{ name: 'emr', kind: 'mllp', host: '127.0.0.1', port, application: 'EMR', facility: 'SGH' }],
    orderReview: { duplicateWindowHours: 24 },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await placer.stop();
});

const orderOf = async (number: string) => (await service.search<ServiceRequest>('ServiceRequest', number))[0]!;
const taskOf = async (mrn: string) =>
  (await service.get<Bundle<Task>>(`/fhir/Task?patient=${aPatient({ mrn }).id}`)).entry?.[0]?.resource;
const wrongSide = (name: string, more: Parameters<typeof anOrmMessage>[0] = {}) =>
  anOrmMessage({ mrn: name, placerOrderNumber: name, extra: ['NTE|1||Pain on the right side'], ...more });

describe('A doubtful order', () => {
  it('is taken, waits, and its placer is asked', async () => {
    expect(await service.take(wrongSide('ASK1'))).toEqual({ code: 'AA' });
    expect((await orderOf('ASK1')).status).toBe('on-hold');
    const task = (await taskOf('ASK1'))!;
    expect([task.status, task.input!.map(({ type }) => type.coding![0]!.code)]).toEqual(['requested', ['laterality']]);
    const [event] = await service.published('imaging.order.clarification-requested.v1', aPatient({ mrn: 'ASK1' }).id!);
    expect(event!.map((one) => one.resourceType)).toEqual(['Task', 'ServiceRequest', 'Patient']);
    const message = await until(() => toldOf('ASK1')[0], { what: 'the question to the placer' });
    expect(message).toMatch(/\rORC\|OH\|ASK1\^EMR\|[^|]*\|\|HD\|/);
    expect(message).toMatch(/\rNTE\|1\|L\|the order speaks of the right side, its procedure is of the left/);
  });

  it('said again is the same order, still waiting, and nobody is asked twice', async () => {
    const order = { mrn: 'ASK2', placerOrderNumber: 'ASK2' };
    for (const controlId of ['ASK2-1', 'ASK2-2'])
      expect(await service.take(wrongSide('ASK2', { ...order, controlId }))).toEqual({ code: 'AA' });
    expect((await orderOf('ASK2')).meta!.versionId).toBe('1');
    expect((await taskOf('ASK2'))!.meta!.versionId).toBe('1');
  });

  it('goes on when its placer releases it, or mends it', async () => {
    await service.take(wrongSide('ASK3'));
    expect(await service.take(anOrmMessage({ mrn: 'ASK3', placerOrderNumber: 'ASK3', control: 'RL' }))).toEqual({
      code: 'AA',
    });
    expect([(await orderOf('ASK3')).status, (await taskOf('ASK3'))!.status]).toEqual(['active', 'completed']);
    await service.take(wrongSide('ASK4'));
    const mended = { control: 'XO', extra: ['NTE|1||Pain on the left side'] };
    expect(await service.take(wrongSide('ASK4', mended))).toEqual({ code: 'AA' });
    expect([(await orderOf('ASK4')).status, (await taskOf('ASK4'))!.status]).toEqual(['active', 'completed']);
  });

  it('goes on when the department confirms it, and its placer is told', async () => {
    await service.take(wrongSide('ASK5'));
    const task = (await taskOf('ASK5'))!;
    const put = (status: Task['status']) =>
      fetch(`${service.url}/fhir/Task/${task.id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json', 'if-match': 'W/"1"' },
        body: JSON.stringify({ ...task, status }),
      });
    expect((await put('rejected')).status).toBe(409);
    const response = await put('completed');
    expect([response.status, ((await response.json()) as Task).status]).toEqual([200, 'completed']);
    expect((await put('completed')).status).toBe(412);
    expect((await orderOf('ASK5')).status).toBe('active');
    const message = await until(() => toldOf('ASK5')[1], { what: 'the release told to the placer' });
    expect(message).toMatch(/\rORC\|OE\|ASK5\^EMR\|[^|]*\|\|IP/);
  });

  it('that is cancelled is asked no more, and one that is STAT does not wait', async () => {
    await service.take(wrongSide('ASK6'));
    await service.take(anOrmMessage({ mrn: 'ASK6', placerOrderNumber: 'ASK6', control: 'CA' }));
    expect([(await orderOf('ASK6')).status, (await taskOf('ASK6'))!.status]).toEqual(['revoked', 'cancelled']);
    await service.take(wrongSide('ASK7', { priority: 'S' }));
    expect([(await orderOf('ASK7')).status, (await taskOf('ASK7'))!.status]).toEqual(['active', 'requested']);
  });

  it('is none for what the same message takes back', async () => {
    const pregnant = (status: string) =>
      `OBX|1|CE|82810-3^Pregnancy status^LN||LA15173-0^Pregnant^LN||||||${status}|||${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`;
    const of = (placerOrderNumber: string, status: string) =>
      anOrmMessage({ mrn: 'BACK', placerOrderNumber, procedure: 'XRCHEST2', control: 'NW', extra: [pregnant(status)] });
    await service.take(of('BACK1', 'F'));
    expect((await orderOf('BACK1')).status).toBe('on-hold');
    await service.take(anOrmMessage({ mrn: 'BACK', placerOrderNumber: 'BACK1', control: 'CA' }));
    await service.take(of('BACK2', 'D'));
    expect((await orderOf('BACK2')).status).toBe('active');
  });

  it('may be one that is there already', async () => {
    for (const placerOrderNumber of ['TWICE1', 'TWICE2'])
      expect(await service.take(anOrmMessage({ mrn: 'TWICE', placerOrderNumber, procedure: 'XRCHEST2' }))).toEqual({
        code: 'AA',
      });
    expect([(await orderOf('TWICE1')).status, (await orderOf('TWICE2')).status]).toEqual(['active', 'on-hold']);
  });
});
