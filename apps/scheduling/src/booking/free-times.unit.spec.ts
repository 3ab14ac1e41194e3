import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aServiceRequest, site as aSite } from '#testing';
import { isOpen, overlaps, type Booking, type Calendar } from './calendar.js';
import { freeTimes } from './free-times.js';
import { objectionTo } from './objection.decider.js';
import { requestedSteps } from './requested-steps.decider.js';

/** A Monday, 09:00 in Berlin. */
const now = new Date('2026-03-02T08:00:00Z');
const at = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
const station = { modalities: ['CT'], room: 'R', opens: '07:00', closes: '19:00' };
const site = aSite({
  procedures: [
    {
      code: 'CTHEAD',
      display: 'CT head',
      modality: 'CT',
      durationMinutes: 15,
      turnoverMinutes: 5,
      needs: ['injector'],
    },
    { code: 'XRCHEST2', display: 'X-ray', modality: 'DX', durationMinutes: 10 },
  ],
  stations: [
    { ...station, aeTitle: 'CT01', name: 'CT 1', capabilities: ['injector'] },
    { ...station, aeTitle: 'CT02', name: 'CT 2', capabilities: ['injector'], alwaysOpenForStat: false },
    { ...station, aeTitle: 'CT03', name: 'CT 3' },
    { ...station, aeTitle: 'DX01', name: 'X-ray', modalities: ['DX'] },
  ],
});
const [ct1, ct2, ct3] = site.stations;
const [step] = requestedSteps(aServiceRequest(), site);
const booking = (aeTitle: string | undefined, from: number, to: number): Booking => ({
  aeTitle,
  start: at(from),
  end: at(to),
});

describe('Free times', () => {
  const find = (taken: Booking[], limit = 4) =>
    freeTimes(step!, [ct1!, ct2!], { taken }, site, { from: now, until: at(24 * 60), limit }).map(
      (one) => `${(one.start.getTime() - now.getTime()) / 60_000} ${one.station.aeTitle}`,
    );

  it('are the first at each station, one behind the other with its turnover', () => {
    expect(find([booking('CT01', 0, 30), booking('CT02', 0, 60)])).toEqual([
      '30 CT01',
      '50 CT01',
      '60 CT02',
      '70 CT01',
    ]);
  });

  it('are none where the patient is elsewhere, and end with the window', () => {
    expect(find([booking(undefined, 0, 60)], 1)).toEqual(['60 CT01']);
    expect(
      freeTimes(step!, [ct1!], { taken: [booking('CT01', 0, 60)] }, site, { from: now, until: at(60), limit: 9 }),
    ).toEqual([]);
  });

  it('take nothing that is taken, are within opening hours and do not overlap', () => {
    const minute = fc.integer({ min: -60, max: 3 * 24 * 60 });
    const taken = fc.array(
      fc.tuple(fc.constantFrom('CT01', 'CT02', undefined), minute, fc.integer({ min: 1, max: 600 })),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(taken, (all) => {
        const calendar = { taken: all.map(([aeTitle, from, length]) => booking(aeTitle, from, from + length)) };
        const found = freeTimes(step!, [ct1!, ct2!], calendar, site, { from: now, until: at(3 * 24 * 60), limit: 30 });
        for (const [index, one] of found.entries()) {
          const until = new Date(one.end.getTime() + 5 * 60_000);
          expect(calendar.taken.some(overlaps(one.station, one.start, until))).toBe(false);
          expect(isOpen(one.station, one.start.getTime(), one.end.getTime(), site)).toBe(true);
          expect(objectionTo(step!, one, calendar, site, { now, insists: false })).toBeUndefined();
          for (const other of found.slice(0, index))
            expect(other.station === one.station && one.start < other.end).toBe(false);
        }
      }),
    );
  });
});

describe('A time that a person chose', () => {
  const object = (calendar: Calendar, { there = ct1!, from = 60, of = step!, insists = false } = {}) => {
    const failure = objectionTo(of, { station: there, start: at(from), end: at(from + 15) }, calendar, site, {
      now,
      insists,
    });
    return failure && `${failure.code}: ${failure.message}`;
  };

  it('has nothing against it where all is free', () => {
    expect(
      object({ taken: [booking('CT01', 0, 60), booking('CT01', 80, 90), booking('CT02', 60, 90)] }),
    ).toBeUndefined();
  });

  it('is objected to where the station is taken, its turnover included, with the next there and a sooner one elsewhere', () => {
    expect(object({ taken: [booking('CT01', 79, 120)] })).toBe(
      'state-conflict: the station is taken then; the next free time is 2026-03-02T11:00+01:00 there, 2026-03-02T10:00+01:00 at CT02, or insist by ?force=true',
    );
    expect(object({ taken: [booking('CT01', 79, 120)] }, { insists: true })).toBeUndefined();
  });

  it('is objected to where the patient is elsewhere, the station not open or not equipped; who insists gets it', () => {
    expect(object({ taken: [booking(undefined, 70, 80)] })).toContain('the patient has another exam then');
    expect(object({ taken: [] }, { from: 12 * 60 })).toContain('not open then; the next free time is 2026-03-03T07:00');
    expect(object({ taken: [] }, { there: ct3! })).toBe(
      'station-unavailable: the station does not have what the procedure needs: injector; choose another, or insist by ?force=true',
    );
    for (const one of [{ from: 12 * 60 }, { there: ct3! }])
      expect(object({ taken: [] }, { ...one, insists: true })).toBeUndefined();
  });

  it('of a STAT exam is not bound to opening hours where the station serves it', () => {
    const of = { ...step!, isStat: true };
    expect(object({ taken: [] }, { of, from: 12 * 60 })).toBeUndefined();
    expect(object({ taken: [] }, { of, from: 12 * 60, there: ct2! })).toContain('not open then');
  });

  it('is refused to everybody where the station is closed for a reason', () => {
    const closures = [{ aeTitle: 'CT01', start: at(0), end: at(90), reason: 'tube change' }];
    for (const insists of [false, true])
      expect(object({ taken: [], closures }, { insists })).toContain(
        'the station is closed then: tube change; the next free time is 2026-03-02T10:30',
      );
  });

  it('has no other where none is free', () => {
    const closures = ['CT01', 'CT02'].map((aeTitle) => ({ aeTitle, start: at(0), reason: 'flood' }));
    expect(object({ taken: [], closures })).toContain('none is free within 60 days');
  });
});
