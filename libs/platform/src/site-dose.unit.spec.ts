import { describe, expect, it } from '@jest/globals';
import { site } from '#testing';
import type { SiteContent } from './site-file.js';

type Row = NonNullable<SiteContent['doseReferenceLevels']>[number];
const row: Row = { procedure: 'CTHEAD', measure: 'dlp', level: 850, unit: 'mGy.cm', source: 'test 2026' };
const mistakes = (changes: Partial<Row>) => {
  try {
    site({ doseReferenceLevels: [{ ...row, ...changes }] });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('A diagnostic reference level of the site file', () => {
  it.each<[string, Partial<Row>]>([
    ['of a procedure', {}],
    ['of a protocol, of children', { procedure: undefined, protocol: 'Kopf', ageFromYears: 0, ageToYears: 1 }],
    ['in another unit', { unit: 'Gy.cm' }],
  ])('may be %s', (_, changes) => expect(mistakes(changes)).toBe(''));

  it.each<[string, Partial<Row>, string]>([
    ['neither procedure nor protocol', { procedure: undefined }, 'doseReferenceLevels.0.procedure'],
    ['both of them', { protocol: 'Kopf' }, 'doseReferenceLevels.0.procedure'],
    [
      'a procedure nobody does',
      { procedure: 'CTTOE' },
      'doseReferenceLevels.0.procedure: must be the code of a procedure',
    ],
    ['a unit of another measure', { unit: 'mGy' }, 'doseReferenceLevels.0.unit: must be one of'],
    ['ages the wrong way round', { ageFromYears: 10, ageToYears: 5 }, 'doseReferenceLevels.0.ageToYears'],
    ['weights the wrong way round', { weightFromKg: 10, weightToKg: 5 }, 'doseReferenceLevels.0.weightToKg'],
    ['no source', { source: ' ' }, 'doseReferenceLevels.0.source'],
  ])('must not have %s', (_, changes, said) => expect(mistakes(changes)).toContain(said));
});
