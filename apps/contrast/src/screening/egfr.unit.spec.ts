import { describe, expect, it } from '@jest/globals';
import { bedsideSchwartz, ckdEpi2021 } from './egfr.js';
import { ageInYears } from './facts.js';
import { converted } from './units.js';

describe('CKD-EPI 2021', () => {
  // By the equation as printed, worked by hand for each side of kappa and both sexes.
  it.each([
    [1.0, 50, 'male', 92],
    [1.0, 50, 'female', 69],
    [0.6, 30, 'female', 124],
    [1.5, 70, 'male', 50],
    [0.7, 25, 'female', 123],
    [0.9, 25, 'male', 122],
    [3.0, 65, 'female', 17],
  ] as const)('of %d mg/dL at %d years, %s, is %d', (mgPerDl, years, sex, egfr) => {
    expect(Math.round(ckdEpi2021({ mgPerDl, years, sex }))).toBe(egfr);
  });
});

describe('bedside Schwartz', () => {
  it('is 0.413 by height over creatinine', () => {
    expect(bedsideSchwartz({ mgPerDl: 0.5, heightCm: 100 })).toBeCloseTo(82.6, 10);
  });
});

describe('a unit', () => {
  it.each([
    [{ value: 1, code: 'mg/dL' }, 88.4],
    [{ value: 88.4, unit: 'umol/L' }, 88.4],
    [{ value: 0.0884, unit: 'mmol/L', code: 'mmol/L' }, 88.4],
    [{ value: 1, unit: 'mg/dL', code: 'umol/L' }, 'unknown unit'],
    [{ value: 1, unit: 'Mol' }, 'unknown unit'],
    [{ value: 1, unit: 'toString' }, 'unknown unit'],
    [{ value: 1 }, 'no unit'],
    [{ unit: 'mg/dL' }, 'no number'],
    [undefined, 'no number'],
  ])('%j of creatinine is %p', (quantity, expected) => {
    const value = converted(quantity, 'creatinine');
    expect(typeof value === 'number' ? Math.round(value * 10) / 10 : value).toBe(expected);
  });
});

describe('age', () => {
  it.each([
    ['2008-03-02', 18],
    ['2008-03-03', 17],
    ['2026-03-03', undefined],
    ['2008-03', undefined],
    ['2008', undefined],
    [undefined, undefined],
  ])('of who was born %s is %s', (birthDate, years) => {
    expect(ageInYears(birthDate, new Date('2026-03-02T10:00:00Z'))).toBe(years);
  });
});
