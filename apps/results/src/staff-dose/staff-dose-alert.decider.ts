import type { DetectedIssue } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { fail } from '#platform';
import type { LimitStanding } from './dose-against-limits.decider.js';
import { staffDoseAlertSystem } from './staff-dose-codes.js';

/** What an alert is about, beside whom: `effective/limit/calendar-year/2026`. */
export function subjectOf({ dose, level, window, period }: LimitStanding): string {
  return `${dose}/${level}/${window}/${period}`;
}

export function staffDoseAlertIdOf(practitionerId: string, standing: LimitStanding): string {
  return uuidFrom('DetectedIssue', 'staff dose', practitionerId, subjectOf(standing));
}

/**
 * What becomes of a person's alerts: each dose above its limit or level is one, raised once; it is taken back where that is
 * so no more, such as by a correction.
 *
 * @param known all alerts of the person as they are stored
 * @returns those to store; none where there is nothing new
 */
export function followAlerts(
  known: readonly DetectedIssue[],
  practitionerId: string,
  standings: readonly LimitStanding[],
  now: Date,
): DetectedIssue[] {
  const above = standings.filter(({ state }) => state === 'above');
  const raised = above.flatMap((standing) => {
    const before = known.find(({ id }) => id === staffDoseAlertIdOf(practitionerId, standing));
    return before?.status === 'final' ? [] : [raise(before, practitionerId, standing, now)];
  });
  const ids = new Set(above.map((standing) => staffDoseAlertIdOf(practitionerId, standing)));
  const over = known.filter(({ id, status }) => status === 'final' && !ids.has(id!));
  return [...raised, ...over.map((alert) => takenBack(alert, now))];
}

function raise(
  before: DetectedIssue | undefined,
  practitionerId: string,
  standing: LimitStanding,
  now: Date,
): DetectedIssue {
  const { dose, level, lower, limit, window, period, source } = standing;
  return {
    resourceType: 'DetectedIssue',
    id: staffDoseAlertIdOf(practitionerId, standing),
    ...(before?.meta ? { meta: before.meta } : {}),
    identifier: [{ system: staffDoseAlertSystem, value: subjectOf(standing) }],
    status: 'final',
    code: { coding: [{ system: staffDoseAlertSystem, code: level, display: `${dose} dose above its ${level}` }] },
    severity: level === 'limit' ? 'high' : 'moderate',
    implicated: [{ reference: `Practitioner/${practitionerId}` }],
    identifiedDateTime: now.toISOString(),
    detail: `${dose} dose of ${lower} mSv or more, ${level} ${limit} mSv (${window} ${period}; ${source})`,
  };
}

function takenBack(alert: DetectedIssue, now: Date): DetectedIssue {
  const mitigation = { action: { text: 'It is not so any more.' }, date: now.toISOString() };
  return { ...alert, status: 'cancelled', mitigation: [...(alert.mitigation ?? []), mitigation] };
}

/** Open until somebody acknowledges it; resolved where it is so no more. */
export type AlertState = 'open' | 'acknowledged' | 'resolved';

export function alertStateOf({ status, mitigation }: DetectedIssue): AlertState {
  if (status !== 'final') return 'resolved';
  return mitigation?.some(({ author }) => author) ? 'acknowledged' : 'open';
}

/**
 * Somebody looks after it, by their name; who acknowledged it first stays first.
 *
 * @throws Failure state-conflict for one that is resolved
 */
export function acknowledged(alert: DetectedIssue, by: { name: string; note?: string }, now: Date): DetectedIssue {
  const state = alertStateOf(alert);
  if (state === 'resolved') throw fail('state-conflict', 'this alert is resolved: it is not so any more');
  if (alert.mitigation?.some(({ author }) => author?.display === by.name)) return alert;
  const mitigation = {
    action: { text: by.note ?? 'Acknowledged' },
    date: now.toISOString(),
    author: { display: by.name },
  };
  return { ...alert, mitigation: [...(alert.mitigation ?? []), mitigation] };
}
