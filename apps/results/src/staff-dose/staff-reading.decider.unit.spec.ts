import { describe, expect, it } from '@jest/globals';
import type { Observation } from 'fhir/r4.js';
import { validateResource } from '#fhir';
import { personalDoses, wearLocations } from '#platform';
import { failureOf } from '#testing';
import { readStaffObservation } from './read-staff-observation.js';
import { observationOf, readingIdOf, takeReading, type StaffReading } from './staff-reading.decider.js';

const reading: StaffReading = {
  person: { system: 'urn:test:person', value: '4711' },
  badge: { system: 'urn:test:badge', value: 'B1' },
  location: 'chest',
  start: '2026-02-01',
  end: '2026-02-28',
  quantity: 'hp10',
  value: { kind: 'measured', nanosieverts: 120_000 },
  service: 'dosimetry',
};
const known: Observation = { ...observationOf(reading), meta: { versionId: '3' } };
const someoneElse = { system: 'urn:test:person', value: '4712' };

describe('a reading of a dosimeter', () => {
  it.each(wearLocations.flatMap((location) => personalDoses.map((quantity) => [location, quantity] as const)))(
    'at %s of %s is an R4 Observation, and is read as what it is',
    (location, quantity) => {
      const observation = observationOf({ ...reading, location, quantity });
      expect(validateResource(observation, 'Observation')).toBe(observation);
      const { observationFor } = readStaffObservation(observation, '2026-03-15');
      expect(observationFor(reading.person)).toEqual(observation);
    },
  );

  it('is one by dosimeter, place, quantity and days, whosever it is; without a dosimeter by person', () => {
    expect(readingIdOf({ ...reading, person: someoneElse })).toBe(readingIdOf(reading));
    for (const other of [
      { location: 'collar' },
      { quantity: 'hp3' },
      { end: '2026-02-27' },
      { badge: undefined },
    ] as const)
      expect(readingIdOf({ ...reading, ...other } as StaffReading)).not.toBe(readingIdOf(reading));
    const [one, other] = [reading.person, someoneElse].map((person) =>
      readingIdOf({ ...reading, badge: undefined, person } as never),
    );
    expect(one).not.toBe(other);
  });

  it('is new, the same, or corrected', () => {
    expect(takeReading(reading, undefined)).toMatchObject({ outcome: 'accepted', observation: { status: 'final' } });
    const same = takeReading({ ...reading, service: 'renamed' }, known);
    expect(same).toEqual({ outcome: 'unchanged', observation: known });
    const value = { kind: 'below', nanosieverts: 120_000 } as const;
    expect(takeReading({ ...reading, value }, { ...known, note: [{ text: 'seen' }] })).toMatchObject({
      outcome: 'corrected',
      observation: {
        status: 'corrected',
        meta: { versionId: '3' },
        note: [{ text: 'seen' }],
        valueQuantity: { comparator: '<' },
      },
    });
  });

  it('is not given to somebody else, nor brought back, by a file', () => {
    const other = { ...reading, person: someoneElse };
    expect(failureOf(() => takeReading(other, known))).toMatchObject({ code: 'duplicate-key', field: 'person' });
    const takenBack: Observation = { ...known, status: 'entered-in-error' };
    expect(failureOf(() => takeReading(reading, takenBack))).toMatchObject({ code: 'state-conflict' });
    expect(takeReading(other, takenBack)).toMatchObject({ outcome: 'corrected', observation: { status: 'corrected' } });
  });
});

describe('an Observation of a staff dose', () => {
  const observation = observationOf(reading);
  const fieldOf = (changes: object) =>
    failureOf(() => readStaffObservation({ ...observation, ...changes }, '2026-03-15')).field;
  const quantity = observation.valueQuantity!;

  it.each<[string, object, string]>([
    ['another code', { code: { coding: [{ system: 'http://loinc.org', code: '73569-6' }] } }, 'Observation.code'],
    ['nobody', { subject: { reference: 'Patient/1' } }, 'Observation.subject'],
    ['no end', { effectivePeriod: { start: '2026-02-01' } }, 'Observation.effectivePeriod.end'],
    [
      'a day there is not',
      { effectivePeriod: { start: '2026-02-01', end: '2026-02-30' } },
      'Observation.effectivePeriod.end',
    ],
    [
      'a time',
      { effectivePeriod: { start: '2026-02-01T00:00:00Z', end: '2026-02-28' } },
      'Observation.effectivePeriod.start',
    ],
    [
      'an end before its start',
      { effectivePeriod: { start: '2026-02-01', end: '2026-01-01' } },
      'Observation.effectivePeriod.end',
    ],
    [
      'an end in the future',
      { effectivePeriod: { start: '2026-02-01', end: '2026-03-31' } },
      'Observation.effectivePeriod.end',
    ],
    ['no place', { bodySite: undefined }, 'Observation.bodySite'],
    ['a dosimeter without number', { device: { display: 'x' } }, 'Observation.device.identifier'],
    ['another unit', { valueQuantity: { ...quantity, code: 'mGy' } }, 'Observation.valueQuantity.code'],
    [
      'more than something',
      { valueQuantity: { ...quantity, comparator: '>' } },
      'Observation.valueQuantity.comparator',
    ],
    ['a negative value', { valueQuantity: { ...quantity, value: -1 } }, 'Observation.valueQuantity.value'],
    ['no value and no reason', { valueQuantity: undefined }, 'Observation.valueQuantity'],
    ['a status that says nothing', { status: 'preliminary' }, 'Observation.status'],
  ])('is refused with %s', (_, changes, field) => expect(fieldOf(changes)).toBe(field));

  it.each([
    ['uSv', 120],
    ['Sv', 0.00012],
    ['mREM', 12],
  ])('is kept in mSv where it comes in %s', (code, value) => {
    const stated = { ...observation, valueQuantity: { ...quantity, code, value } };
    expect(readStaffObservation(stated, '2026-03-15').observationFor(reading.person).valueQuantity).toMatchObject({
      value: 0.12,
      code: 'mSv',
    });
  });
});
