import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contentError, parseMessage, placeOf, type Hl7Message } from '#hl7v2';
import type { FieldRow } from '#platform';
import { adapt, placedAsItCame } from './sender-fields.js';

const message = (...segments: string[]) =>
  parseMessage(Buffer.from(['MSH|^~\\&|EMR|SGH|||20260302||ORM^O01|1|P|2.3', ...segments].join('\r')));
const written = ({ segments, characters }: Hl7Message) =>
  segments.map((one) =>
    [one.name, ...Array.from({ length: one.length }, (_, index) => one.raw(index + 1))].join(characters.field),
  );
/** The segments behind MSH as the rows leave them. */
const after = (segments: string[], ...rows: FieldRow[]) =>
  written(adapt(message(...segments), rows).message)
    .slice(1)
    .map((line) => line.replace(/\|+$/, ''));

describe('What a site file says of a sender', () => {
  it.each<[string, string[], FieldRow[], string[]]>([
    ['takes a field from another', ['OBR|1||||5||x'], [{ to: 'OBR-2', from: 'OBR-5' }], ['OBR|1|5|||5||x']],
    [
      'takes a component to a field',
      ['OBR|1', 'ZOR|a^b^c'],
      [{ to: 'OBR-3', from: 'ZOR-1.2' }],
      ['OBR|1||b', 'ZOR|a^b^c'],
    ],
    [
      'takes a field to a component',
      ['OBR|1|x^y', 'ZOR|a^b'],
      [{ to: 'OBR-2.3', from: 'ZOR-1' }],
      ['OBR|1|x^y^a', 'ZOR|a^b'],
    ],
    [
      'takes a whole field with all it holds',
      ['PID|1|7^^^A~8^^^B|9'],
      [{ to: 'PID-3', from: 'PID-2' }],
      ['PID|1|7^^^A~8^^^B|7^^^A~8^^^B'],
    ],
    [
      'takes repetitions one by one',
      ['PID|1||7^A~8^B'],
      [{ to: 'PID-3.4', from: 'PID-3.2' }],
      ['PID|1||7^A^^A~8^B^^B'],
    ],
    [
      'leaves what stands there where nothing is to be taken',
      ['OBR|1|x'],
      [{ to: 'OBR-2', from: 'OBR-5' }],
      ['OBR|1|x'],
    ],
    [
      'lets two fields change places',
      ['ORC|NW|a|b'],
      [
        { to: 'ORC-2', from: 'ORC-3' },
        { to: 'ORC-3', from: 'ORC-2' },
      ],
      ['ORC|NW|b|a'],
    ],
    [
      'lets them do so where one is empty',
      ['ORC|NW||b'],
      [
        { to: 'ORC-2', from: 'ORC-3' },
        { to: 'ORC-3', from: 'ORC-2' },
      ],
      ['ORC|NW|b'],
    ],
    [
      'puts a constant where nothing stands, in each repetition',
      ['PID|1||7~8^^^B'],
      [{ to: 'PID-3.4', value: 'A' }],
      ['PID|1||7^^^A~8^^^B'],
    ],
    [
      'makes an empty field one that deletes, and leaves one that does',
      ['PID|1|""'],
      [
        { to: 'PID-2.4', value: 'A' },
        { to: 'PID-3', value: '""' },
      ],
      ['PID|1|""|""'],
    ],
    [
      'translates a code, and leaves one it does not know',
      ['OBX|1|ST|final^x&y', 'OBX|2|ST|other'],
      [{ to: 'OBX-3', codes: { final: 'F' } }],
      ['OBX|1|ST|F^x&y', 'OBX|2|ST|other'],
    ],
    [
      'translates what it takes, else has a constant',
      ['OBR|1', 'ZOR|1', 'ORC|XO', 'OBR|2'],
      [{ to: 'OBR-2', from: 'ZOR-1', codes: { 1: 'S' }, value: 'R' }],
      ['OBR|1|S', 'ZOR|1', 'ORC|XO', 'OBR|2|R'],
    ],
    ['translates a quoted empty one to no change', ['PID|1|""'], [{ to: 'PID-2', codes: { '""': '' } }], ['PID|1']],
    ['ignores a segment', ['PID|1', 'AL1|1', 'AL1|2'], [{ ignore: 'AL1' }], ['PID|1']],
    [
      'ignores a field, and may still take it',
      ['OBR|1|x|y'],
      [{ ignore: 'OBR-2' }, { to: 'OBR-3', from: 'OBR-2' }],
      ['OBR|1||x'],
    ],
    [
      'never takes from another order',
      ['ORC|NW', 'OBR|1', 'ORC|NW', 'OBR|2', 'ZOR|b'],
      [{ to: 'OBR-2', from: 'ZOR-1' }],
      ['ORC|NW', 'OBR|1', 'ORC|NW', 'OBR|2|b', 'ZOR|b'],
    ],
    [
      'takes for every order what stands before them all',
      ['ZVI|v', 'ORC|NW', 'OBR|1', 'OBR|2'],
      [{ to: 'OBR-5', from: 'ZVI-1' }],
      ['ZVI|v', 'ORC|NW', 'OBR|1||||v', 'OBR|2||||v'],
    ],
    [
      'takes for the message what stands behind its orders',
      ['PV1|1', 'ORC|NW', 'ZVI|v'],
      [{ to: 'PV1-3', from: 'ZVI-1' }],
      ['PV1|1||v', 'ORC|NW', 'ZVI|v'],
    ],
    [
      'makes ZDS in the order it is of',
      ['ORC|NW', 'OBR|1', 'ZOR|1.2', 'ORC|NW', 'OBR|2'],
      [{ to: 'ZDS-1', from: 'ZOR-1' }],
      ['ORC|NW', 'OBR|1', 'ZOR|1.2', 'ZDS|1.2', 'ORC|NW', 'OBR|2'],
    ],
    ['makes no other segment', ['PID|1||||5'], [{ to: 'PV1-19', from: 'PID-5' }], ['PID|1||||5']],
  ])('%s', (_what, segments, rows, expected) => {
    expect(after(segments, ...rows)).toEqual(expected);
  });

  it('may change the header where it may be changed, by its own separators', () => {
    const odd = parseMessage(Buffer.from('MSH#:*!$#EMR#SGH###20260302##ORM#1#P#2.2\rPID#1##7:a*8'));
    const { message: after } = adapt(odd, [
      { to: 'MSH-12', codes: { '2.2': '2.3' } },
      { to: 'PID-3.4', value: 'A' },
    ]);
    expect(written(after)).toEqual(['MSH###:*!$#EMR#SGH###20260302##ORM#1#P#2.3', 'PID#1##7:a::A*8:::A']);
    expect([after.type, after.version]).toEqual(['ORM^O01', '2.3']);
  });

  it('is told with places, and without a value of the message', () => {
    const { applied } = adapt(message('ORC|NW', 'OBR|1', 'ORC|NW', 'OBR|2', 'ZOR|secret', 'AL1|1'), [
      { to: 'OBR-18', from: 'ZOR-1.1' },
      { to: 'OBR-5', value: 'R' },
      { to: 'OBR-99', from: 'ZZZ-1' },
      { ignore: 'AL1' },
    ]);
    expect(applied.map(({ row, rule, to, from }) => [row, rule, placeOf(to), from && placeOf(from)])).toEqual([
      [0, 'OBR-18 from ZOR-1.1', 'OBR[2]-18', 'ZOR-1.1'],
      [1, 'OBR-5 else "R"', 'OBR-5', undefined],
      [1, 'OBR-5 else "R"', 'OBR[2]-5', undefined],
      [3, 'AL1 ignored', 'AL1', undefined],
    ]);
    expect(JSON.stringify(applied)).not.toContain('secret');
  });

  it('has a refusal name the place the value came from, and no other', () => {
    const { applied } = adapt(message('ORC|NW', 'OBR|1', 'ZOR|a'), [{ to: 'OBR-27.6', from: 'ZOR-1' }]);
    const refused = (component: number | undefined, field = 27) =>
      placedAsItCame(contentError(103, 'unknown', { segment: 'OBR', sequence: 1, field, component }), applied);
    expect([refused(6).place, refused(undefined).place]).toEqual(['ZOR-1', 'ZOR-1']);
    expect(refused(6).message).toBe("unknown (this sender's fields: OBR-27.6 from ZOR-1)");
    expect([refused(4).place, refused(6, 2).place]).toEqual(['OBR-27.4', 'OBR-2.6']);
    const nowhere = contentError(100, 'x');
    expect(placedAsItCame(nowhere, applied)).toBe(nowhere);
  });
});

