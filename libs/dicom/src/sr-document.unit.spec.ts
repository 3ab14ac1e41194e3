import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { codeOf, isSameCode, preferredCode } from './sr-code.js';
import {
  childrenOf,
  codeIn,
  dateTimeIn,
  measuredIn,
  pathTo,
  srDocumentFrom,
  textIn,
  within,
  type SrNode,
} from './sr-document.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';

const code = (written: string): DatasetInput[] => {
  const { scheme, value } = codeOf(written);
  return [{ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: 'meaning' }];
};
const item = (type: string, concept: string, more: DatasetInput = {}, ...children: DatasetInput[]): DatasetInput => ({
  RelationshipType: 'CONTAINS',
  ValueType: type,
  ConceptNameCodeSequence: code(concept),
  ...more,
  ...(children.length > 0 ? { ContentSequence: children } : {}),
});
const num = (concept: string, value: string, unit: string): DatasetInput =>
  item('NUM', concept, {
    MeasuredValueSequence: [{ NumericValue: value, MeasurementUnitsCodeSequence: code(`UCUM|${unit}`) }],
  });
const read = (...content: DatasetInput[]): SrNode =>
  srDocumentFrom(
    Dataset.of({ ValueType: 'CONTAINER', ConceptNameCodeSequence: code('113701'), ContentSequence: content }),
  ).root;
const only = (content: DatasetInput) => read(content).children[0]!;

describe('a content item', () => {
  it.each<[string, DatasetInput, object]>([
    ['text', item('TEXT', '121106', { TextValue: 'a comment' }), { type: 'TEXT', text: 'a comment' }],
    [
      'a code',
      item('CODE', '121058', { ConceptCodeSequence: code('SCT|77477000') }),
      { type: 'CODE', code: { scheme: 'SCT', value: '77477000', meaning: 'meaning' } },
    ],
    [
      'a code without scheme',
      item('CODE', '121058', { ConceptCodeSequence: [{ CodeValue: '1' }] }),
      { type: 'CODE', code: undefined },
    ],
    [
      'a number with its unit',
      num('113830', '7.25', 'mGy'),
      { type: 'NUM', measured: { value: 7.25, unit: { scheme: 'UCUM', value: 'mGy' } } },
    ],
    [
      'a number without unit',
      item('NUM', '113830', { MeasuredValueSequence: [{ NumericValue: '7' }] }),
      { type: 'NUM', measured: undefined },
    ],
    ['several numbers, where one belongs', num('113830', '7\\8', 'mGy'), { type: 'NUM', measured: undefined }],
    ['a number that is none', num('113830', 'seven', 'mGy'), { type: 'NUM', measured: undefined }],
    [
      'no number, and why',
      item('NUM', '113830', { MeasuredValueSequence: [], NumericValueQualifierCodeSequence: code('114000') }),
      { type: 'NUM', measured: undefined, qualifier: { scheme: 'DCM', value: '114000' } },
    ],
    [
      'a date and time',
      item('DATETIME', '111526', { DateTime: '20260302101500.5+0100' }),
      { type: 'DATETIME', at: '20260302101500.5+0100' },
    ],
    ['a date', item('DATE', '111526', { Date: '20260302' }), { type: 'DATE', at: '20260302' }],
    ['a time', item('TIME', '111526', { Time: '101500' }), { type: 'TIME', at: '101500' }],
    ['a UID', item('UIDREF', '121018', { UID: '2.25.1' }), { type: 'UIDREF', uid: '2.25.1' }],
    ['a name', item('PNAME', '121008', { PersonName: 'Muster^Mia' }), { type: 'PNAME', name: 'Muster^Mia' }],
    [
      'an image',
      item('IMAGE', '121111', {
        ReferencedSOPSequence: [{ ReferencedSOPClassUID: '2.25.3', ReferencedSOPInstanceUID: '2.25.4' }],
      }),
      { type: 'IMAGE', sopClassUid: '2.25.3', sopInstanceUid: '2.25.4' },
    ],
    [
      'a container of a template',
      item('CONTAINER', '113819', {
        ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '10013' }],
      }),
      { type: 'CONTAINER', template: '10013' },
    ],
    [
      'one by reference',
      { RelationshipType: 'INFERRED FROM', ReferencedContentItemIdentifier: [1, 2] },
      { type: 'BY-REFERENCE', place: [1, 2] },
    ],
    ['one of a type of tomorrow', item('HOLOGRAM', '121106'), { type: 'OTHER', valueType: 'HOLOGRAM' }],
  ])('is read: %s', (_, sent, expected) => expect(only(sent)).toMatchObject(expected));

  it('has the exact value where the decimal string was cut', () => {
    const measured = {
      NumericValue: '0.33333333333333',
      FloatingPointValue: 1 / 3,
      MeasurementUnitsCodeSequence: code('UCUM|Gy'),
    };
    expect(measuredIn([only(item('NUM', '113725', { MeasuredValueSequence: [measured] }))])?.value).toBe(1 / 3);
  });
});

