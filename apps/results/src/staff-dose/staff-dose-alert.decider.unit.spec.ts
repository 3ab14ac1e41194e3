import { describe, expect, it } from '@jest/globals';
import type { DetectedIssue } from 'fhir/r4.js';
import { failureOf } from '#testing';
import type { LimitStanding } from './dose-against-limits.decider.js';
import { acknowledged, alertStateOf, followAlerts } from './staff-dose-alert.decider.js';

const now = new Date('2026-03-15T08:00:00Z');
const above: LimitStanding = {
  dose: 'effective',
  level: 'limit',
  window: 'calendar-year',
  period: '2026',
  from: '2026-01-01',
  to: '2026-12-31',
  isOver: false,
  limit: 20,
  source: 'test',
  lower: 21,
  upper: 21,
  share: 1.05,
  upperShare: 1.05,
  state: 'above',
  read: 3,
  belowReportable: 0,
  notRead: 0,
  unweighted: 0,
};
const follow = (known: DetectedIssue[], ...standings: LimitStanding[]) => followAlerts(known, 'p1', standings, now);

describe('an alert of a staff dose', () => {
  const [raised] = follow([], above);

  it('is raised once, for one person, dose, level and time', () => {
    expect(raised).toMatchObject({ status: 'final', severity: 'high', implicated: [{ reference: 'Practitioner/p1' }] });
    expect(follow([raised!], { ...above, lower: 25 })).toEqual([]);
    expect(follow([raised!], above, { ...above, period: '2025' })).toHaveLength(1);
  });

  it.each(['below', 'not-excluded'] as const)('is not raised of what is %s', (state) =>
    expect(follow([], { ...above, state })).toEqual([]),
  );

  it('is resolved when it is not so any more, and open anew when it is so again', () => {
    const [resolved] = follow([raised!], { ...above, state: 'below' });
    expect(alertStateOf(resolved!)).toBe('resolved');
    expect(follow([resolved!], { ...above, state: 'below' })).toEqual([]);
    const [again] = follow([resolved!], above);
    expect([again!.id, alertStateOf(again!)]).toEqual([raised!.id, 'open']);
  });

  it('is acknowledged by name, and keeps who did so first', () => {
    const first = acknowledged(raised!, { name: 'Ann' }, now);
    expect(alertStateOf(first)).toBe('acknowledged');
    expect(acknowledged(first, { name: 'Ann' }, now)).toBe(first);
    const second = acknowledged(first, { name: 'Ben', note: 'seen' }, now);
    expect(second.mitigation!.map(({ author }) => author!.display)).toEqual(['Ann', 'Ben']);
    expect(follow([second], above)).toEqual([]);
    const [resolved] = follow([second]);
    expect(alertStateOf(resolved!)).toBe('resolved');
    expect(failureOf(() => acknowledged(resolved!, { name: 'Ann' }, now))).toMatchObject({ code: 'state-conflict' });
  });
});
