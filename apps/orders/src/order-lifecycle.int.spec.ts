import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { identifierOf } from '#fhir';
import { aPatient, anOrmMessage, site, until } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => {
  const [emr, reports] = site().senders;
  service = await AnOrdersService.start({
    senders: [emr!, reports!, { ...emr!, application: 'CPOE', orderAnswer: 'ORDER' }],
  });
});
afterAll(() => service?.stop());

const orderOf = async (number: string) => (await service.search<ServiceRequest>('ServiceRequest', number))[0];
const accessionOf = async (number: string) => identifierOf(await orderOf(number), 'ACSN')?.value;
const toldOf = async (number: string, what: 'placed' | 'changed' | 'cancelled') =>
  service.published(`imaging.order.${what}.v1`, (await orderOf(number))?.subject.reference?.split('/')[1] ?? 'nobody');
/** The answer without its MSH. */
const answerTo = async (message: Buffer | string) => (await service.ask(message)).trim().split('\r').slice(1);
/** A message of several orders of one patient: its MSH and PID, then these segments. */
const message = (mrn: string, ...segments: string[]) =>
  [...anOrmMessage({ mrn }).toString().split('\r').slice(0, 2), ...segments, ''].join('\r');

describe('An order', () => {
  it('is held, released, and its status followed, each told once', async () => {
    const order = { mrn: 'HOLD', placerOrderNumber: 'HOLD' };
    await service.take(anOrmMessage(order));
    for (const [control, orderStatus, status] of [
      ['HD', '', 'on-hold'],
      ['XO', '', 'on-hold'],
      ['RL', '', 'active'],
      ['SC', 'IP', 'active'],
      ['SC', 'CM', 'completed'],
    ] as const) {
      expect(await service.take(anOrmMessage({ ...order, control, orderStatus }))).toEqual({ code: 'AA' });
      expect((await orderOf('HOLD'))?.status).toBe(status);
    }
    expect(await toldOf('HOLD', 'changed')).toHaveLength(3);
    expect(await service.take(anOrmMessage({ ...order, control: 'HD' }))).toMatchObject({
      code: 'AE',
      error: '207',
      place: 'ORC^1^1',
    });
  });

  it('is replaced by another, all or nothing', async () => {
    await service.take(anOrmMessage({ mrn: 'REPL', placerOrderNumber: 'OLD' }));
    const replace = (old: string) => message('REPL', `ORC|RP|${old}^EMR`, 'ORC|RO|NEW^EMR', 'OBR|1|NEW^EMR||XRCHEST2');
    expect(await service.take(replace('NEVER'))).toMatchObject({ code: 'AE', error: '204' });
    expect(await orderOf('NEW')).toBeUndefined();
    expect(await service.take(replace('OLD'))).toEqual({ code: 'AA' });
    const old = await orderOf('OLD');
    expect(old?.status).toBe('revoked');
    expect(await orderOf('NEW')).toMatchObject({
      status: 'active',
      replaces: [{ reference: `ServiceRequest/${old!.id}` }],
    });
  });

  it('gets its number before it is placed, and keeps it', async () => {
    const order = { mrn: 'NUMB', placerOrderNumber: 'NUMB', application: 'CPOE' };
    const asking = anOrmMessage({ ...order, control: 'SN' });
    const [msa, orc] = await answerTo(asking);
    const accession = await accessionOf('NUMB');
    expect(accession).toMatch(/^TST\d{8}$/);
    expect([msa?.slice(0, 6), orc]).toEqual(['MSA|AA', `ORC|NA|NUMB^EMR|${accession}^COLLIMATOR`]);
    // The same message, or another that asks again, gets the same number.
    expect((await answerTo(asking))[1]).toBe(orc);
    expect((await answerTo(anOrmMessage({ ...order, control: 'SN' })))[1]).toBe(orc);
    expect(await toldOf('NUMB', 'placed')).toHaveLength(0);
    expect((await answerTo(anOrmMessage(order)))[1]).toBe(`ORC|OK|NUMB^EMR|${accession}^COLLIMATOR||IP`);
    expect(await accessionOf('NUMB')).toBe(accession);
    expect(await toldOf('NUMB', 'placed')).toHaveLength(1);
  });

  it('of several procedures is a parent with children, cancelled with it', async () => {
    await service.take(anOrmMessage({ mrn: 'FAM', placerOrderNumber: 'FAM' }));
    const split = message(
      'FAM',
      'ORC|PA|FAM^EMR',
      ...['1', '2'].flatMap((n) => [`ORC|CH|FAM-${n}^EMR`, `OBR|${n}|FAM-${n}^EMR||CTHEAD`]),
    );
    expect(await service.take(split)).toEqual({ code: 'AA' });
    const parent = await orderOf('FAM');
    expect(parent?.intent).toBe('original-order');
    expect((await orderOf('FAM-1'))?.basedOn).toEqual([{ reference: `ServiceRequest/${parent!.id}` }]);
    expect(await service.take(anOrmMessage({ mrn: 'FAM', placerOrderNumber: 'FAM', control: 'CA' }))).toEqual({
      code: 'AA',
    });
    expect((await orderOf('FAM-1'))?.status).toBe('revoked');
    expect(await toldOf('FAM', 'cancelled')).toHaveLength(3);
  });

  it('that is a parent is completed when its children are', async () => {
    await service.take(
      message(
        'KIN',
        'ORC|PA|KIN^EMR',
        ...['1', '2'].flatMap((n) => [`ORC|CH|KIN-${n}^EMR`, `OBR|${n}|KIN-${n}^EMR||CTHEAD`]),
      ),
    );
    const complete = async (number: string) => {
      const order = { ...(await orderOf(number))!, status: 'completed' as const };
      const patient = { ...aPatient({ mrn: 'KIN' }), id: order.subject.reference!.split('/')[1]! };
      const procedure = {
        resourceType: 'Procedure' as const,
        id: number,
        status: 'completed' as const,
        subject: order.subject,
      };
      await service.tell('imaging.schedule.exam-completed.v1', procedure, patient, order);
      await until(async () => (await orderOf(number))?.status === 'completed', { what: 'the child completed' });
    };
    await complete('KIN-1');
    expect((await orderOf('KIN'))?.status).toBe('active');
    await complete('KIN-2');
    expect((await orderOf('KIN'))?.status).toBe('completed');
  });
});

