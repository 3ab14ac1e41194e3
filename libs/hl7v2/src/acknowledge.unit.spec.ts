import { describe, expect, it } from '@jest/globals';
import { acknowledge, acknowledgementCode, wantsApplicationAcknowledgement } from './acknowledge.js';
import { parseMessage } from './message.js';
import { contentError, rejection, type Hl7Refusal } from './refusal.js';

const from = { application: 'COLLIMATOR', facility: 'SGH', controlId: 'A1', now: new Date('2026-03-02T08:00:00.9Z') };
const message = ({ version = '2.5.1', accept = '', application = '' } = {}) =>
  parseMessage(
    Buffer.from(
      `MSH|^~\\&|EMR^1.2.3^ISO|HOSP|RIS|RAD|20260302||ORM^O01|M\\T\\1|T|${version}|||${accept}|${application}`,
    ),
  );
const refusal = contentError(101, 'PID-3 patient | number is required', { segment: 'PID', sequence: 1, field: 3 });
const linesOf = (asked: Parameters<typeof acknowledge>[0], refused?: Hl7Refusal) =>
  acknowledge(asked, refused, from).toString('utf8').split('\r');

describe('acknowledge', () => {
  it('answers the sender in its own version, echoing control id and processing id', () => {
    expect(linesOf(message())).toEqual([
      'MSH|^~\\&|RIS|RAD|EMR^1.2.3^ISO|HOSP|20260302080000+0000||ACK^O01^ACK|A1|T|2.5.1||||||UNICODE UTF-8',
      'MSA|AA|M\\T\\1',
      '',
    ]);
  });

  it('tells place, code and text of a refusal in ERR as of v2.5', () => {
    expect(linesOf(message(), refusal).slice(1, 3)).toEqual([
      'MSA|AE|M\\T\\1',
      'ERR||PID^1^3|101^Required field missing^HL70357|E||||PID-3 patient \\F\\ number is required',
    ]);
    expect(linesOf(message({ version: '2.5' }), refusal)[2]).toMatch(/^ERR\|\|PID/);
    expect(linesOf(message({ version: '2.10' }), refusal)[2]).toMatch(/^ERR\|\|PID/);
  });

  it('tells them in ERR-1 and MSA-3 before v2.5', () => {
    for (const version of ['2.3', '2.3.1', '2.4'])
      expect(linesOf(message({ version }), refusal).slice(1, 3)).toEqual([
        'MSA|AE|M\\T\\1|PID-3 patient \\F\\ number is required',
        'ERR|PID^1^3^101&Required field missing&HL70357',
      ]);
    expect(linesOf(message({ version: '2.3.1' }))[0]).toContain('|ACK^O01|');
    expect(linesOf(message({ version: '2.4' }))[0]).toContain('|ACK^O01^ACK|');
  });

  it('names repetition and component of the place, and none where there is none', () => {
    const place = { segment: 'PID', sequence: 2, field: 3, component: 4 };
    expect(linesOf(message(), contentError(101, 'x', place))[2]).toContain('ERR||PID^2^3^1^4|');
    expect(linesOf(message(), contentError(101, 'x', { ...place, repetition: 5 }))[2]).toContain('ERR||PID^2^3^5^4|');
    expect(linesOf(message(), rejection(207, 'x'))[2]).toBe('ERR|||207^Application internal error^HL70357|E||||x');
    expect(linesOf(message({ version: '2.3' }), rejection(207, 'x'))[2]).toBe(
      'ERR|^^^207&Application internal error&HL70357',
    );
  });

  // Table 0155, HL7 v2.5.1 sections 2.9.3 and 2.15.9.15: MSH-15, MSH-16; taken, content error, rejected; own way
  it.each<[string, string, string?, string?, string?, boolean?]>([
    ['', '', 'AA', 'AE', 'AR'],
    ['AL', '', 'CA', 'CE', 'CR'],
    ['AL', 'NE', 'CA', 'CE', 'CR'],
    ['AL', 'AL', 'CA', 'CE', 'CR', true],
    ['AL', 'SU', 'CA', 'CE', 'CR', true],
    ['AL', 'ER', 'CA', 'CE', 'CR'],
    ['ER', 'NE', undefined, 'CE', 'CR'],
    ['ER', 'AL', undefined, 'CE', 'CR', true],
    ['SU', 'NE', 'CA', undefined, undefined],
    ['SU', 'AL', 'CA', 'AE', 'AR', true],
    ['SU', 'ER', 'CA', 'AE', 'AR'],
    ['NE', 'NE', undefined, undefined, undefined],
    ['NE', 'AL', 'AA', 'AE', 'AR'],
    ['NE', 'ER', undefined, 'AE', 'AR'],
    ['NE', 'SU', 'AA', undefined, undefined],
    ['', 'AL', 'AA', 'AE', 'AR'],
    ['ALWAYS', '', 'CA', 'CE', 'CR'],
    ['""', '""', 'AA', 'AE', 'AR'],
  ])(
    'answers MSH-15 %j and MSH-16 %j with %s, %s, %s',
    (accept, application, taken, content, rejected, ownWay = false) => {
      const asked = message({ accept, application });
      const outcomes = [undefined, refusal, rejection(207, 'x')];
      const codes = [taken, content, rejected];
      expect(outcomes.map((one) => acknowledgementCode(asked, one))).toEqual(codes);
      expect(outcomes.map((one) => linesOf(asked, one)[1]?.split('|')[1])).toEqual(codes);
      expect(wantsApplicationAcknowledgement(asked)).toBe(ownWay);
    },
  );

  it('answers what could not be read at all', () => {
    expect(linesOf(undefined, rejection(100, 'no MSH'))).toEqual([
      'MSH|^~\\&|COLLIMATOR|SGH|||20260302080000+0000||ACK^^ACK|A1|P|2.5.1||||||UNICODE UTF-8',
      'MSA|AR',
      'ERR|||100^Segment sequence error^HL70357|E||||no MSH',
      '',
    ]);
  });
});
