import { describe, expect, it } from '@jest/globals';
import type { Appointment } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { senderSystem } from '#mapping';
import { site as aSite } from '#testing';
import { appointmentListeners, isItsOwnWord, newsOf, newsOfExam } from './appointment-news.decider.js';

const mllp = { kind: 'mllp' as const, host: '127.0.0.1', port: 9, facility: 'SGH' };
const [emr, reports, ris] = aSite().senders;
const site = aSite({
  senders: [emr!, reports!, ris!, { ...ris!, application: 'RIS2', repliesTo: 'two' }],
  destinations: [
    { ...mllp, name: 'one', application: 'RIS', gets: ['appointments'] },
    { ...mllp, name: 'two', application: 'OTHER', gets: ['results', 'appointments'] },
    { ...mllp, name: 'pacs', application: 'PACS', gets: ['merges'] },
    { name: 'fhir', kind: 'fhir', url: 'http://127.0.0.1:9' },
  ],
});
const appointment = (overrides: Partial<Appointment> = {}, aeTitle = 'CT01'): Appointment => ({
  resourceType: 'Appointment',
  status: 'booked',
  start: '2026-03-02T09:00:00.000Z',
  end: '2026-03-02T09:20:00.000Z',
  extension: [{ url: extensions.stationAeTitle, valueString: aeTitle }],
  participant: [],
  ...overrides,
});

describe('What becomes of an appointment', () => {
  const before = appointment();
  it.each([
    ['booked', appointment(), 'S12'],
    ['moved', appointment({ start: '2026-03-02T09:05:00.000Z' }), 'S13'],
    ['moved', appointment({ end: '2026-03-02T09:30:00.000Z' }), 'S13'],
    ['moved', appointment({}, 'CT02'), 'S13'],
    ['moved', appointment({ status: 'checked-in', start: '2026-03-02T10:00:00+01:00' }), 'S14'],
    ['cancelled', appointment({ status: 'cancelled' }), 'S15'],
    ['cancelled', appointment({ status: 'entered-in-error' }), 'S15'],
    ['cancelled', appointment({ status: 'noshow' }), 'S26'],
  ] as const)('%s is told by the trigger event of it', (event, now, news) => {
    expect(newsOf(`imaging.schedule.${event}.v1`, now, before)).toBe(news);
  });
});

describe('What an exam makes of an appointment', () => {
  it.each<[Appointment['status'], Appointment['status'], string | undefined]>([
    ['booked', 'arrived', 'S14'],
    ['checked-in', 'arrived', 'S14'],
    ['arrived', 'fulfilled', 'S14'],
    ['arrived', 'booked', 'S14'],
    ['arrived', 'cancelled', 'S16'],
    ['arrived', 'arrived', undefined],
    ['fulfilled', 'fulfilled', undefined],
  ])('from %s to %s is told as %s', (before, after, news) => {
    expect(newsOfExam(appointment({ status: after }), appointment({ status: before }))).toBe(news);
  });
});

describe('A system that gets appointments', () => {
  it('is one that takes HL7 v2 and asks for them', () => {
    expect(appointmentListeners(site).map(({ name }) => name)).toEqual(['one', 'two']);
  });

  it('is not told its own word: by the name its sender answers to, or as the application that it is', () => {
    const [one, two] = appointmentListeners(site);
    const said = (application: string) => ({
      id: 'x',
      appointment: appointment(),
      places: [],
      saidAt: new Date(0),
      sender: senderSystem({ ...ris!, application }),
    });
    const own = (application: string) => [one!, two!].map((to) => isItsOwnWord(to, said(application), site));
    expect([own('RIS'), own('RIS2')]).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(isItsOwnWord(one!, undefined, site)).toBe(false);
    expect(isItsOwnWord(one!, { ...said('RIS'), sender: undefined }, site)).toBe(false);
  });
});
