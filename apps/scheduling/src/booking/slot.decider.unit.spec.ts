import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aServiceRequest, site as aSite } from '#testing';
import type { UpcomingBooking } from './calendar.js';
import { lanes, mayMove } from './lane.decider.js';
import { openingOn } from './opening-hours.js';
import { requestedSteps } from './requested-steps.decider.js';
import { chooseSlot } from './slot.decider.js';

const now = new Date('2026-03-02T08:02:00Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);
const station = { room: 'Room', modalities: ['CT'], opens: '07:00', closes: '19:00' };
const site = aSite({
  stations: [
    { ...station, aeTitle: 'CT01', name: 'CT 1' },
    { ...station, aeTitle: 'CT02', name: 'CT 2' },
    { ...station, aeTitle: 'DX01', name: 'DX', modalities: ['DX'] },
  ],
});

/** Bookings behind each other at both stations: gaps, lengths, lanes and whose times they are by chance. */
const calendar = fc
  .array(
    fc.record({
      aeTitle: fc.constantFrom('CT01', 'CT02'),
      gap: fc.integer({ min: 0, max: 40 }),
      lasting: fc.integer({ min: 5, max: 45 }),
      lane: fc.constantFrom(...lanes),
      isOurs: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map((parts) => {
    const ends: Record<string, number> = { CT01: -20, CT02: -20 };
    return parts.map(({ aeTitle, gap, lasting, lane, isOurs }, index): UpcomingBooking => {
      const from = ends[aeTitle]! + gap;
      ends[aeTitle] = from + lasting;
      const times = { start: minutes(from), end: minutes(from + lasting) };
      return { aeTitle, ...times, appointmentId: `A${index}`, lane, isOurs, hasBegun: from < 0 };
    });
  });
const closure = fc
  .option(
    fc.tuple(fc.constantFrom('CT01', 'CT02'), fc.integer({ min: -60, max: 300 }), fc.integer({ min: 1, max: 300 })),
  )
  .map((one) =>
    one ? [{ aeTitle: one[0], start: minutes(one[1]), end: minutes(one[1] + one[2]), reason: 'down' }] : [],
  );
const priority = fc.constantFrom('stat', 'urgent', 'routine' as const);

describe('A time we find, whatever is booked,', () => {
  it('touches no other time but those it displaces, which it may; never one that has begun or a closed station', () => {
    fc.assert(
      fc.property(calendar, closure, priority, (upcoming, closures, order) => {
        const [step] = requestedSteps(aServiceRequest({ priority: order as 'stat' }), site);
        const slot = chooseSlot(step!, { taken: upcoming, upcoming, closures }, site, now);
        const touching = upcoming.filter(
          (one) => one.aeTitle === slot.station.aeTitle && one.start < slot.end && one.end > slot.start,
        );
        const displaced = upcoming.filter(({ appointmentId }) => slot.displaces?.includes(appointmentId));
        expect(slot.start >= now).toBe(true);
        expect(touching.filter(({ hasBegun }) => hasBegun)).toEqual([]);
        expect(
          closures.filter(
            (one) => one.aeTitle === slot.station.aeTitle && one.start < slot.end && one.end > slot.start,
          ),
        ).toEqual([]);
        for (const one of displaced) expect(one.isOurs && mayMove(step!.lane, one.lane)).toBe(true);
        const others = touching.filter((one) => !displaced.includes(one));
        // Only STAT is put where a time was ordered, and says that the station is taken twice.
        expect(others.filter(({ isOurs }) => isOurs || step!.lane !== 'stat')).toEqual([]);
        expect(slot.isOurs).toBe(others.length === 0);
        expect(slot.reason).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });

  it('is within opening hours, unless it is STAT', () => {
    fc.assert(
      fc.property(
        calendar,
        fc.constantFrom('urgent', 'routine'),
        fc.integer({ min: 0, max: 1440 }),
        (upcoming, order, later) => {
          const [step] = requestedSteps(aServiceRequest({ priority: order as 'urgent' }), site);
          const slot = chooseSlot(step!, { taken: upcoming, upcoming }, site, minutes(later));
          const opening = openingOn(slot.station, slot.start.getTime(), site)!;
          expect(slot.start.getTime()).toBeGreaterThanOrEqual(opening.opens);
          expect(slot.end.getTime()).toBeLessThanOrEqual(opening.closes);
        },
      ),
    );
  });
});
