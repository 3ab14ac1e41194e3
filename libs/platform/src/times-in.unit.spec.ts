import { describe, expect, it } from '@jest/globals';
import { failureOf } from '#testing';
import { timesIn } from './times-in.js';

const between = (from: unknown, to: unknown) => {
  const times = timesIn(from, to, 'Europe/Berlin');
  return [times.from.toISOString(), times.to.toISOString()];
};

describe('A time that is asked for', () => {
  it('has both its days, in the zone of the site, also where the clocks change', () => {
    expect(between('2026-03-29', '2026-03-29')).toEqual(['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z']);
  });

  it('is until before its second time', () => {
    expect(between('2026-03-02T09:00:00+01:00', '2026-03-02T09:00:00Z')).toEqual([
      '2026-03-02T08:00:00.000Z',
      '2026-03-02T09:00:00.000Z',
    ]);
  });

  it('may be as long as is allowed, also where the clocks change, and no longer', () => {
    const inDays = (to: string) => timesIn('2026-10-24', to, 'Europe/Berlin', 2);
    expect(inDays('2026-10-25').to.toISOString()).toBe('2026-10-25T23:00:00.000Z');
    expect(failureOf(() => inDays('2026-10-26'))).toMatchObject({ code: 'field-invalid', field: 'to' });
  });

  it.each([
    [undefined, '2026-03-02', 'field-missing', 'from'],
    ['2026-03-02', '', 'field-missing', 'to'],
    ['2026-02-30', '2026-03-02', 'field-invalid', 'from'],
    ['2026-03-02T09:00:00', '2026-03-02', 'field-invalid', 'from'],
    [['2026-03-02'], '2026-03-02', 'field-invalid', 'from'],
    ['2026-03-03', '2026-03-02', 'field-invalid', 'to'],
  ])('is refused from %s to %s', (from, to, code, field) => {
    expect(failureOf(() => between(from, to))).toMatchObject({ code, field });
  });
});
