import { describe, expect, it } from '@jest/globals';
import type { Appointment } from 'fhir/r4.js';
import { extensions, uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, failureOf, site as aSite } from '#testing';
import { bookedAppointment } from './appointment.decider.js';
import { wordOf } from './persons-word.decider.js';
import { requestedSteps } from './requested-steps.decider.js';

const now = new Date('2026-03-02T08:00:00Z');
const station = { name: 'CT', modalities: ['CT'], room: 'R' };
const site = aSite({
  stations: [
    { ...station, aeTitle: 'CT01' },
    { ...station, aeTitle: 'CT02' },
    { ...station, aeTitle: 'DX01', modalities: ['DX'] },
  ],
});
const order = aServiceRequest();
const slot = {
  station: site.stations[0]!,
  start: new Date('2026-03-03T09:00:00Z'),
  end: new Date('2026-03-03T09:15:00Z'),
  reason: 'next free time',
  isOurs: true,
};
const current = bookedAppointment(order, requestedSteps(order, site)[0]!, slot, aPatient());
const device = (aeTitle: string) => ({
  actor: { reference: `Device/${uuidFrom('Device', aeTitle)}` },
  status: 'accepted' as const,
});
const [patient, ct1] = current.participant;
const titled = (aeTitle: string) => [{ url: extensions.stationAeTitle, valueString: aeTitle }];
const word = (change: Partial<Appointment>, of = current) => wordOf({ ...of, ...change }, of, site, now);
const refusal = (change: Partial<Appointment>, of = current) => {
  const { code, field } = failureOf(() => word(change, of));
  return `${code} ${field?.replace('Appointment.', '')}`;
};

describe('An update of an Appointment', () => {
  it('that says nothing new is nothing, whatever it leaves out and in whatever zone it writes', () => {
    expect(word({})).toBeUndefined();
    expect(
      word({ extension: undefined, identifier: undefined, end: undefined, participant: [patient!] }),
    ).toBeUndefined();
    expect(word({ start: '2026-03-03T10:00:00+01:00' })).toBeUndefined();
  });

  it('moves it: a start without an end keeps the length, a station is named by Device or by AE title', () => {
    const start = '2026-03-04T09:00:00Z';
    const at = { station: site.stations[0], start: new Date(start), end: new Date('2026-03-04T09:15:00Z') };
    expect(word({ start, end: undefined })).toEqual({ status: 'booked', at });
    const there = {
      status: 'booked',
      at: { ...slot, station: site.stations[1], reason: undefined, isOurs: undefined },
    };
    expect(word({ participant: [patient!, device('CT02')] })).toEqual(there);
    expect(word({ extension: titled('CT02') })).toEqual(there);
    expect(word({ extension: titled('CT02'), participant: [patient!, device('CT02')] })).toEqual(there);
  });

  it('books again what is off, at its time even, and never in the past', () => {
    const off: Appointment = { ...current, status: 'noshow' };
    expect(word({ status: 'booked' }, off)).toMatchObject({ at: { start: slot.start } });
    expect(refusal({ status: 'booked', start: '2026-03-01T09:00:00Z', end: '2026-03-01T09:15:00Z' }, off)).toBe(
      'field-invalid start',
    );
  });

  it('says that it is cancelled, missed, or that the patient is here; a coded reason has words', () => {
    const cancelationReason = { coding: [{ code: 'pat', display: 'Patient' }] };
    expect(word({ status: 'cancelled', cancelationReason, comment: 'c' })).toEqual({
      status: 'cancelled',
      cancelationReason: { ...cancelationReason, text: 'Patient' },
      comment: 'c',
    });
    expect(word({ status: 'noshow' })).toEqual({ status: 'noshow' });
    expect(word({ status: 'checked-in' })).toEqual({ status: 'checked-in' });
  });

  it.each<[string, Partial<Appointment>]>([
    ['field-invalid status', { status: 'arrived' }],
    ['field-invalid status', { status: 'pending' }],
    ['field-missing cancelationReason', { status: 'cancelled' }],
    ['field-missing cancelationReason', { status: 'cancelled', cancelationReason: { coding: [{}] } }],
    ['field-invalid cancelationReason', { cancelationReason: { text: 'x' } }],
    ['field-invalid start', { status: 'noshow', start: '2026-03-04T09:00:00Z', end: '2026-03-04T09:15:00Z' }],
    ['field-invalid end', { end: '2026-03-03T08:00:00Z' }],
    ['field-invalid end', { end: '2036-03-03T08:00:00Z' }],
    ['field-invalid end', { start: '2026-12-31T23:59:60Z', end: undefined }],
    ['field-invalid basedOn', { basedOn: [{ reference: 'ServiceRequest/other' }] }],
    ['field-invalid identifier', { identifier: [{ value: 'X' }] }],
    ['field-invalid description', { description: 'another' }],
    ['field-invalid extension', { extension: [{ url: extensions.modality, valueCode: 'DX' }] }],
    ['field-invalid participant', { participant: [{ ...patient!, actor: { reference: 'Patient/other' } }, ct1!] }],
    ['field-invalid participant', { participant: [patient!, device('CT01'), device('CT02')] }],
    ['field-invalid participant', { extension: titled('CT02'), participant: [patient!, device('DX01')] }],
    ['value-unknown participant', { participant: [patient!, device('MR09')] }],
    ['value-unknown participant', { extension: titled('MR09') }],
    ['station-unavailable participant', { extension: titled('DX01') }],
  ])('is refused: %s', (said, change) => {
    expect(refusal(change)).toBe(said);
  });

  it('of what is off already does not take it off again', () => {
    const off: Appointment = { ...current, status: 'cancelled', cancelationReason: { text: 'x' } };
    expect(word({}, off)).toBeUndefined();
    expect(refusal({ status: 'noshow' }, off)).toBe('state-conflict status');
    expect(refusal({ comment: 'calls back' }, off)).toBe('state-conflict status');
  });

  it.each(['arrived', 'fulfilled'] as const)(
    'of an exam that is %s is refused, unless it says nothing new',
    (status) => {
      const begun = { ...current, status };
      expect(word({}, begun)).toBeUndefined();
      expect(refusal({ status: 'noshow' }, begun)).toBe('state-conflict status');
      expect(refusal({ start: '2026-03-04T09:00:00Z', end: undefined }, begun)).toBe('state-conflict status');
    },
  );
});
