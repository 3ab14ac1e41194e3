import { describe, expect, it } from '@jest/globals';
import type { Observation } from 'fhir/r4.js';
import { anObservation } from '#testing';
import { now, policy, recordOf } from './a-screening.spec.js';
import { factsOfPatient } from './facts-of-patient.js';
import { worstSeverity } from './severity.js';
import { hasWords } from './words.js';

const pregnancy = (code: string, overrides: Partial<Observation> = {}) =>
  anObservation('82810-3', {
    id: `${code}${overrides.effectiveDateTime ?? ''}`,
    valueCodeableConcept: { coding: [{ code }] },
    ...overrides,
  });
const stateOf = (...observations: Observation[]) =>
  factsOfPatient({ ...recordOf({}), observations }, policy, now).history.pregnancy;
const [today, lastWeek, lastYear] = ['2026-03-02', '2026-02-23', '2025-03-02'];

describe('an answer', () => {
  it('that warns counts without a time, from when it became known; one that reassures does not', () => {
    expect(stateOf(pregnancy('B6'))).toMatchObject({ value: 'yes' });
    expect(stateOf(pregnancy('B6', { meta: { lastUpdated: `${lastWeek}T08:00:00Z` } }))).toMatchObject({
      value: 'yes',
      at: `${lastWeek}T08:00:00Z`,
    });
    expect(stateOf(pregnancy('B6', { meta: { lastUpdated: `${lastYear}T08:00:00Z` } }))).toBeUndefined();
    expect(stateOf(pregnancy('N'))).toBeUndefined();
    expect(stateOf(pregnancy('N', { meta: { lastUpdated: `${today}T08:00:00Z` } }))).toBeUndefined();
  });
  it('of later counts; of one time the one that warns', () => {
    const [no, yes] = [pregnancy('N', { effectiveDateTime: today }), pregnancy('Y', { effectiveDateTime: lastWeek })];
    expect(stateOf(yes, no)?.value).toBe('no');
    expect(stateOf(no, { ...yes, effectiveDateTime: today })?.value).toBe('yes');
  });
  it.each<[string, Partial<Observation>, string | undefined]>([
    ['a code', { valueCodeableConcept: { coding: [{ code: 'LA26683-5' }] } }, 'no'],
    ['a text', { valueCodeableConcept: { text: 'Yes' } }, 'yes'],
    ['a string', { valueCodeableConcept: undefined, valueString: ' no ' }, 'no'],
    ['true', { valueCodeableConcept: undefined, valueBoolean: true }, 'yes'],
    ['two things at once', { valueCodeableConcept: { coding: [{ code: 'Y' }], text: 'no' } }, undefined],
    ['something else', { valueCodeableConcept: { text: 'refused' } }, undefined],
    ['nothing', { valueCodeableConcept: undefined }, undefined],
  ])('by %s', (_, overrides, value) => {
    expect(stateOf(pregnancy('', { effectiveDateTime: today, ...overrides }))?.value).toBe(value);
  });
});

describe('words', () => {
  it.each([
    ['Iodinated CONTRAST (IV)', 'iodinated contrast', true],
    ['iv-contrast', 'IV contrast', true],
    ['ivory contrast', 'iv contrast', false],
    ['Jodkontrastmittel', 'kontrastmittel', false],
    ['', 'iodine', false],
  ])('%s has %s: %s', (text, words, has) => expect(hasWords(text, words)).toBe(has));
});

describe('the severity of several reactions', () => {
  it.each([
    [['mild', 'moderate'], 'moderate'],
    // One that nobody told may have been worse than the one that was.
    [['mild', 'unknown'], 'unknown'],
    [['unknown', 'severe'], 'severe'],
    [[], 'unknown'],
  ] as const)('%j is %s', (several, worst) => expect(worstSeverity(several)).toBe(worst));
});
