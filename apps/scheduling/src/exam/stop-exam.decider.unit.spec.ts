import { describe, expect, it } from '@jest/globals';
import type { Appointment, Procedure, ServiceRequest, Task } from 'fhir/r4.js';
import { extensions, uuidFrom } from '#fhir';
import { aServiceRequest, failureOf, site } from '#testing';
import { acknowledged, askToStop, isOpen, settled, withdrawn } from './stop-exam.decider.js';

const [now, later] = [new Date('2026-03-02T09:00:00Z'), new Date('2026-03-02T09:05:00Z')];
const appointment = (status: Appointment['status'] = 'arrived'): Appointment => ({
  resourceType: 'Appointment',
  id: 'step',
  status,
  description: 'CT head',
  extension: [{ url: extensions.stationAeTitle, valueString: 'CT01' }],
  participant: [],
});
const order = (status: ServiceRequest['status'] = 'revoked', reason?: string) =>
  aServiceRequest({
    status,
    ...(reason ? { extension: [{ url: extensions.statusReason, valueCodeableConcept: { text: reason } }] } : {}),
  });
const exam: Procedure = {
  resourceType: 'Procedure',
  id: 'exam',
  status: 'in-progress',
  subject: {},
  performer: [{ actor: { display: 'DX01' } }],
};
const asked = (before?: Task, about: Partial<Parameters<typeof askToStop>[0]> = {}, at = now) =>
  askToStop({ order: order(), appointment: appointment(), ...about }, before, site(), at);
const open = asked()!;

describe('A room is asked to stop an exam', () => {
  it.each<[ServiceRequest['status'], string]>([
    ['revoked', 'the order was cancelled'],
    ['entered-in-error', 'the order was a mistake'],
    ['on-hold', 'the order was put on hold'],
    ['active', 'the order no longer asks for this step'],
  ])('of an order that is %s, saying that %s', (status, why) => {
    expect(asked(undefined, { order: order(status) })?.description).toBe(
      `Stop CT head (accession number TST00000001): ${why}.`,
    );
  });

  it('where it is done, else where it was booked, also at a station the site file does not have', () => {
    expect(open.owner).toEqual({ reference: `Device/${uuidFrom('Device', 'CT01')}`, display: 'CT 1, CT room 1' });
    expect(asked(undefined, { exam })?.owner?.display).toBe('X-ray 1, X-ray room 1');
    const elsewhere = { ...exam, performer: [{ actor: { display: 'LOAN' } }] };
    expect(asked(undefined, { exam: elsewhere })?.owner?.display).toBe('LOAN');
  });

  it('once; again, under its own id, with another reason or after it was settled', () => {
    expect(asked(open, {}, later)).toBeUndefined();
    const accepted = { ...open, status: 'accepted' as const, meta: { versionId: '2' } };
    const more = asked(accepted, { order: order('revoked', 'wrong patient') }, later);
    expect(more).toMatchObject({
      status: 'accepted',
      authoredOn: open.authoredOn,
      reasonCode: { text: 'wrong patient' },
      meta: { versionId: '2' },
    });
    const again = asked(withdrawn(open, now), {}, later);
    expect(again).toMatchObject({ id: open.id, status: 'requested', authoredOn: later.toISOString() });
    expect(again?.statusReason).toBeUndefined();
  });
});

describe('What a room was asked', () => {
  it.each<[Appointment['status'], Task['status'] | undefined]>([
    ['arrived', undefined],
    ['fulfilled', 'failed'],
    ['cancelled', 'completed'],
    ['booked', 'completed'],
  ])('is, with its step %s, %s', (status, then) => {
    expect(settled(open, appointment(status), later)?.status).toBe(then);
  });

  it('is taken back where the order wants the exam again, and stays as it ended', () => {
    expect(withdrawn(open, later)).toMatchObject({ status: 'cancelled', lastModified: later.toISOString() });
    for (const over of ['completed', 'failed', 'cancelled'] as const) {
      const task = { ...open, status: over };
      expect([isOpen(task), withdrawn(task, later), settled(task, appointment('fulfilled'), later)]).toEqual([
        false,
        undefined,
        undefined,
      ]);
    }
    expect([isOpen(undefined), withdrawn(undefined, later)]).toEqual([false, undefined]);
  });

  it('is acknowledged by a person while it is open, and by nothing but that', () => {
    expect(acknowledged(open, 'received', later)).toMatchObject({
      status: 'received',
      lastModified: later.toISOString(),
    });
    const accepted = { ...open, status: 'accepted' as const };
    expect(acknowledged(accepted, 'accepted', later)).toBe(accepted);
    for (const status of ['completed', 'cancelled', 'requested'] as const)
      expect(failureOf(() => acknowledged(open, status, later))).toMatchObject({ code: 'field-invalid' });
    expect(failureOf(() => acknowledged({ ...open, status: 'failed' }, 'received', later))).toMatchObject({
      code: 'state-conflict',
    });
  });
});
