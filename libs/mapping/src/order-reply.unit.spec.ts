import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { aServiceRequest, site } from '#testing';
import { orderReply } from './order-reply.js';
import pairs from './tables/order-control.json' with { type: 'json' };
import replies from './tables/order-reply.json' with { type: 'json' };

const message = (type: string, ...segments: string[]) =>
  parseMessage(Buffer.from([`MSH|^~\\&|EMR|SGH|||||${type}|1|P|2.5.1`, ...segments].join('\r')));
const order = aServiceRequest();
const uid = order.identifier![2]!.value!.replace('urn:oid:', '');

describe('The answer to an order message', () => {
  it('to OMI^O23 brings each step with our numbers', () => {
    const asked = message('OMI^O23', 'ORC|NW|ORD1^EMR', 'OBR|1|ORD1^EMR||CTHEAD', 'IPC||||STEP1|CT', 'IPC||||STEP2|CT');
    expect(orderReply(asked, [order], site())).toEqual({
      type: ['ORI', 'O24', 'ORI_O24'],
      segments: [
        'ORC|OK|ORD1^EMR|TST00000001^COLLIMATOR||IP',
        'OBR|1|ORD1^EMR|TST00000001^COLLIMATOR|CTHEAD||||||||||||||TST00000001',
        `IPC|TST00000001^COLLIMATOR|TST00000001^COLLIMATOR|${uid}^^COLLIMATOR|STEP1|CT`,
        `IPC|TST00000001^COLLIMATOR|TST00000001^COLLIMATOR|${uid}^^COLLIMATOR|STEP2|CT`,
      ],
    });
  });

  it('to OMI^O23 refused names what the message named, and null for what is required and unknown', () => {
    const asked = message('OMI^O23', 'ORC|NW|ORD1^EMR', 'OBR|1|ORD1^EMR||CTHEAD', 'IPC||RP1^EMR||STEP1|CT');
    expect(orderReply(asked, undefined, site()).segments[2]).toBe('IPC|""|RP1^EMR|""|STEP1|CT');
  });

  it('to OMG^O19 is ORG^O20, and brings the number the placer gave', () => {
    const filled = {
      ...order,
      identifier: [...order.identifier!, { type: { coding: [{ code: 'FILL' }] }, value: 'F1' }],
    };
    const { type, segments } = orderReply(message('OMG^O19', 'ORC|CA|ORD1^EMR'), [filled], site());
    expect([type, segments]).toEqual([['ORG', 'O20', 'ORG_O20'], ['ORC|CR|ORD1^EMR|F1^COLLIMATOR||IP']]);
  });

  it.each<[typeof order.status, string]>([
    ['draft', ''],
    ['on-hold', 'HD'],
    ['revoked', 'CA'],
    ['completed', 'CM'],
    ['entered-in-error', 'ER'],
  ])('says of an order that is %s: %s', (status, code) => {
    const [orc] = orderReply(message('ORM^O01', 'ORC|NW|ORD1'), [{ ...order, status }], site()).segments;
    expect(orc!.split('|')[5] ?? '').toBe(code);
  });

  it('knows for each order control what is said when it is done, and when not', () => {
    expect(Object.keys(replies).sort()).toEqual(Object.keys(pairs).sort());
    const said = (orders: (typeof order)[] | undefined) =>
      Object.keys(pairs).map(
        (code) => orderReply(message('ORM^O01', `ORC|${code}|1`), orders, site()).segments[0]!.split('|')[1],
      );
    expect(said([order])).toEqual(['OK', 'XR', 'CR', 'DR', 'HR', 'OR', 'RQ', 'RO', 'NA', 'OK', 'OK', 'OK']);
    expect(said(undefined)).toEqual(['UA', 'UX', 'UC', 'UD', 'UH', 'UR', 'UM', 'UM', 'UA', 'UA', 'UA', 'UA']);
  });

  it.each(['CA', 'DC', 'RP', 'HD'])(
    'to %s of an order whose exam is under way leaves open what comes of it',
    (control) => {
      const revoked = { ...order, status: 'revoked' as const };
      const orc = (underWay: string[], status = revoked.status) =>
        orderReply(
          message('ORM^O01', `ORC|${control}|1`),
          [{ ...revoked, status }],
          site(),
          new Set(underWay),
        ).segments[0]!.split('|');
      expect([orc([order.id!])[1], orc([order.id!])[5]]).toEqual(['OK', 'IP']);
      expect(orc([])[1]).not.toBe('OK');
      const late = orc([], 'completed' as never);
      expect([late[1]![0], late[5]]).toEqual(['U', 'CM']);
    },
  );
});
