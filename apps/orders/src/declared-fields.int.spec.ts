import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => {
  const quirks = {
    timeZone: 'Europe/Berlin',
    sends: ['orders' as const],
    fields: [
      { to: 'OBR-18', from: 'ZOR-3.1' },
      { to: 'OBR-27.6', from: 'ZOR-1', codes: { '1': 'S' } },
      { to: 'PID-3.4', value: 'SGH' },
    ],
  };
  service = await AnOrdersService.start({
    senders: [
      { application: 'OLDRIS', facility: 'SGH', ...quirks },
      { application: 'SILENT', facility: 'SGH', sends: ['orders'] },
      { application: 'PLAIN', facility: 'SGH', sends: ['orders'], acknowledgement: 'original' },
      { application: 'MODERN', facility: 'SGH', sends: ['orders'], acknowledgement: 'enhanced' },
    ],
  });
}, 60_000);
afterAll(() => service?.stop());

const order = (id: string, { application = 'OLDRIS', accession = '', conditions = '' } = {}) =>
  [
    `MSH|^~\\&|${application}|SGH|||20260302080000||ORM|${id}|P|2.3|||${conditions}`,
    `PID|1||${id}||Tester^Tilda||19700131|F`,
    `ORC|NW|${id}^EMR`,
    `OBR|1|${id}^EMR||CTHEAD`,
    `ZOR|1|secret|${accession}`,
  ].join('\r');
const post = async (path: string, body: string, type = 'text/plain') =>
  (
    await fetch(`${service.url}/hl7-messages/${path}`, { method: 'POST', headers: { 'content-type': type }, body })
  ).json() as Promise<never>;

describe('A sender with ways of its own', () => {
  it('is understood by what the site file says, kept byte for byte, and found by its own numbers', async () => {
    const message = order('Q1', { accession: 'ZACC1' });
    expect(await service.take(message)).toMatchObject({ code: 'AA' });
    const [taken] = await service.search('ServiceRequest', 'ZACC1');
    expect(taken).toMatchObject({ priority: 'stat' });
    const { messages } = (await post('search', JSON.stringify({ number: 'ZACC1' }), 'application/json')) as {
      messages: { id: string; messageType: string }[];
    };
    expect(messages).toMatchObject([{ controlId: 'Q1', messageType: 'ORM^O01' }]);
    expect(await (await fetch(`${service.url}/hl7-messages/${messages[0]!.id}`)).text()).toBe(message);
  });

  it('is told what is wrong where it stands in its own message', async () => {
    const answer = await service.ask(order('Q2', { accession: 'A'.repeat(17) }));
    expect(answer).toMatch(/\rMSA\|AE\|Q2\|the accession number .*fields: OBR-18 from ZOR-3\.1/);
    expect(answer).toContain('\rERR|ZOR^1^3^');
  });

  it('sees in a trial and an explanation what was declared', async () => {
    const message = order('Q3', { accession: 'ZACC3' });
    const tried = (await post('try', message)) as { fields: object[] };
    expect(tried.fields).toEqual([
      { place: 'OBR-18', rule: 'OBR-18 from ZOR-3.1' },
      { place: 'OBR-27.6', rule: 'OBR-27.6 from ZOR-1 by codes' },
      { place: 'PID-3.4', rule: 'PID-3.4 else "SGH"' },
    ]);
    const { fields } = (await post('explain', message)) as {
      fields: { place: string; makes: string[]; fields?: string[] }[];
    };
    const field = (place: string) => fields.find((one) => one.place === place);
    expect(field('ZOR-1')).toMatchObject({
      makes: ['ServiceRequest.priority'],
      fields: ['OBR-27.6 from ZOR-1 by codes'],
    });
    expect(field('ZOR-2')!.makes).toEqual([]);
    expect(field('ZOR-3')!.makes).toContain('ServiceRequest.identifier.value');
  });
});

describe('How a sender is acknowledged', () => {
  const codeOf = async (id: string, application: string, conditions: string) =>
    (await service.take(order(id, { application, conditions }))).code;

  it('is as its site file says', async () => {
    expect(await codeOf('A1', 'PLAIN', 'AL|AL')).toBe('AA');
    expect(await codeOf('A2', 'MODERN', '|')).toBe('CA');
    expect(await codeOf('A3', 'SILENT', 'AL|')).toBe('CA');
  });

  it('is with silence where it asks for none, and its connection goes on', async () => {
    const socket = service.connect();
    const heard: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => heard.push(bytes));
    const send = (id: string, conditions: string) =>
      socket.write(`\x0b${order(id, { application: 'SILENT', conditions })}\x1c\r`);
    send('A4', 'NE|NE');
    send('A5', 'ER|NE');
    send('A6', 'AL|NE');
    const text = await until(() => (heard.length > 0 ? Buffer.concat(heard).toString() : false), {
      what: 'the one answer',
    });
    expect(text.match(/MSA\|\w\w\|\w\w/g)).toEqual(['MSA|CA|A6']);
    expect(await service.messages('A4')).toMatchObject([{ outcome: 'accepted', acknowledgement: 'none' }]);
    expect((await service.search('ServiceRequest', 'A5')).length).toBe(1);
    socket.destroy();
  });
});
