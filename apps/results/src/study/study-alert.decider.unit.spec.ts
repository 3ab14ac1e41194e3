import { describe, expect, it } from '@jest/globals';
import { alertKinds, raised, resolved, type AlertKind } from './study-alert.decider.js';

const now = new Date('2026-03-02T10:00:00Z');
const subject = { studyInstanceUid: '1.2', patientId: 'p', orderIds: ['o'] };

describe('an alert', () => {
  it.each(Object.keys(alertKinds) as AlertKind[])('%s is raised once, taken back once, and can come again', (kind) => {
    const first = raised(undefined, kind, subject, now)!;
    expect(first).toMatchObject({
      status: 'final',
      code: { coding: [{ code: kind }] },
      patient: { reference: 'Patient/p' },
    });
    expect(raised(first, kind, subject, now)).toBeUndefined();
    const over = resolved({ ...first, meta: { versionId: '1' } }, now)!;
    expect(over).toMatchObject({ id: first.id, status: 'cancelled', meta: { versionId: '1' } });
    expect(resolved(over, now)).toBeUndefined();
    const again = raised(over, kind, subject, now)!;
    expect(again).toMatchObject({ id: first.id, status: 'final', meta: { versionId: '1' } });
    expect(again.mitigation).toBeUndefined();
  });

  it('that never was is not taken back', () => expect(resolved(undefined, now)).toBeUndefined());
});
