import { describe, expect, it } from '@jest/globals';
import type { Appointment, Procedure } from 'fhir/r4.js';
import { extensions, systems } from '#fhir';
import { aServiceRequest } from '#testing';
import type { EndingRequest } from './ending-request.decider.js';
import { newsOfBooking, newsOfExam, newsOfOrder } from './order-news.decider.js';

const active = aServiceRequest();
const ended = (status: (typeof active)['status']) => aServiceRequest({ status });
const appointment = (status: Appointment['status']): Appointment => ({
  resourceType: 'Appointment',
  status,
  start: '2026-03-02T09:00:00Z',
  participant: [],
});
const exam = (status: Procedure['status'], reason?: string): Procedure => ({
  resourceType: 'Procedure',
  status,
  subject: {},
  ...(reason ? { statusReason: { coding: [{ system: systems.dicomCode, code: reason }] } } : {}),
});

describe('A placer is told', () => {
  it('when the exam is', () => {
    expect(newsOfBooking(active, appointment('booked'))).toEqual({
      control: 'SC',
      status: 'SC',
      start: '2026-03-02T09:00:00Z',
    });
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
      'was done though others cancelled',
      ended('revoked'),
      ended('completed'),
      exam('completed'),
      { control: 'SC', status: 'CM' },
    ],
    [
      'was done, its last step given up',
      active,
      ended('completed'),
      exam('stopped', '110513'),
      { control: 'SC', status: 'CM' },
    ],
    ['was given up', active, active, exam('stopped', '110513'), { control: 'OD', status: 'DC' }],
    ['began by mistake', active, active, exam('stopped', '110514'), { control: 'SC', status: 'SC' }],
    ['was done in part', active, active, exam('completed'), undefined],
    ['was done, as is known', ended('completed'), ended('completed'), exam('completed'), undefined],
  ])('that the exam %s', (_what, before, told, procedure, news) => {
    expect(newsOfExam(before, told, procedure)).toEqual(news);
  });
  it('nothing of one step given up while another goes on', () => {
    expect(newsOfExam(ended('revoked'), ended('revoked'), exam('stopped', '110500'), true)).toBeUndefined();
  });
  it('that the exam is under way where the end of its order is asked, by whomever, and that others ended it before', () => {
    const about = { event: 'imaging.order.cancelled.v1' as const, asked: [], isConfirmed: false };
    const news = (isOthers: boolean, isUnderWay: boolean) =>
      newsOfOrder(ended('revoked'), { ...about, isOthers, isUnderWay });
    for (const isOthers of [true, false]) expect(news(isOthers, true)).toMatchObject({ control: 'SC', status: 'IP' });
    expect(news(true, false)).toEqual({ control: 'OC', status: 'CA' });
    expect(news(false, false)).toBeUndefined();
  });
});

/** Who asked for the end of an order, or whether others did; then what they are told when its exam is over. */
describe.each<[EndingRequest | 'others', (typeof active)['status'], string, string, string]>([
  ['CA', 'revoked', 'DR/DC', 'UC/CM', 'CR/CA'],
  ['DC', 'revoked', 'DR/DC', 'UD/CM', 'DR/CA'],
  ['RP', 'revoked', 'RQ/DC', 'UM/CM', 'RQ/CA'],
  ['HD', 'on-hold', 'HR/HD', 'UH/CM', 'HR/HD'],
  ['others', 'revoked', 'OD/DC', 'SC/CM', 'OC/CA'],
  ['others', 'on-hold', 'OH/HD', 'SC/CM', 'OH/HD'],
])('The placer of an order that %s had %s while its exam was under way', (who, status, stopped, done, never) => {
  const before = aServiceRequest({
    status,
    ...(who === 'others' ? {} : { extension: [{ url: extensions.orderControl, valueCode: who }] }),
  });
  const toldOf = (status: (typeof active)['status'], of: Procedure) => {
    const news = newsOfExam(before, { ...before, status }, of);
    return `${news?.control}/${news?.status}`;
  };
  it(`is told ${stopped} when it is stopped, ${done} when it is done, ${never} when it was a mistake`, () => {
    expect(toldOf(status, exam('stopped', '110500'))).toBe(stopped);
    expect(toldOf('completed', exam('completed'))).toBe(done);
    expect(toldOf(status, exam('stopped', '110514'))).toBe(never);
  });
});