describe('A sender that wants it', () => {
  it('is answered order by order: what was done, and under which number', async () => {
    const asked = message(
      'ANSW',
      'ORC|NW|ANSW-1^EMR',
      'OBR|1|ANSW-1^EMR||CTHEAD^Head^L',
      'OBR|2|ANSW-2^EMR||XRCHEST2',
    ).replace('|EMR|', '|CPOE|');
    const [first, second] = [await service.ask(asked), await service.ask(asked)];
    expect(first.split('\r')[0]).toContain('|ORR^O02^ORR_O02|');
    const [one, two] = [await accessionOf('ANSW-1'), await accessionOf('ANSW-2')];
    const expected = [
      `ORC|OK|ANSW-1^EMR|${one}^COLLIMATOR||IP`,
      `OBR|1|ANSW-1^EMR|${one}^COLLIMATOR|CTHEAD^Head^L||||||||||||||${one}`,
      `ORC|OK|ANSW-2^EMR|${two}^COLLIMATOR||IP`,
      `OBR|2|ANSW-2^EMR|${two}^COLLIMATOR|XRCHEST2||||||||||||||${two}`,
    ];
    for (const answer of [first, second]) expect(answer.trim().split('\r').slice(2)).toEqual(expected);
  });

  it('is told what was not done, and why', async () => {
    const [msa, err, orc] = await answerTo(
      anOrmMessage({ application: 'CPOE', mrn: 'NOT', placerOrderNumber: 'NOT', control: 'XO' }),
    );
    expect([msa?.slice(0, 6), err?.split('|')[3], orc]).toEqual([
      'MSA|AE',
      '204^Unknown key identifier^HL70357',
      'ORC|UX|NOT^EMR',
    ]);
  });

  it('in enhanced mode gets the bare accept acknowledgement first', async () => {
    const enhanced = anOrmMessage({ application: 'CPOE', mrn: 'ENH', placerOrderNumber: 'ENH' })
      .toString()
      .replace('|2.5.1|||', '|2.5.1|||AL|NE');
    const lines = await answerTo(enhanced);
    expect([lines.length, lines[0]?.slice(0, 6)]).toEqual([1, 'MSA|CA']);
  });
});