describe('a content tree', () => {
  const total = codeOf('113813');
  const accumulated = codeOf('113811');
  const root = read(
    item('CONTAINER', '113811', {}, num('113813', '300', 'mGy.cm'), num('113813', '301', 'mGy.cm')),
    item('CONTAINER', '113819', {}, item('CONTAINER', '113811', {}, num('113813', '5', 'mGy.cm'))),
    item('TEXT', '121106', { TextValue: '' }),
    item('TEXT', '121106', { TextValue: 'second' }),
  );
  const values = (nodes: SrNode[]) => nodes.map((one) => measuredIn([one])?.value);
  it('is walked by children, by a path, and at any depth', () => {
    expect(childrenOf(root, accumulated)).toHaveLength(1);
    expect(values(pathTo(root, accumulated, total))).toEqual([300, 301]);
    expect(values(within(root, [total]))).toEqual([300, 301, 5]);
    expect(within(root, [accumulated, total])).toHaveLength(2);
    expect(within(root, [accumulated, total], { nested: true })).toHaveLength(5);
  });
  it('gives the first value there is', () => {
    expect(textIn(within(root, [codeOf('121106')]))).toBe('second');
    expect([textIn([]), codeIn([root]), dateTimeIn([root])]).toEqual([undefined, undefined, undefined]);
  });
});

describe('codes', () => {
  it.each([
    ['SRT|G-C340', 'SCT|410675002', true],
    ['SNM3|G-D705', 'SCT|118565006', true],
    ['99SDM|G-D101', 'SRT|G-D101', true],
    ['dcm|121106', '121106', true],
    ['99LOCAL|410675002', 'SCT|410675002', false],
    ['SRT|G-C340', 'SCT|118565006', false],
  ])('%s and %s are the same concept: %s', (one, other, same) =>
    expect(isSameCode(codeOf(one), codeOf(other))).toBe(same),
  );
});

it('a code of SNOMED-RT is given as SNOMED CT has it, any other as it is', () => {
  expect(preferredCode({ ...codeOf('SRT|G-D101'), meaning: 'Intravenous route' })).toEqual({
    scheme: 'SCT',
    value: '47625008',
    meaning: 'Intravenous route',
  });
  expect([preferredCode(codeOf('SRT|X-0')), preferredCode(codeOf('130227'))]).toEqual([
    codeOf('SRT|X-0'),
    codeOf('130227'),
  ]);
});

describe('hostile content', () => {
  const failure = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      const { code, message, field } = error as { code: string; message: string; field: string };
      return [code, field, message];
    }
    return undefined;
  };
  it('that is no container is refused by its attribute', () => {
    expect(failure(() => srDocumentFrom(Dataset.of({ ValueType: 'Beispiel' })))).toEqual([
      'field-invalid',
      'ValueType',
      expect.not.stringContaining('Beispiel'),
    ]);
    expect(failure(() => srDocumentFrom(new Dataset()))?.slice(0, 2)).toEqual(['field-missing', 'ValueType']);
  });
  it('that is nested or counted beyond the limits is refused', () => {
    let deep = item('TEXT', '121106', { TextValue: 'Beispiel^Berta' });
    for (let level = 0; level < 60; level++) deep = item('CONTAINER', '113811', {}, deep);
    expect(failure(() => read(deep))).toEqual([
      'field-invalid',
      'ContentSequence',
      expect.not.stringContaining('Beispiel'),
    ]);
    const many = Dataset.of({ ValueType: 'CONTAINER', ContentSequence: Array.from({ length: 11 }, () => ({})) });
    expect(failure(() => srDocumentFrom(many, { items: 11 }))?.[0]).toBe('field-invalid');
    expect(srDocumentFrom(many, { items: 12 }).root.children).toHaveLength(11);
  });
  it('of any bytes is read or refused, and never anything else', () => {
    const good = encodeDataset(
      Dataset.of({
        ValueType: 'CONTAINER',
        ContentSequence: [num('113813', '5', 'mGy'), item('CODE', '121058', { ConceptCodeSequence: code('SCT|1') })],
      }),
      explicitVrLittleEndian,
    );
    const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(change, fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        try {
          srDocumentFrom(decodeDataset(bytes, explicitVrLittleEndian, { depth: 64 }));
        } catch (error) {
          expect((error as Error).name).toBe('Failure');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
