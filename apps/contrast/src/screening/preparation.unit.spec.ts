import { describe, expect, it } from '@jest/globals';
import { now, policy } from './a-screening.spec.js';
import { planPreparation } from './preparation.js';

const HOUR = 60 * 60 * 1000;
const inHours = (hours: number) => new Date(now.getTime() + hours * HOUR);
const plan = (
  booked: number | undefined,
  { isUrgent = false, alternatives = [['oral-premedication', 'accelerated-premedication']], since = now } = {},
) =>
  planPreparation(
    alternatives,
    policy,
    { booked: booked === undefined ? undefined : inHours(booked), isUrgent, hasBegun: false },
    since,
  );

describe('the preparation of an exam', () => {
  it('is nothing where no rule asks for any', () => {
    expect(plan(20, { alternatives: [] })).toBeUndefined();
  });
  it('has times once the exam is booked late enough, from the start of the exam', () => {
    const { steps, fits, readyFrom } = plan(20)!;
    expect({ fits, readyFrom }).toEqual({ fits: true, readyFrom: inHours(13) });
    expect(steps.map(({ at }) => at)).toEqual([inHours(7), inHours(13), inHours(19)]);
  });
  it('has no times, but a lead time, before the exam is booked', () => {
    const { steps, fits, readyFrom } = plan(undefined)!;
    expect({ fits, readyFrom }).toEqual({ fits: true, readyFrom: inHours(13) });
    expect(steps.map(({ at }) => at)).toEqual([undefined, undefined, undefined]);
  });
  it.each([
    [13, 'oral-premedication', true, 13],
    [12.99, 'accelerated-premedication', true, 5],
    [5, 'accelerated-premedication', true, 5],
    // Nothing fits: the exam waits for what the policy prefers.
    [4.99, 'oral-premedication', false, 13],
    [-1, 'oral-premedication', false, 13],
  ])('is the first that fits: in %d h %s', (booked, name, fits, ready) => {
    expect(plan(booked)).toMatchObject({ names: [name], fits, readyFrom: inHours(ready) });
  });
  it('is the quickest of an urgent exam where nothing fits', () => {
    expect(plan(2, { isUrgent: true })).toMatchObject({
      names: ['accelerated-premedication'],
      fits: false,
      readyFrom: inHours(5),
    });
  });
  it('of several rules is all of theirs, each once, and the longest lead counts', () => {
    const alternatives = [['saline'], ['oral-premedication'], ['saline']];
    const { names, readyFrom, steps } = plan(20, { alternatives })!;
    expect({ names, readyFrom }).toEqual({ names: ['saline', 'oral-premedication'], readyFrom: inHours(13) });
    expect(steps).toContainEqual(expect.objectContaining({ preparation: 'saline', at: inHours(16), forHours: 4 }));
    // After the exam as well.
    expect(steps).toContainEqual(expect.objectContaining({ preparation: 'saline', atHours: 0, at: inHours(20) }));
  });
  it('counts from when it was known to be needed, not from now', () => {
    expect(plan(10, { since: inHours(-4) })).toMatchObject({ names: ['oral-premedication'], readyFrom: inHours(9) });
  });
});