const names = ['PID', 'ORC', 'OBR', 'ZOR', 'ZDS', 'OBX'];
const content = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', '^', '~', '&', '|', '"', '\\'), maxLength: 20 });
const lines = fc
  .array(fc.tuple(fc.constantFrom(...names), content), { maxLength: 12 })
  .map((segments) => segments.map(([name, rest]) => `${name}|${rest}`));
const places = (segments: string[]) =>
  fc
    .tuple(fc.constantFrom(...segments), fc.integer({ min: 1, max: 6 }), fc.option(fc.integer({ min: 1, max: 4 })))
    .map(([segment, field, component]) => `${segment}-${field}${component ? `.${component}` : ''}`);
/** Rows that take from where none of them puts anything. */
const rows = fc.array(
  fc.oneof(
    fc.record({ to: places(['PID', 'ORC', 'OBR', 'ZDS']), from: places(['ZOR', 'OBX']) }),
    fc.record({ to: places(['PID', 'ORC', 'OBR', 'OBX']), value: fc.constantFrom('x', '""') }),
    fc.record({ to: fc.constant('OBX-6'), codes: fc.constant({ a: 'z', b: '' }) }),
    fc.record({ ignore: fc.constantFrom('ORC', 'ORC-3') }),
  ),
  { maxLength: 6 },
);

