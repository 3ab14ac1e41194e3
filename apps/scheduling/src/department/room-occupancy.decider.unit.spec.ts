import { describe, expect, it } from '@jest/globals';
import type { Location, Procedure } from 'fhir/r4.js';
import { systems } from '#fhir';
import { site as aSite } from '#testing';
import { roomNow } from './room-occupancy.decider.js';
import { deviceIdOf, locationIdOf, operationalStatus } from './site-resources.decider.js';

const site = aSite({
  procedures: [{ code: 'CTHEAD', display: 'CT head', modality: 'CT', durationMinutes: 15, turnoverMinutes: 10 }],
  stations: [
    { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room' },
    { aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'CT room' },
    { aeTitle: 'CT09', name: 'CT trailer', modalities: ['CT'], room: 'CT room', portable: true },
  ],
});
const now = new Date('2026-03-02T09:00:00Z');
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
const room = (code: Parameters<typeof operationalStatus>[0] = 'U'): Location => ({
  resourceType: 'Location',
  id: locationIdOf('CT room'),
  name: 'CT room',
  status: 'active',
  operationalStatus: operationalStatus(code),
});
const exam = (
  status: Procedure['status'],
  heard: number,
  aeTitle = 'CT01',
  overrides: Partial<Procedure> = {},
): Procedure => ({
  resourceType: 'Procedure',
  status,
  subject: {},
  code: { coding: [{ system: systems.procedure, code: 'CTHEAD' }] },
  performedPeriod: { start: ago(30) },
  performer: [{ actor: { reference: `Device/${deviceIdOf(aeTitle)}` } }],
  meta: { lastUpdated: ago(heard) },
  ...overrides,
});
const wrong = { statusReason: { coding: [{ system: systems.dicomCode, code: '110514' }] } };

describe('a room', () => {
  it.each<[string, Procedure[], string]>([
    ['nothing goes on', [], 'U'],
    ['an exam goes on', [exam('in-progress', 20)], 'O'],
    ['an exam goes on at its other station', [exam('completed', 60), exam('in-progress', 5, 'CT02')], 'O'],
    ['an exam goes on elsewhere', [exam('in-progress', 5, 'MR01')], 'U'],
    ['a unit kept there is at a bedside', [exam('in-progress', 5, 'CT09')], 'U'],
    ['it is made ready after an exam', [exam('completed', 9)], 'O'],
    ['it was made ready', [exam('completed', 10)], 'U'],
    ['its exam was stopped just now', [exam('stopped', 1)], 'O'],
    ['the exam was the wrong worklist entry', [exam('stopped', 1, 'CT01', wrong)], 'U'],
    ['the exam was forgotten', [exam('in-progress', 24 * 60)], 'U'],
  ])('where %s', (_case, exams, expected) => {
    expect(roomNow(room(), exams, site, now).operationalStatus).toBe(expected);
  });

  it('says since when, and stays closed where it was closed meanwhile', () => {
    const exams = [exam('in-progress', 1, 'CT02', { performedPeriod: { start: ago(10) } }), exam('in-progress', 5)];
    expect(roomNow(room('K'), exams, site, now)).toEqual({
      locationId: locationIdOf('CT room'),
      name: 'CT room',
      status: 'active',
      operationalStatus: 'K',
      occupiedSince: new Date(ago(30)),
    });
  });
});
