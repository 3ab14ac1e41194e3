import { describe, expect, it } from '@jest/globals';
import type { DoseReferenceLevel } from '#platform';
import { aPatient, site } from '#testing';
import { aDoseReport, acquisition, ctTotals, localizer, read } from './a-dose-report.spec.js';
import { doseOfStudy } from './dose-of-study.decider.js';
import { comparedWithLevels, irradiated, type Irradiated } from './reference-levels.decider.js';

const dose = doseOfStudy(
  [
    read(
      aDoseReport([
        ctTotals(3, 900),
        localizer('1.0'),
        acquisition('1.1', 'Abdomen', 15, 800),
        acquisition('1.2', 'Thorax', 9, 100),
      ]),
    ),
  ],
  'ct',
)!;
const level = (changes: Partial<DoseReferenceLevel>): DoseReferenceLevel => ({
  procedure: 'CTHEAD',
  measure: 'dlp',
  level: 850,
  unit: 'mGy.cm',
  source: 'test 2026',
  ...changes,
});
const adult: Irradiated = { ageYears: 56, weightKg: 80 };
const outcomes = (one: DoseReferenceLevel, who: Irradiated = adult) =>
  comparedWithLevels(dose, 'CTHEAD', who, [one]).map(({ outcome }) => outcome);

describe('A dose beside a reference level', () => {
  it.each<[string, Partial<DoseReferenceLevel>, string[]]>([
    ['above that of its procedure', {}, ['above']],
    ['as high as that', { level: 900 }, ['within']],
    ['in another unit', { level: 0.85, unit: 'Gy.cm' }, ['above']],
    ['of another procedure', { procedure: 'CTCHESTC' }, []],
    ['of a measure that it has not', { measure: 'dap', unit: 'Gy.cm2' }, []],
    ['of the protocol that gave most', { procedure: undefined, protocol: 'abdomen' }, ['above']],
    ['of a protocol that gave less, of the whole exam', { procedure: undefined, protocol: 'thorax' }, []],
    [
      'of one acquisition',
      { procedure: undefined, protocol: 'thorax', measure: 'ctdi-vol', level: 10, unit: 'mGy' },
      ['within'],
    ],
    ['of children', { ageFromYears: 5, ageToYears: 10 }, []],
    ['of the weight', { weightFromKg: 60, weightToKg: 90 }, ['above']],
    ['of a lower weight', { weightToKg: 80 }, []],
  ])('%s', (_, changes, expected) => expect(outcomes(level(changes))).toEqual(expected));

  it.each<[string, Irradiated, Partial<DoseReferenceLevel>, string[]]>([
    ['a child is not compared with adults', { ageYears: 17.9 }, {}, []],
    ['but with their age, from a birthday', { ageYears: 5 }, { ageFromYears: 5, ageToYears: 10 }, ['above']],
    ['until before one', { ageYears: 10 }, { ageFromYears: 5, ageToYears: 10 }, []],
    ['an unknown age is not guessed', { weightKg: 80 }, {}, ['not-compared']],
    ['nor an unknown weight', { ageYears: 56 }, { weightFromKg: 60 }, ['not-compared']],
    ['a weight needs no age', { weightKg: 80 }, { weightFromKg: 60 }, ['above']],
  ])('%s', (_, who, changes, expected) => expect(outcomes(level(changes), who)).toEqual(expected));

  it('is not compared where it is unknown, and says why', () => {
    const unknown = doseOfStudy([read(aDoseReport([ctTotals(1, 5, 'mGy'), acquisition('1.1', 'Head', 1, 1)]))], 'ct')!;
    expect(comparedWithLevels(unknown, 'CTHEAD', adult, [level({})])).toMatchObject([
      { outcome: 'not-compared', why: 'its unit mGy is none of this measure' },
    ]);
  });
});

describe('Who was irradiated', () => {
  const whole = site();
  it('is as old as at the exam, by our own record before the report', () => {
    expect(irradiated(dose, aPatient({ birthDate: '2021-03-02' }), whole)).toMatchObject({
      ageYears: 5,
      sex: 'female',
    });
    expect(irradiated(dose, aPatient({ birthDate: '2021-03-03' }), whole).ageYears).toBeLessThan(5);
    expect(Math.floor(irradiated(dose, undefined, whole).ageYears!)).toBe(56);
  });
  it('has no age by a year of birth alone', () =>
    expect(irradiated({ ...dose, patient: {} }, aPatient({ birthDate: '2008' }), whole)).not.toHaveProperty(
      'ageYears',
    ));
});
