import { describe, expect, it } from '@jest/globals';
import { acknowledgementCode } from '#hl7v2';
import { site as aSite } from '#testing';
import type { SiteContent } from '#platform';
import { acknowledgedAs, envelopeTo, readMessage, surroundingsOf } from './index.js';

const of = (parts: Partial<SiteContent['senders'][number]>) =>
  aSite({ senders: [{ application: 'EMR', facility: 'SGH', sends: ['orders'], ...parts }] });
const bytes = ({ set = '', accept = '', name = 'x' } = {}) =>
  Buffer.from(`MSH|^~\\&|EMR|SGH|||20260302||ORM|1|P|2.3|||${accept}|||${set}\rPID|1||||${name}`, 'latin1');

describe('A message of a sender', () => {
  it.each([
    ['8859/1', '', 'J\xf6rg', 'Jörg'],
    ['8859/5', '', '\xbc', 'М'],
    ['8859/5', '8859/1', 'J\xf6rg', 'Jörg'],
  ] as const)('without character set is read in %s, one that names %j in its own', (characterSet, set, name, read) => {
    expect(readMessage(bytes({ set, name }), of({ characterSet })).message.first('PID')!.get(5)).toBe(read);
  });

  it('can be read in every character set the site file takes', () => {
    const sets = [
      'ASCII',
      'UNICODE UTF-8',
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15].map((part) => `8859/${part}`),
      'ISO IR87',
      'GB 18030-2000',
      'KS X 1001',
      'BIG-5',
    ];
    for (const characterSet of sets as never[])
      expect(readMessage(bytes(), of({ characterSet })).came.type).toBe('ORM^O01');
  });

  it.each([
    ['asAsked', '', 'AA'],
    ['asAsked', 'AL', 'CA'],
    ['original', 'AL', 'AA'],
    ['original', '', 'AA'],
    ['enhanced', '', 'CA'],
    ['enhanced', 'NE', undefined],
  ] as const)('that is answered %s, MSH-15 being %j, gets %s', (acknowledgement, accept, code) => {
    const site = of({ acknowledgement });
    expect(acknowledgementCode(acknowledgedAs(readMessage(bytes({ accept }), site).came, site), undefined)).toBe(code);
  });

  it('means by a name of an authority what its own table says, also where it is answered', () => {
    const site = aSite({
      senders: [
        {
          application: 'EMR',
          facility: 'SGH',
          sends: ['orders'],
          authorities: { SGH: 'urn:oid:2.25.9', HOSP: 'urn:oid:2.25.1001' },
          repliesTo: 'emr',
        },
      ],
      destinations: [{ name: 'emr', kind: 'mllp', host: 'h', port: 1, application: 'EMR', facility: 'SGH' }],
    });
    const { systemOf } = surroundingsOf(site.senders[0]!, site);
    expect(['SGH', 'HOSP', 'RIS'].map((name) => systemOf(name))).toEqual([
      'urn:oid:2.25.9',
      'urn:oid:2.25.1001',
      'urn:oid:2.25.1003',
    ]);
    const names = (name: string) => {
      const { namespaceOf } = envelopeTo(
        { name, application: 'EMR', facility: 'SGH' },
        { controlId: '1', now: new Date(0) },
        site,
      );
      return ['urn:oid:2.25.9', 'urn:oid:2.25.1001', 'urn:oid:2.25.1003'].map(namespaceOf);
    };
    expect(names('emr')).toEqual(['SGH', 'HOSP', 'RIS']);
    expect(names('pacs')).toEqual([undefined, 'SGH', 'RIS']);
  });
});
