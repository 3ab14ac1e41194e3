import { describe, expect, it } from '@jest/globals';
import { failureOf, site as aSite } from '#testing';
import { readReject, rejectReasons } from './read-reject.js';

const site = aSite();
const stated = (changes: object = {}) => ({
  identifier: { system: 'urn:oid:2.25.77', value: 'R1' },
  kind: 'reject',
  reason: '111209',
  at: '2026-03-02T09:00:00+01:00',
  ...changes,
});

describe('An entry of a console', () => {
  it('has the room of its station, the deviation of its exposure index, and the operator apart', () => {
    const { statement, operator } = readReject(
      stated({ station: 'DX01', operator: 'Tina Tech', exposureIndex: 800, targetExposureIndex: 400 }),
      site,
    );
    expect(statement).toMatchObject({ room: 'X-ray room 1', deviationIndex: 3, source: 'console' });
    expect(operator).toBe('Tina Tech');
    expect(JSON.stringify(statement)).not.toContain('Tina');
  });

  it('has one of the sixteen reasons of CID 7011', () => {
    expect(Object.keys(rejectReasons)).toHaveLength(16);
    for (const reason of Object.keys(rejectReasons))
      expect(readReject(stated({ reason }), site).statement.reason).toBe(reason);
  });

  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'field-missing', 'identifier'],
    ['a list', [], 'field-invalid', 'body'],
    ['no reason', stated({ reason: undefined }), 'field-missing', 'reason'],
    ['a name of Object.prototype for a reason', stated({ reason: 'constructor' }), 'field-invalid', 'reason'],
    ['a reject that repeats', stated({ repeats: '1.2.3' }), 'field-invalid', 'repeats'],
    [
      'a repeat of itself',
      stated({ kind: 'repeat', sopInstanceUid: '1.2', repeats: '1.2' }),
      'field-invalid',
      'repeats',
    ],
    ['a time without zone', stated({ at: '2026-03-02T09:00:00' }), 'field-invalid', 'at'],
    ['a UID that is none', stated({ sopInstanceUid: '1.02' }), 'field-invalid', 'sopInstanceUid'],
    ['a station there is not', stated({ station: 'X' }), 'value-unknown', 'station'],
    ['a room there is not', stated({ room: 'X' }), 'value-unknown', 'room'],
    ['a negative index', stated({ exposureIndex: -1 }), 'field-invalid', 'exposureIndex'],
    ['a NUL', stated({ view: 'P\0A' }), 'field-invalid', 'view'],
    ['a field there is not', stated({ patient: 'x' }), 'field-invalid', 'patient'],
  ])('is refused for %s', (_what, body, code, field) => {
    expect(failureOf(() => readReject(body, site))).toMatchObject({ code, field });
  });
});
