import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ServiceRequest, Task } from 'fhir/r4.js';
import { anOrmMessage, site, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import type { RunningExam } from '../sandbox/scanner.js';
import { fieldOf } from '../sandbox/hl7.js';

/** standards.md, "Order control": what a placer may ask, at each moment of the exam. */
type Moment = 'not booked' | 'booked' | 'in progress' | 'completed' | 'discontinued';
type Control = 'XO' | 'CA' | 'DC' | 'HD' | 'RL' | 'RP';

let department: Department;

/** ORC-1/ORC-5 of what the placer was told of an order, in order. */
const told = (name: string) =>
  department.emr.messages
    .filter((one) => one.includes('|ORM^') && fieldOf(one, 'ORC', 2).startsWith(`${name}^`))
    .map(newsIn);
const newsIn = (message: string) => `${fieldOf(message, 'ORC', 1)}/${fieldOf(message, 'ORC', 5)}`;
const isTold = (name: string, news: string) => until(() => told(name).includes(news), { what: `${news} of ${name}` });

const ask = (name: string, control: string) => {
  const replacing = [`ORC|RO|${name}-RO^EMR|||||||||||9001^Referrer^Rita`, `OBR|1|${name}-RO^EMR||CTHEAD^CTHEAD^L`];
  const change = { priority: 'A' as const, extra: control === 'RP' ? replacing : [] };
  return department.send(anOrmMessage({ mrn: name, placerOrderNumber: name, control, ...change }));
};

/** An order whose exam is at that moment, and whose placer knows it. */
async function anOrderAt(moment: Moment, name: string): Promise<RunningExam | undefined> {
  const orderStatus = moment === 'not booked' ? 'HD' : '';
  const placed = await department.send(anOrmMessage({ mrn: name, placerOrderNumber: name, orderStatus }));
  expect(acknowledgedAs(placed)).toBe('AA');
  if (moment === 'not booked') return undefined;
  const line = await department.onWorklist(name);
  await isTold(name, 'SC/SC');
  if (moment === 'booked') return undefined;
  const exam = await department.scanner().start(line);
  await isTold(name, 'SC/IP');
  if (moment === 'completed') await department.scanner().complete(exam);
  if (moment === 'discontinued')
    await department.scanner().discontinue(exam, { code: '110513', meaning: 'Discontinued for unspecified reason' });
  if (moment !== 'in progress') await isTold(name, moment === 'completed' ? 'SC/CM' : 'OD/DC');
  return exam;
}

const search = async <R>(service: { url: string }, query: string): Promise<R[]> => {
  const bundle = (await (await fetch(`${service.url}/fhir/${query}`)).json()) as { entry?: { resource: R }[] };
  return (bundle.entry ?? []).map(({ resource }) => resource);
};
const ordersOf = (service: { url: string }, name: string) =>
  search<ServiceRequest>(service, `ServiceRequest?identifier=${encodeURIComponent(`urn:oid:2.25.1002|${name}`)}`);
/** What everybody makes of an order: the two services, the worklist, the room. */
async function standing(name: string): Promise<string> {
  const [order] = await ordersOf(department.orders, name);
  const [copy] = await ordersOf(department.scheduling, name);
  const isListed = (await department.worklist()).some((line) => line.placerOrderNumber === name);
  const tasks = await search<Task>(department.scheduling, `Task?based-on=ServiceRequest/${order!.id}`);
  const status = copy?.status === order!.status ? order!.status : `${order!.status} but ${copy?.status}`;
  return [status, ...(isListed ? ['listed'] : []), ...tasks.map((task) => `stop ${task.status}`)].join(', ');
}
const becomes = (name: string, what: string) =>
  until(async () => (await standing(name)) === what, { what: `${name}: ${what}` }).catch(async (error: unknown) => {
    expect([await standing(name), String(error)]).toEqual([what, '']);
  });

journey('order control', (start) => {
  beforeAll(async () => {
    const [emr, ...others] = site().senders;
    const senders = [{ ...emr!, orderAnswer: 'ORDER' as const, repliesTo: 'emr-hl7' }, ...others];
    department = await start(['orders', 'scheduling'], { site: { senders } });
  }, 120_000);
  afterAll(() => department?.stop());

  it.each<[Moment, Control, string, string]>([
    ['not booked', 'XO', 'XR/HD', 'on-hold'],
    ['not booked', 'CA', 'CR/CA', 'revoked'],
    ['not booked', 'DC', 'DR/CA', 'revoked'],
    ['not booked', 'HD', 'HR/HD', 'on-hold'],
    ['not booked', 'RL', 'OR/IP', 'active, listed'],
    ['not booked', 'RP', 'RQ/CA', 'revoked'],
    ['booked', 'XO', 'XR/IP', 'active, listed'],
    ['booked', 'CA', 'CR/CA', 'revoked'],
    ['booked', 'DC', 'DR/CA', 'revoked'],
    ['booked', 'HD', 'HR/HD', 'on-hold'],
    ['booked', 'RL', 'OR/IP', 'active, listed'],
    ['booked', 'RP', 'RQ/CA', 'revoked'],
    ['in progress', 'XO', 'XR/IP', 'active'],
    ['in progress', 'CA', 'OK/IP', 'revoked, stop requested'],
    ['in progress', 'DC', 'OK/IP', 'revoked, stop requested'],
    ['in progress', 'HD', 'OK/IP', 'on-hold, stop requested'],
    ['in progress', 'RL', 'OR/IP', 'active'],
    ['in progress', 'RP', 'OK/IP', 'revoked, stop requested'],
    ['completed', 'XO', 'UX/', 'completed'],
    ['completed', 'CA', 'UC/', 'completed'],
    ['completed', 'DC', 'UD/', 'completed'],
    ['completed', 'HD', 'UH/', 'completed'],
    ['completed', 'RL', 'UR/', 'completed'],
    ['completed', 'RP', 'UM/', 'completed'],
    ['discontinued', 'XO', 'XR/IP', 'active'],
    ['discontinued', 'CA', 'CR/CA', 'revoked'],
    ['discontinued', 'DC', 'DR/CA', 'revoked'],
    ['discontinued', 'HD', 'HR/HD', 'on-hold'],
    ['discontinued', 'RL', 'OR/IP', 'active'],
    ['discontinued', 'RP', 'RQ/CA', 'revoked'],
  ])('%s: %s is answered %s, and the order is then %s', async (moment, control, reply, then) => {
    const name = `${control}-${moment.toUpperCase().replace(' ', '-')}`;
    await anOrderAt(moment, name);
    const answer = await ask(name, control);
    expect([acknowledgedAs(answer), newsIn(answer)]).toEqual([moment === 'completed' ? 'AE' : 'AA', reply]);
    await becomes(name, then);
  });

  it.each<[Control, 'stopped' | 'done', string, string]>([
    ['CA', 'stopped', 'DR/DC', 'revoked, stop completed'],
    ['DC', 'stopped', 'DR/DC', 'revoked, stop completed'],
    ['RP', 'stopped', 'RQ/DC', 'revoked, stop completed'],
    ['HD', 'stopped', 'HR/HD', 'on-hold, stop completed'],
    ['CA', 'done', 'UC/CM', 'completed, stop failed'],
    ['DC', 'done', 'UD/CM', 'completed, stop failed'],
    ['RP', 'done', 'UM/CM', 'completed, stop failed'],
    ['HD', 'done', 'UH/CM', 'completed, stop failed'],
  ])(
    'in progress: %s, and the exam is %s: the placer is told %s, and the order is then %s',
    async (control, end, news, then) => {
      const name = `${control}-${end.toUpperCase()}`;
      const exam = await anOrderAt('in progress', name);
      await ask(name, control);
      await until(async () => (await standing(name)).endsWith('stop requested'), {
        what: `the room to be asked of ${name}`,
      });
      expect(told(name)).toEqual(['SC/SC', 'SC/IP', 'SC/IP']);
      if (end === 'done') await department.scanner().complete(exam!);
      else await department.scanner().discontinue(exam!, { code: '110500', meaning: 'Doctor cancelled procedure' });
      await isTold(name, news);
      await becomes(name, then);
      expect(told(name)).toEqual(['SC/SC', 'SC/IP', 'SC/IP', news]);
    },
  );
});
