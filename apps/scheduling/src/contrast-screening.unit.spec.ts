import { describe, expect, it } from '@jest/globals';
import type { DetectedIssue } from 'fhir/r4.js';
import { extensions, systems } from '#fhir';
import { screeningAttributes } from './contrast-screening.js';

const site = { timeZone: 'Europe/Berlin' };
const screening = (outcome: string, overrides: Partial<DetectedIssue> = {}): DetectedIssue => ({
  resourceType: 'DetectedIssue',
  status: 'final',
  code: { coding: [{ system: systems.contrastOutcome, code: outcome }] },
  ...overrides,
});
const note = { note: [{ text: 'Needs an interpreter' }] };

describe('the alerts of a worklist item', () => {
  it.each([
    ['proceed', 'CONTRAST: screened, proceed'],
    ['needs-decision', 'CONTRAST: NEEDS PHYSICIAN DECISION'],
    ['stop', 'CONTRAST: STOP'],
  ])('begin with what screening says: %s', (outcome, text) => {
    expect(screeningAttributes(screening(outcome), note, site)).toEqual({
      MedicalAlerts: [text, 'Needs an interpreter'],
    });
  });
  it('say from when on a patient who must be prepared can be examined, in the time of the site', () => {
    const extension = [{ url: extensions.readyFrom, valueDateTime: '2026-03-02T23:00:00.000Z' }];
    const { MedicalAlerts } = screeningAttributes(screening('proceed-with-preparation', { extension }), {}, site);
    expect(MedicalAlerts).toEqual(['CONTRAST: ONLY AFTER PREPARATION, not before 2026-03-03 00:00']);
    expect((MedicalAlerts as string[])[0]!.length).toBeLessThanOrEqual(64);
  });
  it.each([
    ['was never screened', undefined],
    ['uses no contrast any more', screening('stop', { status: 'cancelled' })],
    ['was screened by a newer service with an outcome nobody here knows', screening('toString')],
  ])('are the note of the order where the exam %s', (_, issue) => {
    expect(screeningAttributes(issue, note, site)).toEqual({ MedicalAlerts: 'Needs an interpreter' });
    expect(screeningAttributes(issue, {}, site)).toEqual({ MedicalAlerts: '' });
  });
});
