import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { explicitVrLittleEndian as explicit, implicitVrLittleEndian as implicit } from './transfer-syntax.js';
import { worklistItemMatches } from './worklist-matching.js';

/** The bytes of a string whose characters are bytes. */
const bytes = (text: string) => Buffer.from(text, 'latin1');
/** One element with a short length in explicit VR, padded with a space as PS3.5 wants it. */
const element = (tag: string, vr: string, value: Buffer | string) => {
  const content = Buffer.isBuffer(value) ? value : bytes(value);
  const even = content.length % 2 === 0 ? content : Buffer.concat([content, bytes(' ')]);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(even.length);
  return Buffer.concat([Buffer.from(tag, 'hex'), bytes(vr), length, even]);
};
const patientName = '10001000';
/** The name that these bytes mean under this label of (0008,0005). */
const nameUnder = (label: string, name: Buffer) =>
  decodeDataset(
    Buffer.concat([...(label ? [element('08000500', 'CS', label)] : []), element(patientName, 'PN', name)]),
    explicit,
  ).text('PatientName');

describe('row 9: a number of length zero is no 0', () => {
  const rows = Buffer.from('280010005553000028001100555302000002', 'hex');

  it('is there without a value when read', () => {
    const dataset = decodeDataset(rows, explicit);
    expect(dataset.has('Rows')).toBe(true);
    expect(dataset.hasValue('Rows')).toBe(false);
    expect(dataset.number('Rows')).toBeUndefined();
    expect(dataset.number('Columns')).toBe(512);
  });

  it('is written with length zero', () => {
    expect(encodeDataset(decodeDataset(rows, explicit), explicit)).toEqual(rows);
    expect(encodeDataset(Dataset.of({ Rows: undefined }), implicit)).toEqual(Buffer.from('2800100000000000', 'hex'));
  });

  it('asks for nothing in a query: a key outside the list does not match', () => {
    expect(worklistItemMatches(Dataset.of({ PatientID: 'A' }), decodeDataset(rows, explicit))).toBe(true);
  });

  it('is not read out of a length that does not fit', () => {
    expect(() => decodeDataset(Buffer.from('28001000555303000000ff', 'hex'), explicit)).toThrow(
      expect.objectContaining({ code: 'field-invalid', field: 'Rows' }),
    );
  });
});

describe('row 10: padding is no part of a value', () => {
  it.each([
    ['LO with spaces around', '10002000', 'LO', '  A1  ', 'PatientID'],
    ['LO with a NUL from a careless writer', '10002000', 'LO', 'A1\0\0', 'PatientID'],
    ['AE', '40000100', 'AE', ' A1     ', 'ScheduledStationAETitle'],
    ['CS', '08006000', 'CS', 'A1  ', 'Modality'],
    ['PN', '10001000', 'PN', '  A1  ', 'PatientName'],
    ['UI with NUL', '20000d00', 'UI', 'A1\0\0', 'StudyInstanceUID'],
  ] as const)('trims %s', (_case, tag, vr, value, keyword) => {
    expect(decodeDataset(element(tag, vr, value), explicit).text(keyword)).toBe('A1');
  });

  it('trims each of several values, and takes a value of padding alone for none', () => {
    const types = decodeDataset(element('08000800', 'CS', 'ORIGINAL \\ PRIMARY'), explicit);
    expect(types.texts('ImageType')).toEqual(['ORIGINAL', 'PRIMARY']);
    const empty = decodeDataset(element('10002000', 'LO', '    '), explicit);
    expect(empty.hasValue('PatientID')).toBe(false);
    expect(empty.texts('PatientID')).toEqual([]);
  });

  it('leaves a text its leading spaces, which are part of it', () => {
    const comment = decodeDataset(element('10000040', 'LT', '  indented '), explicit);
    expect(comment.text('PatientComments')).toBe('  indented');
  });

  it('pads to even length: UI with NUL, other texts with a space', () => {
    expect(encodeDataset(Dataset.of({ StudyInstanceUID: '1.2' }), explicit).subarray(4)).toEqual(
      bytes('UI\x04\x001.2\0'),
    );
    expect(encodeDataset(Dataset.of({ PatientID: 'ABC' }), explicit).subarray(4)).toEqual(bytes('LO\x04\0ABC '));
  });
});

