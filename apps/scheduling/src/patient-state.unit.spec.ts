import { describe, expect, it } from '@jest/globals';
import type { Observation } from 'fhir/r4.js';
import { anAllergy, anObservation } from '#testing';
import { stateAttributes } from './patient-state.js';

const now = new Date('2026-07-01T08:00:00Z');
const weighed = (value: number, unit: string, effectiveDateTime?: string, more: Partial<Observation> = {}) =>
  anObservation('29463-7', { valueQuantity: { value, code: unit }, effectiveDateTime, ...more });
const pregnancy = (code: string, effectiveDateTime = '2026-06-30') =>
  anObservation('82810-3', { valueCodeableConcept: { coding: [{ code }] }, effectiveDateTime });

describe('The allergies of a worklist item', () => {
  const said = (...allergies: ReturnType<typeof anAllergy>[]) => stateAttributes(allergies, now).Allergies;
  it('are the substances, with what they did', () => {
    const reaction = [{ manifestation: [{ text: 'Hives' }, { text: 'Shock' }] }];
    expect(said(anAllergy('Iodine', { reaction }), anAllergy('Latex'))).toEqual(['Iodine: Hives, Shock', 'Latex']);
  });
  it('are named by their codes where there is no text', () => {
    const allergy = anAllergy('', {
      code: { coding: [{ code: '7980', display: 'Penicillin' }] },
      reaction: [{ manifestation: [{ coding: [{ code: '247472004', display: 'Wheal' }] }] }],
    });
    expect(said(allergy)).toEqual(['Penicillin: Wheal']);
  });
  it('are cut to what LO holds, and hold no separator of values', () => {
    const [text] = said(anAllergy(`a\\b${'x'.repeat(80)}`)) as string[];
    expect(text).toMatch(/^a bx+$/);
    expect(text).toHaveLength(64);
  });
  it('are warned of where nothing says whether they are over: a FHIR client may leave the status out', () => {
    expect(said(anAllergy('Iopromide', { clinicalStatus: undefined }))).toEqual(['Iopromide']);
    expect(said(anAllergy('Latex', { clinicalStatus: { text: 'Active' } }))).toEqual(['Latex']);
  });

  it('are not those that ended, or were an error', () => {
    const ended = anAllergy('Egg', { clinicalStatus: { coding: [{ code: 'resolved' }] } });
    const error = anAllergy('Nut', { verificationStatus: { coding: [{ code: 'entered-in-error' }] } });
    expect(said(ended, error)).toBe('');
  });
});

describe('The weight of a worklist item', () => {
  const said = (...observations: Observation[]) => stateAttributes(observations, now).PatientWeight;
  it.each([
    [72.5, 'kg', '72.5'],
    [3450, 'g', '3.45'],
    [150, '[lb_av]', '68.039'],
    [12, 'stone', ''],
    [0, 'kg', ''],
  ])('of %d %s is %j', (value, unit, expected) => {
    expect(said(weighed(value, unit, '2026-06-30'))).toBe(expected);
  });
  it('is the newest valid one, and none of more than a year ago', () => {
    const error = weighed(7, 'kg', '2026-06-30', { status: 'entered-in-error' });
    expect(said(weighed(70, 'kg', '2026-01-01'), weighed(80, 'kg', '2026-06-01'), error)).toBe('80');
    expect(said(weighed(70, 'kg', '2025-06-01'))).toBe('');
  });
  it('is as old as our knowing it where its time is not said', () => {
    expect(said(weighed(70, 'kg', undefined, { meta: { lastUpdated: '2026-06-30T00:00:00Z' } }))).toBe('70');
    expect(said(weighed(70, 'kg', undefined, { meta: { lastUpdated: '2024-06-30T00:00:00Z' } }))).toBe('');
  });
});

describe('The pregnancy status of a worklist item', () => {
  it.each([
    ['LA26683-5', 1],
    ['102874004', 2],
    ['77386006', 3],
    ['B6', 3],
    ['LA4489-6', 4],
    ['SOMETHING', ''],
  ])('told as %s is %j', (code, expected) => {
    expect(stateAttributes([pregnancy(code)], now).PregnancyStatus).toBe(expected);
  });
  it('is the newest, and over after 42 weeks', () => {
    const told = [pregnancy('LA15173-0', '2026-06-01'), pregnancy('LA26683-5', '2026-06-20')];
    expect(stateAttributes(told, now).PregnancyStatus).toBe(1);
    expect(stateAttributes([pregnancy('LA15173-0', '2025-09-01')], now).PregnancyStatus).toBe('');
  });
});
