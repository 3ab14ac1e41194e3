import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Observation, Task } from 'fhir/r4.js';
import { parse } from 'yaml';
import { anAdministration, anObservation, failureOf, given } from '#testing';
import type { ObservationRow } from '../policy/after-contrast-policy.js';
import { checkPolicy } from '../policy/load-policy.js';
import { observationRowFor } from './observation-plan.js';
import {
  answerObservation,
  beginObservation,
  cancelObservation,
  givenAt,
  HANDED_OVER,
  nextDueOf,
  overdueOf,
  withMeasurement,
} from './observation.decider.js';

const policy = checkPolicy(parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8')));
const start = Date.UTC(2026, 2, 2, 9, 5);
const at = (minute: number) => new Date(start + minute * 60_000);
const administration = {
  ...anAdministration({ id: 'plan', subject: { reference: 'Patient/p' } }),
  id: 'a',
  supportingInformation: [{ reference: 'ServiceRequest/o' }],
};
const row: ObservationRow = {
  id: 'watched',
  source: 'site',
  afterReaction: false,
  forMinutes: 30,
  vitalSigns: { atMinutes: [0, 15], withinMinutes: 5, measure: ['heart-rate', 'blood-pressure'] },
};
const begun = beginObservation(undefined, administration, { row, from: at(0), policy })!;
const measured = (code: string, minute: number, overrides: Partial<Observation> = {}) =>
  anObservation(code, { effectiveDateTime: at(minute).toISOString(), ...overrides });
const nurse = { display: 'Nora Nurse' };

describe('The observation after contrast', () => {
  it('runs from when contrast was given, with each vital sign from when until when', () => {
    expect(begun).toMatchObject({
      status: 'in-progress',
      owner: { display: 'Technologist on duty' },
      basedOn: [{ reference: 'ServiceRequest/o' }],
      restriction: { period: { start: at(0).toISOString(), end: at(30).toISOString() } },
      input: [
        { valuePeriod: { start: at(0).toISOString(), end: at(5).toISOString() } },
        { valuePeriod: { start: at(15).toISOString(), end: at(20).toISOString() } },
      ],
    });
  });

  it('counts from a moment that was stated, of a period from its beginning, and from no day', () => {
    expect(givenAt({ ...administration, effectiveDateTime: '2026-03-02T10:05:00+01:00' })).toEqual(at(0));
    expect(
      givenAt({
        ...administration,
        effectiveDateTime: undefined,
        effectivePeriod: { start: '2026-03-02T10:05:00+01:00', end: '2026-03-02T10:09:00+01:00' },
      }),
    ).toEqual(at(0));
    expect(givenAt({ ...administration, effectiveDateTime: '2026-03-02' })).toBeUndefined();
  });

  it('told again is the same; told at another time it runs from there, and one that is over stays as it is', () => {
    expect(beginObservation(begun, administration, { row, from: at(0), policy })).toBeUndefined();
    const handed = { ...begun, owner: nurse, meta: { versionId: '4' } };
    expect(beginObservation(handed, administration, { row, from: at(-5), policy })).toMatchObject({
      owner: nurse,
      meta: { versionId: '4' },
      restriction: { period: { end: at(25).toISOString() } },
    });
    const over: Task = { ...begun, status: 'completed' };
    expect(beginObservation(over, administration, { row, from: at(-5), policy })).toBeUndefined();
    expect(cancelObservation(over, 'x')).toBeUndefined();
    expect(cancelObservation(begun, 'not given')).toMatchObject({
      status: 'cancelled',
      statusReason: { text: 'not given' },
    });
  });

  it.each<[string, Observation[], number, string[], number | undefined]>([
    ['nothing, before anything is late', [], 4.9, [], 5],
    ['the first step, which nobody measured', [], 5, ['step 0'], 20],
    ['the first step, of which one sign is missing', [measured('8867-4', 1)], 6, ['step 0'], 20],
    ['nothing, once both were measured', [measured('8867-4', 1), measured('85354-9', 2)], 6, [], 20],
    [
      'the first step, where a value was taken back',
      [measured('8867-4', 1, { status: 'entered-in-error' }), measured('85354-9', 2)],
      6,
      ['step 0'],
      20,
    ],
    [
      'the second step, which the values of the first do not answer',
      [measured('8867-4', 1), measured('85354-9', 14.9)],
      20,
      ['step 1'],
      30,
    ],
    [
      'nothing, where a value came late, but came',
      [measured('8867-4', 22), measured('8480-6', 23), measured('8867-4', 1), measured('85354-9', 1)],
      24,
      [],
      30,
    ],
    [
      'the end, which nobody said',
      [measured('8867-4', 1), measured('85354-9', 1), measured('8867-4', 16), measured('85354-9', 16)],
      30,
      ['end'],
      undefined,
    ],
    ['everything', [], 31, ['step 0', 'step 1', 'end'], undefined],
  ])('misses %s', (_what, values, minute, overdue, next) => {
    expect(overdueOf(begun, values, policy, at(minute)).map(({ key }) => key)).toEqual(overdue);
    expect(nextDueOf(begun, values, policy, at(minute))).toEqual(next === undefined ? undefined : at(next));
  });

  it('misses nothing once it is over', () => {
    expect(overdueOf({ ...begun, status: 'completed' }, [], policy, at(99))).toEqual([]);
    expect(nextDueOf({ ...begun, status: 'cancelled' }, [], policy, at(0))).toBeUndefined();
  });

  it('keeps each measurement once', () => {
    const value = measured('8867-4', 1);
    const added = withMeasurement(begun, value)!;
    expect(added.output).toEqual([{ type: value.code, valueReference: { reference: `Observation/${value.id}` } }]);
    expect(withMeasurement(added, value)).toBeUndefined();
  });
});

describe('What a person says of it', () => {
  const note = [{ text: 'goes to the ward' }];
  it('hands it over, which is kept', () => {
    given(begun)
      .when((task) => answerObservation(task, { ...task, owner: nurse }, at(3)))
      .then({ status: 'in-progress', owner: nurse, extension: [{ url: HANDED_OVER }] });
  });
  it('releases the patient at its time, or before with a reason', () => {
    given(begun)
      .when((task) => answerObservation(task, { ...task, status: 'completed' }, at(30)))
      .then({ status: 'completed', executionPeriod: { end: at(30).toISOString() } });
    given(begun)
      .when((task) => answerObservation(task, { ...task, status: 'completed', note }, at(9)))
      .then({ status: 'completed' });
  });
  it.each<[string, Task, Partial<Task>, string]>([
    ['released early without a reason', begun, { status: 'completed' }, 'field-missing Task.note'],
    [
      'released early with the reason of before',
      { ...begun, note },
      { status: 'completed' },
      'field-missing Task.note',
    ],
    ['of nobody', begun, { owner: undefined }, 'field-missing Task.owner'],
    ['cancelled', begun, { status: 'cancelled' }, 'state-conflict Task.status'],
    ['shortened', begun, { restriction: { period: { end: at(1).toISOString() } } }, 'field-invalid Task'],
    ['without its vital signs', begun, { input: [] }, 'field-invalid Task'],
    ['over already', { ...begun, status: 'completed' }, { status: 'in-progress' }, 'state-conflict Task.status'],
  ])('%s is refused', (_what, current, stated, refusal) => {
    const failure = failureOf(() => answerObservation(current, { ...current, ...stated }, at(9)));
    expect(`${failure.code} ${failure.field}`).toBe(refusal);
  });
});

describe('How long a patient is watched', () => {
  const rows = (...some: Partial<ObservationRow>[]) => ({
    ...policy,
    observation: { ...policy.observation!, rows: some.map((one, index) => ({ ...row, id: `r${index}`, ...one })) },
  });
  const watched = { group: 'gbca-group-1', route: 'intravenous' as const, hasReacted: false };
  it.each<[string, Partial<ObservationRow>[], Partial<typeof watched>, string | undefined]>([
    ['by the row for everybody', [{}], {}, 'r0'],
    ['by the longest that is about them, whatever the order', [{ forMinutes: 60 }, {}], {}, 'r0'],
    ['not by one of other agents', [{ groups: ['iodinated-low-osmolar'], forMinutes: 90 }, {}], {}, 'r1'],
    ['by one of their agent', [{ groups: ['gbca-group-1'], forMinutes: 90 }, {}], {}, 'r0'],
    ['not by one of another route', [{ routes: ['enteric'], forMinutes: 90 }, {}], {}, 'r1'],
    ['not by one for those who reacted', [{ afterReaction: true, forMinutes: 90 }, {}], {}, 'r1'],
    [
      'by one for those who reacted, where they did',
      [{ afterReaction: true, forMinutes: 90 }, {}],
      { hasReacted: true },
      'r0',
    ],
    ['never shorter for a risk', [{ afterReaction: true, forMinutes: 10 }, {}], { hasReacted: true }, 'r1'],
    [
      'by the row for everybody where the agent is not known',
      [{ groups: ['gbca-group-1'], forMinutes: 90 }, {}],
      { group: undefined as never },
      'r1',
    ],
  ])('%s', (_what, some, overrides, id) => {
    expect(observationRowFor({ ...watched, ...overrides }, rows(...some))?.id).toBe(id);
  });
  it('is not said without a policy', () => expect(observationRowFor(watched, undefined)).toBeUndefined());
});

describe('Properties', () => {
  it('the next moment is ahead, and at it something is overdue that was not before', () => {
    const values = fc.array(
      fc.tuple(fc.constantFrom('8867-4', '85354-9', '59408-5'), fc.integer({ min: 0, max: 40 })),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(values, fc.integer({ min: -10, max: 60 }), (some, minute) => {
        const all = some.map(([code, when]) => measured(code, when));
        const next = nextDueOf(begun, all, policy, at(minute));
        const now = overdueOf(begun, all, policy, at(minute)).length;
        if (!next) return expect(now).toBe(overdueOf(begun, all, policy, at(9999)).length);
        expect(next.getTime()).toBeGreaterThan(at(minute).getTime());
        expect(overdueOf(begun, all, policy, new Date(next.getTime() - 1)).length).toBe(now);
        expect(overdueOf(begun, all, policy, next).length).toBeGreaterThan(now);
      }),
    );
  });
});
