import { describe, expect, it } from '@jest/globals';
import type { Appointment, Procedure } from 'fhir/r4.js';
import { systems } from '#fhir';
import { aServiceRequest } from '#testing';
import { newsOfBooking, newsOfExam } from './order-news.decider.js';

const active = aServiceRequest();
const ended = (status: (typeof active)['status']) => aServiceRequest({ status });
const appointment = (status: Appointment['status']): Appointment => ({ resourceType: 'Appointment', status, start: '2026-03-02T09:00:00Z', participant: [] }); // prettier-ignore
const exam = (status: Procedure['status'], reason?: string): Procedure => ({
  resourceType: 'Procedure',
  status,
  subject: {},
  ...(reason ? { statusReason: { coding: [{ system: systems.dicomCode, code: reason }] } } : {}),
});

describe('A placer is told', () => {
  it('when the exam is', () => {
    expect(newsOfBooking(active, appointment('booked'))).toEqual({ control: 'SC', status: 'SC', start: '2026-03-02T09:00:00Z' }); // prettier-ignore
  });
  it('nothing of a time for an order that is over or on hold, or of a time given back', () => {
    for (const status of ['revoked', 'completed', 'on-hold'] as const)
      expect(newsOfBooking(ended(status), appointment('booked'))).toBeUndefined();
    expect(newsOfBooking(active, appointment('cancelled'))).toBeUndefined();
  });
  it.each([
    ['began', active, active, exam('in-progress'), { control: 'SC', status: 'IP' }],
    ['was done', active, ended('completed'), exam('completed'), { control: 'SC', status: 'CM' }],
    [
      'was done though cancelled',
      ended('revoked'),
      ended('completed'),
      exam('completed'),
      { control: 'UC', status: 'CM' },
    ],
    ['was given up', active, active, exam('stopped', '110513'), { control: 'OD', status: 'DC' }],
    ['began by mistake', active, active, exam('stopped', '110514'), { control: 'SC', status: 'SC' }],
    ['was done in part', active, active, exam('completed'), undefined],
    ['was done, as is known', ended('completed'), ended('completed'), exam('completed'), undefined],
  ])('that the exam %s', (_what, before, told, procedure, news) => {
    expect(newsOfExam(before, told, procedure)).toEqual(news);
  });
});