describe('Whatever the message', () => {
  it('stays itself where nothing is said of its sender', () => {
    fc.assert(
      fc.property(lines, (segments) => {
        const one = message(...segments);
        expect(adapt(one, []).message === one).toBe(true);
      }),
    );
  });

  it('becomes the same again when it is adapted twice, where no row takes what another puts', () => {
    fc.assert(
      fc.property(lines, rows, (segments, declared) => {
        const one = message(...segments);
        const isPut = declared.some(
          (row) =>
            'to' in row &&
            row.to.startsWith('OBX-') &&
            declared.some((other) => 'from' in other && other.from.startsWith('OBX-')),
        );
        const isDropped = declared.some((row) => 'ignore' in row && row.ignore === 'ORC');
        fc.pre(!isPut && !isDropped);
        const once = adapt(one, declared).message;
        expect(written(adapt(once, declared).message)).toEqual(written(once));
      }),
    );
  });

  it('is changed in what a row names and nowhere else', () => {
    fc.assert(
      fc.property(lines, places(['PID', 'OBR']), places(['ZOR', 'OBX']), (segments, to, from) => {
        const one = message(...segments);
        const after = adapt(one, [{ to, from }]).message;
        const [segment, field] = to.split(/[-.]/);
        // The place itself is blanked in both.
        const rest = ({ segments }: Hl7Message) =>
          segments.map((part) =>
            Array.from({ length: 30 }, (_, at) => (part.name === segment && at === Number(field) ? '' : part.raw(at))),
          );
        expect(rest(after)).toEqual(rest(one));
      }),
    );
  });
});
