import { describe, expect, it } from '@jest/globals';
import type { HumanName } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { aPatient } from '#testing';
import { dicomName, namedPerson, patientNameOf } from './dicom-name.js';

const written = (writing: string, family: string, given: string, use: HumanName['use'] = 'official'): HumanName => ({
  extension: [{ url: extensions.nameRepresentation, valueCode: writing }],
  use,
  family,
  given: [given],
});

describe('A DICOM name', () => {
  it.each([
    [{ family: 'Doe', given: ['Jane', 'Ann', 'Bea'], prefix: ['Dr'] }, 'Doe^Jane^Ann Bea^Dr'],
    [{ family: 'Doe' }, 'Doe'],
    [{ family: 'D^o=e\\' }, 'D o e'],
    [{ text: 'Jane Doe' }, 'Jane Doe'],
    [undefined, ''],
    // A letter beyond the basic plane is not cut in two.
    [{ family: '𠮷'.repeat(70) }, '𠮷'.repeat(64)],
  ])('of %j is %j', (name, expected) => {
    expect(dicomName(name)).toBe(expected);
  });

  it('of a person known by a display has their last word as family name', () => {
    expect([namedPerson('Dora Maria Doctor'), namedPerson(undefined)]).toEqual(['Doctor^Dora^Maria', '']);
  });
});

describe("A patient's name", () => {
  const letters = written('ABC', 'Yamada', 'Tarou');
  const ideograms = written('IDE', '山田', '太郎');
  const spoken = written('SYL', 'やまだ', 'たろう');
  it.each<[string, HumanName[], string]>([
    ['in all three ways', [letters, ideograms, spoken], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ['whichever comes first', [spoken, ideograms, letters], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ['without ideograms', [letters, spoken], 'Yamada^Tarou==やまだ^たろう'],
    [
      'in Korean',
      [written('ABC', 'Hong', 'Gildong'), written('IDE', '洪', '吉洞'), written('SYL', '홍', '길동')],
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    ['in ideograms alone: a modality must show a name', [ideograms], '山田^太郎'],
    ['not said to be one of them', [{ family: '王', given: ['小東'] }], '王^小東'],
    ['beside a name of another use', [letters, written('IDE', '鈴木', '太郎', 'maiden')], 'Yamada^Tarou'],
    ['not known', [], ''],
  ])('%s', (_case, name, expected) => {
    expect(patientNameOf(aPatient({ name }))).toBe(expected);
  });
});
