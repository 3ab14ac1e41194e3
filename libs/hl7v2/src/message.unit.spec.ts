import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseMessage, readHeader, writeMessage, writeSegment, type Hl7Message } from './message.js';
import { Hl7Refusal } from './refusal.js';

const header = (rest = '') => `MSH|^~\\&|EMR|SGH|||20260302080000||ORM^O01|M1|P|2.5.1${rest}`;
const parse = (lines: string[], encoding: BufferEncoding = 'utf8'): Hl7Message =>
  parseMessage(Buffer.from(lines.join('\r'), encoding));

function refusalOf(bytes: Buffer): Hl7Refusal {
  try {
    parseMessage(bytes);
  } catch (error) {
    if (error instanceof Hl7Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('parseMessage', () => {
  it('counts the fields of MSH from its separator on', () => {
    const message = parse([header()]);
    expect(message.header.get(1)).toBe('|');
    expect(message.header.get(2)).toBe('^~\\&');
    expect(message).toMatchObject({
      type: 'ORM^O01',
      controlId: 'M1',
      version: '2.5.1',
      sendingApplication: 'EMR',
      sendingFacility: 'SGH',
    });
  });

  it('takes the separators each message declares', () => {
    const pid = parse(['MSH#*!?$#EMR#SGH#####ADT*A04#M1#P#2.5', 'PID#1##1***SGH!2***RIS##Smith$Jr*Ann?F?^|']).first(
      'PID',
    )!;
    expect([pid.get(3, 4), pid.get(3, 4, 1, 2), pid.get(5, 1, 2), pid.get(5, 2)]).toEqual([
      'SGH',
      'RIS',
      'Jr',
      'Ann#^|',
    ]);
    expect(pid.repetitions(3)).toBe(2);
  });

  it('takes a message that declares fewer or more of them', () => {
    expect(parse(['MSH|^~|EMR', 'PID|||a&b\\F\\c']).first('PID')?.get(3)).toBe('a&b\\F\\c');
    expect(parse(['MSH|^~\\&#|EMR', 'PID|||a#b']).first('PID')?.get(3)).toBe('a#b');
  });

  it('ends segments at CR, LF or both, and numbers those of one name', () => {
    const message = parseMessage(Buffer.from(`${header()}\r\nOBX|1\nOBX|2\r\r`));
    expect(message.all('OBX').map((one) => one.at(5))).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
  });

  it('tells a value, nothing and "" apart', () => {
    const pid = parse([header(), 'PID|1||""||| |x']).first('PID')!;
    expect([pid.get(3), pid.isDeleted(3), pid.get(4), pid.isDeleted(4), pid.get(6), pid.get(99)]).toEqual([
      undefined,
      true,
      undefined,
      false,
      undefined,
      undefined,
    ]);
  });

  it('reads a text field whole, its separators being text', () => {
    const obx = parse([header(), 'OBX|1|TX|||a^b & c\\.br\\d~second']).first('OBX')!;
    expect([obx.text(5), obx.text(5, 2), obx.text(5, 3)]).toEqual(['a^b & c\nd', 'second', undefined]);
  });

  it.each([
    ['', 'Größe', 'utf8'],
    ['||||||UNICODE UTF-8', 'Größe', 'utf8'],
    ['||||||utf-8', 'Größe', 'utf8'],
    ['||||||8859/1', 'Größe', 'latin1'],
    ['||||||8859-1', 'Größe', 'latin1'],
    ['||||||8859/1~UNICODE', 'Größe', 'latin1'],
  ] as const)('reads MSH-18 %s', (declared, text, encoding) => {
    expect(
      parse([header(declared), `PID|||${text}`], encoding)
        .first('PID')
        ?.get(3),
    ).toBe(text);
  });

  it.each([
    ['||||||ASCII~ISO IR87', '1b2442 3b33 4544 1b2842', '山田'],
    ['||||||~ISO IR87~ISO IR159', '1b2442 3b33 4544 1b2842 5e 1b242844 3021 1b2842', '山田^丂'],
    ['||||||ISO IR14~ISO IR87', '1b2849 4f4f 1b2842', 'ﾏﾏ'],
    // The bytes of a pair may be those of a separator: 0x5E and 0x7C are none there.
    ['||||||~ISO IR87', '1b2442 305e 307c 1b2842', '緯淫'],
    ['||||||GB 18030-2000', 'cdf5', '王'],
    ['||||||KS X 1001', 'b1e8', '김'],
    ['||||||BIG-5', 'a4fd', '王'],
  ])('reads MSH-18 %s, with its escape sequences', (declared, hex, text) => {
    const bytes = [
      Buffer.from(`${header(declared)}\rPID|||||`),
      Buffer.from(hex.replaceAll(' ', ''), 'hex'),
      Buffer.from('|x\r'),
    ];
    const pid = parseMessage(Buffer.concat(bytes)).first('PID')!;
    expect([[pid.get(5, 1), pid.get(5, 2)].filter(Boolean).join('^'), pid.get(6)]).toEqual([text, 'x']);
  });

  it('reads 8859/2 and 8859/15 by their own tables', () => {
    expect(
      parse([header('||||||8859/2'), 'PID|||\xb3'], 'latin1')
        .first('PID')
        ?.get(3),
    ).toBe('ł');
    expect(
      parse([header('||||||8859/15'), 'PID|||\xa4'], 'latin1')
        .first('PID')
        ?.get(3),
    ).toBe('€');
  });

  it.each([
    ['UNICODE UTF-8', 'a\\XC3A9\\b', 'aéb'],
    ['UNICODE UTF-8', '\\XC3\\\\XA9\\', 'é'],
    ['8859/1', '\\XE9\\', 'é'],
    ['8859/2', '\\XB3\\', 'ł'],
    ['8859/1', '\\XC3\\b\\XA9\\', 'Ãb©'],
  ])('reads \\X as bytes of the character set of the message: %s %s', (set, value, text) => {
    expect(
      parse([header(`||||||${set}`), `PID|||${value}`])
        .first('PID')
        ?.get(3),
    ).toBe(text);
  });

  it.each<[string, Buffer, object]>([
    ['nothing', Buffer.alloc(0), { errorCode: 100, place: 'MSH' }],
    ['no MSH first', Buffer.from('PID|1'), { errorCode: 100, place: 'MSH' }],
    ['MSH alone', Buffer.from('MSH'), { errorCode: 100, place: 'MSH-2' }],
    ['one separator for two purposes', Buffer.from('MSH|^^\\&|'), { errorCode: 100, place: 'MSH-2' }],
    ['a letter as separator', Buffer.from('MSHA^~\\&A'), { errorCode: 100, place: 'MSH-2' }],
    ['a line that is no segment', Buffer.from(`${header()}\rpid|1`), { errorCode: 100 }],
    ['a segment name run into its value', Buffer.from(`${header()}\rPIDX1`), { errorCode: 100 }],
    [
      'a second message in one frame',
      Buffer.from(`${header()}\rPID|1\r${header()}\rPID|2`),
      { errorCode: 100, place: 'MSH[2]' },
    ],
    ['an unknown character set', Buffer.from(header('||||||KOI8')), { errorCode: 102, place: 'MSH-18' }],
    ['a character set named like a method', Buffer.from(header('||||||__proto__')), { errorCode: 102 }],
    [
      'bytes that are no UTF-8',
      Buffer.from(`${header()}\rPID|||Gr\xf6\xdfe`, 'latin1'),
      { errorCode: 102, place: 'MSH-18' },
    ],
    ['too many segments', Buffer.from(`${header()}\r${'NTE|1\r'.repeat(10_001)}`), { errorCode: 100 }],
  ])('rejects %s', (_what, bytes, expected) => {
    expect(refusalOf(bytes)).toMatchObject({ acknowledgement: 'AR', ...expected });
  });

  it('never throws anything but a refusal, and quotes nothing of what came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, withHeader) => {
        const bytes = Buffer.concat([Buffer.from(withHeader ? `${header()}\rZZZ|` : 'MSH'), Buffer.from(noise)]);
        try {
          const message = parseMessage(bytes);
          for (const segment of message.segments) for (let at = 1; at < 30; at++) segment.get(at, 2, 2, 2);
        } catch (error) {
          expect(error).toBeInstanceOf(Hl7Refusal);
        }
      }),
    );
  });
});