// Byte sequences of the examples in PS3.5 annexes H (Japanese), I (Korean) and J (Chinese) where an annex is named.
describe('row 11: names survive their character set', () => {
  it.each<[string, string, string, string]>([
    ['no label', '', 'Doe^John', 'Doe^John'],
    ['ISO_IR 6', 'ISO_IR 6', 'Doe^John', 'Doe^John'],
    ['ISO_IR 100', 'ISO_IR 100', 'M\xfcller^J\xf6rg', 'Müller^Jörg'],
    ['ISO_IR 144', 'ISO_IR 144', '\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3', 'Люксембург'],
    ['ISO_IR 126', 'ISO_IR 126', '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'Διονυσιος'],
    ['ISO_IR 13', 'ISO_IR 13', '\xd4\xcf\xc0\xde^\xc0\xdb\xb3', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    [
      'ISO_IR 192 (annex J)',
      'ISO_IR 192',
      'Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=',
      'Wang^XiaoDong=王^小東=',
    ],
    ['GB18030 (annex J)', 'GB18030', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=', 'Wang^XiaoDong=王^小东='],
    [
      'ISO 2022 IR 87 (annex H, example 1)',
      '\\ISO 2022 IR 87',
      'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'ISO 2022 IR 13 with IR 87 (annex H, example 2)',
      'ISO 2022 IR 13\\ISO 2022 IR 87',
      '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
      'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    ],
    [
      'ISO 2022 IR 87 with the byte of "=" within a kanji',
      '\\ISO 2022 IR 87',
      'Kasuga^Hide=\x1b$B=UF|\x1b(B^\x1b$B=(\x1b(B',
      'Kasuga^Hide=春日^秀',
    ],
    [
      'ISO 2022 IR 87 with the byte of a backslash within a kanji',
      '\\ISO 2022 IR 87',
      'A=\x1b$B3\\\x1b(B',
      'A=' + new TextDecoder('euc-jp').decode(Uint8Array.of(0xb3, 0xdc)),
    ],
    [
      'ISO 2022 IR 149 (annex I)',
      '\\ISO 2022 IR 149',
      'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    [
      'ISO 2022 IR 58 (annex K)',
      '\\ISO 2022 IR 58',
      'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=',
      'Zhang^XiaoDong=张^小东=',
    ],
    ['ISO 2022 IR 100', 'ISO 2022 IR 6\\ISO 2022 IR 100', '\x1b-AM\xfcller', 'Müller'],
  ])('reads %s', (_case, label, name, text) => {
    expect(nameUnder(label, bytes(name))).toBe(text);
  });

  it('reads a kanji name in a sequence under the label of the data set around it', () => {
    const item = element(patientName, 'PN', bytes('A=\x1b$B;3ED\x1b(B'));
    const sequence = Buffer.concat([
      element('08000500', 'CS', '\\ISO 2022 IR 87'),
      Buffer.from('40000001' + '5351' + '0000' + 'ffffffff' + 'feff00e0' + 'ffffffff', 'hex'),
      item,
      Buffer.from('feff0de000000000feffdde000000000', 'hex'),
    ]);
    const [step] = decodeDataset(sequence, explicit).items('ScheduledProcedureStepSequence');
    expect(step!.text('PatientName')).toBe('A=山田');
  });

  it('guesses no letter: what means nothing under its label is U+FFFD', () => {
    expect(nameUnder('ISO_IR 6', bytes('M\xfcller'))).toBe('M\ufffdller');
    expect(nameUnder('ISO_IR 192', bytes('M\xfcller'))).toBe('M\ufffdller');
  });

  const label = (text: string, asked: string[] = []) => {
    const written = encodeDataset(Dataset.of({ PatientName: text }), explicit, { preferredCharacterSets: asked });
    const read = decodeDataset(written, explicit);
    expect(read.text('PatientName')).toBe(text);
    return read.text('SpecificCharacterSet');
  };
  it.each<[string, string[], string | undefined]>([
    ['Doe^John', [], undefined],
    ['Doe^John', ['ISO_IR 100'], undefined],
    ['Müller^Jörg', ['ISO_IR 100'], 'ISO_IR 100'],
    ['Müller^Jörg', ['', 'ISO 2022 IR 100'], 'ISO_IR 100'],
    ['Müller^Jörg', [], 'ISO_IR 192'],
    ['Müller^Jörg', ['ISO_IR 144'], 'ISO_IR 192'],
    ['Yamada^Tarou=山田^太郎', ['', 'ISO 2022 IR 87'], 'ISO_IR 192'],
    ['€', ['ISO_IR 100'], 'ISO_IR 192'],
  ])('labels %s for a reader of %j as %s, which it is', (text, asked, expected) => {
    expect(label(text, asked)).toBe(expected);
  });
});

describe('a data set', () => {
  const word = fc.stringMatching(/^[A-Z0-9][A-Z0-9._]{0,13}[A-Z0-9]$/);
  const free = fc.stringMatching(/^[A-Za-zäéßΩЖ山田한][ -[\]-~äéßΩЖ山田한]{0,20}[A-Za-zäéßΩЖ山田한]$/u);
  const uid = fc.stringMatching(/^2\.25\.[1-9][0-9]{0,30}$/);
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const flat = {
    PatientName: some(free),
    PatientID: some(free),
    AccessionNumber: some(free.map((text) => text.slice(0, 8).trim())),
    StudyInstanceUID: some(uid),
    ImageType: some(fc.array(word, { minLength: 1, maxLength: 4 })),
    Rows: some(fc.integer({ min: 0, max: 0xffff })),
    PatientComments: some(free),
    PatientBirthDate: some(fc.constant('19700131')),
  };
  const item = fc.record({ Modality: some(word), ScheduledStationAETitle: some(word) }, { requiredKeys: [] });
  const input = fc.record(
    {
      ...flat,
      ScheduledProcedureStepSequence: fc.array(
        fc.record({ Modality: word, ScheduledProtocolCodeSequence: fc.array(item, { maxLength: 2 }) }),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<DatasetInput>;
  const plain = (dataset: Dataset): unknown =>
    dataset
      .elements()
      .filter(({ tag }) => tag !== 0x00080005)
      .map(({ tag, vr, values }) => ({ tag, vr, values: vr === 'SQ' ? dataset.items(tag).map(plain) : values }));

  it.each([
    ['explicit', explicit],
    ['implicit', implicit],
  ])('is after writing and reading in %s VR what it was', (_name, syntax) => {
    fc.assert(
      fc.property(input, fc.constantFrom([], ['ISO_IR 100'], ['', 'ISO 2022 IR 87']), (content, preferred) => {
        const dataset = Dataset.of(content);
        const written = encodeDataset(dataset, syntax, { preferredCharacterSets: preferred });
        expect(written.length % 2).toBe(0);
        expect(plain(decodeDataset(written, syntax))).toEqual(plain(dataset));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps what the dictionary does not know as bytes, and writes the same bytes', () => {
    const known = encodeDataset(Dataset.of({ PatientID: 'A1' }), implicit);
    const written = Buffer.concat([known, Buffer.from('1100100004000000abcd0102', 'hex')]);
    const dataset = decodeDataset(written, implicit);
    expect(dataset.bytes(0x00110010)).toEqual(Buffer.from('abcd0102', 'hex'));
    expect(encodeDataset(dataset, implicit)).toEqual(written);
  });

  it('is read, or refused by a Failure, whatever the bytes are', () => {
    const valid = encodeDataset(
      Dataset.of({ PatientName: 'Ä', ScheduledProcedureStepSequence: [{ Modality: 'CT' }] }),
      explicit,
    );
    const damaged = fc
      .tuple(fc.nat({ max: valid.length - 1 }), fc.integer({ min: 0, max: 255 }), fc.nat({ max: valid.length }))
      .map(([at, value, end]) => {
        const copy = Buffer.from(valid);
        copy[at] = value;
        return copy.subarray(0, end);
      });
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.uint8Array({ maxLength: 60 }).map((one) => Buffer.from(one)),
        ),
        fc.constantFrom(explicit, implicit),
        (content, syntax) => {
          try {
            expect(decodeDataset(content, syntax)).toBeInstanceOf(Dataset);
          } catch (error) {
            expect(error).toMatchObject({ code: 'field-invalid' });
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('is read where its character set comes as what is no text', () => {
    const label = Buffer.from('0800050055530200010010001000504e0400446f6520', 'hex');
    expect(decodeDataset(label, explicit).text('PatientName')).toBe('Doe');
  });

  it('is refused beyond its depth and its number of elements', () => {
    const nested = encodeDataset(
      Dataset.of({ ScheduledProcedureStepSequence: [{ ScheduledProtocolCodeSequence: [{ CodeValue: 'A' }] }] }),
      explicit,
    );
    expect(() => decodeDataset(nested, explicit, { depth: 1 })).toThrow('nested too deeply');
    expect(() => decodeDataset(nested, explicit, { elements: 3 })).toThrow('too many elements');
  });
});
