import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DetectedIssue } from 'fhir/r4.js';
import { rate, type QualityAlarm } from '#platform';
import { followAlarm, qualityAlarmIdOf } from './quality-alarm.decider.js';

const row: QualityAlarm = { measure: 'reject', by: 'room', windowDays: 30, aboveShare: 0.08, minimumImages: 50 };
const subject = { row, value: 'X-ray 1' };
const now = new Date('2026-03-02T09:00:00Z');
const follow = (known: DetectedIssue | undefined, count: number, of: number) =>
  followAlarm(known, subject, rate(count, of), now);

describe('A quality alarm', () => {
  it('is raised where the rate is above what is accepted beyond chance', () => {
    expect(follow(undefined, 30, 200)).toMatchObject({
      id: qualityAlarmIdOf(subject),
      status: 'final',
      code: { coding: [{ code: 'reject-rate' }] },
      implicated: [{ display: 'X-ray 1' }],
      detail:
        'room X-ray 1: 30 of 200 images rejected in 30 days, 15.0 % (95 % interval 10.7 % to 20.6 %); accepted are 8.0 %',
    });
  });

  it.each([
    // 10 % of 100 may be 8 % by chance alone; the lower end is 5.5 %.
    [10, 100],
    [30, 49],
    [0, 0],
    [0, 500],
  ])('is not raised by %d of %d', (count, of) => expect(follow(undefined, count, of)).toBeUndefined());

  it('is told once a crossing, and taken back when the rate is under again', () => {
    const open = follow(undefined, 30, 200)!;
    expect(follow(open, 31, 201)).toBeUndefined();
    const over = follow(open, 10, 200)!;
    expect(over).toMatchObject({ id: open.id, status: 'cancelled' });
    expect(follow(over, 10, 200)).toBeUndefined();
    expect(follow(over, 30, 200)).toMatchObject({ status: 'final' });
  });

  it('stays where there are too few images to say, and is over without any', () => {
    const open = follow(undefined, 30, 200)!;
    expect(follow(open, 0, 49)).toBeUndefined();
    expect(follow(open, 0, 0)).toMatchObject({ status: 'cancelled' });
  });

  it('turns from one state to the other, whatever the rates', () => {
    const counts = fc
      .integer({ min: 0, max: 300 })
      .chain((of) => fc.tuple(fc.integer({ min: 0, max: of }), fc.constant(of)));
    fc.assert(
      fc.property(fc.array(counts, { maxLength: 20 }), (all) => {
        let known: DetectedIssue | undefined;
        for (const [count, of] of all) {
          const next = follow(known, count, of);
          if (next) expect(next.status).toBe(known?.status === 'final' ? 'cancelled' : 'final');
          known = next ?? known;
          expect(follow(known, count, of)).toBeUndefined();
        }
      }),
    );
  });
});