describe('readHeader', () => {
  it('gives the control id of a message that cannot be read', () => {
    expect(readHeader(Buffer.from(`${header()}\rPID|||Gr\xf6\xdfe`, 'latin1'))?.controlId).toBe('M1');
    expect(readHeader(Buffer.from(`${header('||||||KOI8')}\rnonsense`))?.controlId).toBe('M1');
  });
  it('gives nothing where there is none', () => {
    expect(readHeader(Buffer.from('GET / HTTP/1.1\r\n'))).toBeUndefined();
    expect(readHeader(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('writeSegment', () => {
  // What a value cannot be in HL7: "" means delete, surrounding spaces do not count, line breaks are all one.
  const value = fc
    .string({ unit: 'grapheme', maxLength: 30 })
    .map((text) => text.replace(/\r\n?/g, '\n').trim())
    .filter((text) => text !== '""' && text !== '');

  it('writes what parseMessage reads back', () => {
    fc.assert(
      fc.property(fc.array(fc.array(value, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), (fields) => {
        const written = Object.fromEntries(fields.map((components, index) => [index + 1, components]));
        const bytes = writeMessage([
          writeSegment('MSH', { 1: '|', 18: 'UNICODE UTF-8' }),
          writeSegment('ZZZ', written),
        ]);
        const segment = parseMessage(bytes).first('ZZZ')!;
        const read = fields.map((components, index) => components.map((_, at) => segment.get(index + 1, at + 1)));
        expect(read).toEqual(fields);
      }),
    );
  });

  it('never writes what would end the MLLP frame or the segment', () => {
    expect(writeSegment('NTE', { 1: 'a\x1c', 2: '\x0bb\rc', 3: 'd\r\ne' })).toBe(
      'NTE|a\\X1C\\|\\X0B\\b\\X0D\\c|d\\.br\\e',
    );
  });

  it('leaves out what is empty at the end', () => {
    expect(writeSegment('PID', { 1: '1', 3: ['1', undefined, 'x', undefined], 5: undefined, 9: '' })).toBe(
      'PID|1||1^^x',
    );
  });
});
