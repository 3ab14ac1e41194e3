import { describe, expect, it } from '@jest/globals';
import type { Appointment, Encounter, ServiceRequest } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { aPatient, aServiceRequest, given, site as aSite } from '#testing';
import { bookedAppointment, withdrawnAppointment } from './appointment.decider.js';
import { requestedSteps } from './requested-steps.decider.js';
import { decideSchedule, type ScheduleState } from './schedule.decider.js';
import type { Booking, UpcomingBooking } from './calendar.js';

/** A Monday, 09:02 in Berlin. */
const now = new Date('2026-03-02T08:02:00Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);
const room = { room: 'Room', portable: false, opens: '07:00', closes: '19:00', alwaysOpenForStat: true };
const site = aSite({
  stations: [
    { ...room, aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'] },
    { ...room, aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'] },
    { ...room, aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], alwaysOpenForStat: false },
    { ...room, aeTitle: 'DXMOBILE', name: 'Mobile', modalities: ['DX'], portable: true },
  ],
});
const bedside = [{ coding: [{ code: 'PORT' }] }];
const xray = { code: 'XRCHEST2', display: 'X-ray chest two views' };
const ipc = (parts: { stepId: string; stationAeTitle?: string; modality?: string }) => ({
  url: extensions.scheduledProcedureStep,
  extension: Object.entries(parts).map(([url, value]) => ({
    url,
    ...(url === 'modality' ? { valueCode: value } : { valueString: value }),
  })),
});

const state = (order: ServiceRequest, rest: Partial<ScheduleState> = {}): ScheduleState => ({
  order,
  appointments: [],
  taken: [],
  ...rest,
});
const decide =
  (at = now) =>
  (known: ScheduleState) =>
    decideSchedule(known, site, at);
const chosen = (known: ScheduleState, at = now) =>
  decide(at)(known).booked.map(({ slot }) => [slot.station.aeTitle, slot.start.toISOString(), slot.reason]);
const taken = (aeTitle: string | undefined, from: number, to: number): Booking => ({
  ...(aeTitle ? { aeTitle } : {}),
  start: minutes(from),
  end: minutes(to),
});

const upcomingAt = (
  aeTitle: string,
  from: number,
  to: number,
  rest: Partial<UpcomingBooking> = {},
): UpcomingBooking => ({
  aeTitle,
  start: minutes(from),
  end: minutes(to),
  appointmentId: `${aeTitle}@${from}`,
  lane: 'outpatient',
  hasBegun: false,
  isOurs: true,
  ...rest,
});

/** The first step of an order as it was booked some time ago, beginning `inMinutes` from now. */
function bookedBefore(order: ServiceRequest, inMinutes = 58, aeTitle = 'CT01'): Appointment {
  const [step] = requestedSteps({ ...order, status: 'active' }, site);
  const station = site.stations.find((one) => one.aeTitle === aeTitle)!;
  const end = minutes(inMinutes + step!.durationMinutes);
  const slot = { station, start: minutes(inMinutes), end, reason: 'next free time', isOurs: true };
  return { ...bookedAppointment(order, step!, slot, aPatient()), meta: { versionId: '1' } };
}

describe('A new order', () => {
  it('gets the next free time on the five minutes', () => {
    expect(chosen(state(aServiceRequest()))).toEqual([['CT01', '2026-03-02T08:05:00.000Z', 'next free time']]);
  });

  it('gets it at the station that is free first', () => {
    expect(chosen(state(aServiceRequest(), { taken: [taken('CT01', 0, 60)] }))).toEqual([
      ['CT02', '2026-03-02T08:05:00.000Z', 'next free time'],
    ]);
  });

  it('gets a gap only if it is long enough', () => {
    const full = [taken('CT02', 0, 600), taken('CT01', 0, 18), taken('CT01', 28, 58)];
    expect(chosen(state(aServiceRequest(), { taken: full }))[0]![1]).toBe('2026-03-02T09:00:00.000Z');
  });

  it('waits for the next opening, on the day the clocks change too', () => {
    const evening = new Date('2026-03-28T17:50:00Z');
    expect(chosen(state(aServiceRequest()), evening)[0]![1]).toBe('2026-03-29T05:00:00.000Z');
  });

  it('is kept at the time ordered, and says so where the station is taken then', () => {
    const order = aServiceRequest({ occurrenceDateTime: '2026-03-02T11:00:00+01:00' });
    expect(chosen(state(order))).toEqual([['CT01', '2026-03-02T10:00:00.000Z', 'at the time ordered']]);
    const both = [taken('CT01', 100, 130), taken('CT02', 100, 130)];
    expect(chosen(state(order, { taken: both }))).toEqual([
      ['CT01', '2026-03-02T10:00:00.000Z', 'at the time ordered, although the station is taken then'],
    ]);
    expect(decide()(state(order)).booked[0]!.slot.isOurs).toBe(false);
  });

  it('reads a time without zone as the site does, wherever the process runs', () => {
    expect(chosen(state(aServiceRequest({ occurrenceDateTime: '2026-07-02T11:00:00' })))[0]![1]).toBe(
      '2026-07-02T09:00:00.000Z',
    );
  });

  it('with a date alone gets a time on that day, not today', () => {
    expect(chosen(state(aServiceRequest({ occurrenceDateTime: '2026-03-10' })))).toEqual([
      ['CT01', '2026-03-10T06:00:00.000Z', 'next free time from the day ordered'],
    ]);
  });

  it('is at once where it is STAT: at a free station, in the middle of the five minutes', () => {
    const stat = aServiceRequest({ priority: 'stat' });
    const upcoming = [upcomingAt('CT01', -5, 10, { hasBegun: true })];
    expect(chosen(state(stat, { upcoming }))).toEqual([['CT02', now.toISOString(), 'STAT: at once']]);
  });

  it('is at once at night only at stations that open for STAT', () => {
    const night = new Date('2026-03-02T23:00:00Z');
    expect(chosen(state(aServiceRequest({ priority: 'stat' })), night)[0]![1]).toBe(night.toISOString());
    given(state(aServiceRequest({ priority: 'stat', procedure: xray })))
      .when(decide(night))
      .thenFails('station-unavailable');
  });

  it('goes to a portable unit for the bedside, and to none otherwise', () => {
    expect(chosen(state(aServiceRequest({ procedure: xray, locationCode: bedside })))).toEqual([
      ['DXMOBILE', expect.any(String), 'next free time; portable unit for the bedside'],
    ]);
    expect(chosen(state(aServiceRequest({ procedure: xray })))[0]![0]).toBe('DX01');
    given(state(aServiceRequest({ locationCode: bedside })))
      .when(decide())
      .thenFails('station-unavailable');
  });

  it('goes to the station its placer chose, or says why not', () => {
    const at = (stationAeTitle: string) => aServiceRequest({ extension: [ipc({ stepId: 'S1', stationAeTitle })] });
    expect(chosen(state(at('CT02')))).toEqual([['CT02', expect.any(String), 'next free time; at the station ordered']]);
    expect(chosen(state(at('DX01')))[0]![2]).toContain('not at the station ordered');
  });

  it('has each of its steps booked, one after the other', () => {
    const order = aServiceRequest({ extension: [ipc({ stepId: 'S1' }), ipc({ stepId: 'S2', modality: 'DX' })] });
    expect(chosen(state(order)).map(([aeTitle, start]) => [aeTitle, start])).toEqual([
      ['CT01', '2026-03-02T08:05:00.000Z'],
      ['DX01', '2026-03-02T08:20:00.000Z'],
    ]);
    const timed = { ...order, occurrenceDateTime: '2026-03-02T11:00:00+01:00' };
    expect(chosen(state(timed)).map(([, start]) => start)).toEqual([
      '2026-03-02T10:00:00.000Z',
      '2026-03-02T10:15:00.000Z',
    ]);
  });

  it('does not put a patient at two stations at a time', () => {
    expect(chosen(state(aServiceRequest(), { taken: [taken(undefined, 0, 58)] }))[0]![1]).toBe(
      '2026-03-02T09:00:00.000Z',
    );
  });

  it('on hold is on no worklist', () => {
    given(state(aServiceRequest({ status: 'on-hold' })))
      .when(decide())
      .then({ booked: [], withdrawn: [] });
  });

  it('is parked with its reason where the site cannot do it', () => {
    given(state(aServiceRequest({ procedure: { code: 'NOPE', display: 'Nope' } })))
      .when(decide())
      .thenFails('procedure-unknown');
    given(state(aServiceRequest({ extension: [ipc({ stepId: 'S1', modality: 'MG' })] })))
      .when(decide())
      .thenFails('station-unavailable');
    given(state(aServiceRequest({ extension: [ipc({ stepId: 'S1' }), ipc({ stepId: 'S1' })] })))
      .when(decide())
      .thenFails('field-invalid');
  });
});

describe('STAT', () => {
  const stat = aServiceRequest({ priority: 'stat' });
  const slotIn = (known: Partial<ScheduleState>, at = site) =>
    decideSchedule(state(stat, known), at, now).booked[0]!.slot;

  it('takes the place of what is booked where fewest have to go elsewhere, and names them', () => {
    const upcoming = [upcomingAt('CT01', 0, 8), upcomingAt('CT01', 8, 20), upcomingAt('CT02', 5, 20)];
    expect(slotIn({ upcoming })).toMatchObject({
      station: { aeTitle: 'CT02' },
      start: now,
      displaces: ['CT02@5'],
      isOurs: true,
      reason: 'STAT: at once, ahead of what is booked; one booked exam is moved',
    });
  });

  it('does not interrupt an exam, nor another STAT', () => {
    const begun = [upcomingAt('CT01', -5, 12, { hasBegun: true }), upcomingAt('CT02', -9, 7, { hasBegun: true })];
    expect(slotIn({ upcoming: begun })).toMatchObject({
      station: { aeTitle: 'CT02' },
      start: minutes(7),
      reason: 'STAT: as soon as the exam before it is done',
    });
    const stats = [upcomingAt('CT01', 0, 15, { lane: 'stat' }), upcomingAt('CT02', 0, 15, { lane: 'stat' })];
    expect(slotIn({ upcoming: stats })).toMatchObject({ start: minutes(15), displaces: [] });
  });

  it('takes a time that was ordered only where there is no other station, and leaves it where it is', () => {
    const ordered = upcomingAt('CT01', 0, 15, { isOurs: false });
    expect(slotIn({ upcoming: [ordered] })).toMatchObject({ station: { aeTitle: 'CT02' }, isOurs: true });
    const both = [ordered, upcomingAt('CT02', 0, 15, { isOurs: false })];
    const slot = slotIn({ upcoming: both });
    expect(slot).toMatchObject({ station: { aeTitle: 'CT01' }, start: now, displaces: [], isOurs: false });
    expect(slot.reason).toContain('not ours to move');
  });

  it('of a patient who is being examined comes after that exam', () => {
    expect(slotIn({ taken: [taken(undefined, -5, 20)] }).start).toEqual(minutes(20));
  });

  it('moves what overlaps its turnover as well', () => {
    const cleaned = aSite({ ...site, procedures: site.procedures.map((one) => ({ ...one, turnoverMinutes: 10 })) });
    const upcoming = [upcomingAt('CT01', 20, 35), upcomingAt('CT02', -1, 9, { hasBegun: true })];
    expect(slotIn({ upcoming }, cleaned)).toMatchObject({ displaces: ['CT01@20'], turnoverMinutes: 10 });
    expect(slotIn({ upcoming })).toMatchObject({ displaces: [] });
  });
});

describe('An emergency', () => {
  const emergency = aServiceRequest({ priority: 'urgent' });
  const full = (lane: UpcomingBooking['lane']) => [
    ...['CT01', 'CT02'].map((aeTitle) => upcomingAt(aeTitle, -30, 20, { hasBegun: true })),
    ...['CT01', 'CT02'].flatMap((aeTitle) =>
      [20, 35, 50, 65, 80].map((from) => upcomingAt(aeTitle, from, from + 15, { lane })),
    ),
  ];
  const at = (upcoming: UpcomingBooking[]) => decide()(state(emergency, { upcoming, taken: upcoming })).booked[0]!.slot;

  it('that would wait too long has outpatients moved', () => {
    expect(at(full('outpatient'))).toMatchObject({
      start: minutes(20),
      displaces: ['CT01@20'],
      reason: 'emergency: would wait 98 minutes; one booked exam is moved',
    });
  });

  it('waits for inpatients, for what was ordered, and where the wait is short', () => {
    expect(at(full('inpatient'))).toMatchObject({ start: minutes(98), reason: 'next free time' });
    expect(at(full('outpatient').map((one) => ({ ...one, isOurs: false }))).start).toEqual(minutes(98));
    const soon = full('outpatient').filter(({ start }) => start < minutes(50));
    expect(at(soon)).toMatchObject({ start: minutes(53), reason: 'next free time' });
  });
});

describe('A station that is closed', () => {
  const closed = (aeTitle: string, from: number, to?: number) => ({
    aeTitle,
    start: minutes(from),
    ...(to === undefined ? {} : { end: minutes(to) }),
    reason: 'CT room 1 is contaminated',
  });

  it('is passed over, and taken again when it is open', () => {
    expect(chosen(state(aServiceRequest(), { closures: [closed('CT01', -60)] }))[0]![0]).toBe('CT02');
    const both = [closed('CT01', -60, 30), closed('CT02', -60)];
    expect(chosen(state(aServiceRequest(), { closures: both }))).toEqual([
      ['CT01', '2026-03-02T08:35:00.000Z', 'next free time; closed before that: CT room 1 is contaminated'],
    ]);
    const reckoned = both.map((one) => ({ ...one, reckonedUntil: minutes(60) }));
    expect(chosen(state(aServiceRequest(), { closures: reckoned.slice(1) }))[0]![0]).toBe('CT01');
    expect(chosen(state(aServiceRequest(), { closures: [closed('CT01', -60, 600), reckoned[1]!] }))).toEqual([
      ['CT02', minutes(63).toISOString(), 'next free time; closed before that: CT room 1 is contaminated'],
    ]);
    const nextMonth = aServiceRequest({
      extension: [ipc({ stepId: 'S1', stationAeTitle: 'CT02' })],
      occurrenceDateTime: '2026-04-02T11:00:00+02:00',
    });
    expect(chosen(state(nextMonth, { closures: reckoned }))[0]![0]).toBe('CT02');
    expect(chosen(state(aServiceRequest({ priority: 'stat' }), { closures: [closed('CT01', -60)] }))[0]![0]).toBe(
      'CT02',
    );
  });

  it('has another take over where it was ordered, which says why', () => {
    const order = aServiceRequest({ extension: [ipc({ stepId: 'S1', stationAeTitle: 'CT01' })] });
    const [[aeTitle, , reason]] = chosen(state(order, { closures: [closed('CT01', -60)] })) as [string[]];
    expect([aeTitle, reason]).toEqual([
      'CT02',
      'next free time; not at the station ordered: CT room 1 is contaminated',
    ]);
    const before = bookedBefore(order, 58, 'CT02');
    given(state(order, { appointments: [before], closures: [closed('CT01', -60)] }))
      .when(decide())
      .then({ booked: [] });
    given(state(order, { appointments: [before] }))
      .when((known) => decide()(known).booked.map(({ slot }) => slot.station.aeTitle))
      .thenExactly(['CT01']);
  });

  it('leaves nobody without a time where there is no other', () => {
    const closures = [closed('CT01', -60), closed('CT02', -60)];
    expect(chosen(state(aServiceRequest(), { closures }))[0]![2]).toBe(
      'next free time, if it is open again by then: CT room 1 is contaminated',
    );
    expect(chosen(state(aServiceRequest({ priority: 'stat' }), { closures }))[0]![2]).toBe(
      'STAT: at once, if it is open again by then: CT room 1 is contaminated',
    );
    const timed = aServiceRequest({ occurrenceDateTime: '2026-03-02T11:00:00+01:00' });
    expect(chosen(state(timed, { closures }))[0]![2]).toContain('although it is closed: CT room 1 is contaminated');
  });
});

describe('A step that was displaced', () => {
  it('gets the next free time, not before the one its patient was given, and says why', () => {
    const order = aServiceRequest();
    const before = bookedBefore(order, 58);
    const displaced = new Map([[before.id!, 'a STAT exam goes first']]);
    const calendar = { taken: [taken('CT01', 58, 73), taken('CT02', 50, 90)] };
    const known = state(order, { appointments: [before], displaced, ...calendar });
    expect(chosen(known)).toEqual([
      ['CT01', minutes(73).toISOString(), 'moved: a STAT exam goes first; next free time'],
    ]);
    expect(decide()(known).booked[0]!.before).toBe(before);
  });
});

describe('What the site says of a procedure', () => {
  const withProcedure = (rest: object, stations = site.stations) =>
    aSite({ ...site, stations, procedures: site.procedures.map((one) => ({ ...one, ...rest })) });
  const first = (order: ServiceRequest, at = site, known: Partial<ScheduleState> = {}) =>
    decideSchedule(state(order, known), at, now).booked[0]!.slot;
  const visit = (code: string): Encounter => ({ resourceType: 'Encounter', status: 'in-progress', class: { code } });

  it('it needs, its station has', () => {
    const stations = site.stations.map((one) => ({ ...one, capabilities: one.aeTitle === 'CT02' ? ['injector'] : [] }));
    const [ct, ...others] = site.procedures.filter(({ modality }) => modality === 'CT');
    const procedures = [
      { ...ct!, needs: ['injector'] },
      ...others,
      ...site.procedures.filter(({ modality }) => modality !== 'CT'),
    ];
    expect(first(aServiceRequest(), aSite({ ...site, stations, procedures })).station.aeTitle).toBe('CT02');
    expect(() => aSite({ ...site, procedures })).toThrow(
      'procedures.0.needs: no station of its modality has all of these',
    );
  });

  it('it lasts, by lane and age', () => {
    const lasting = withProcedure({ durations: { emergency: 40, inpatient: 30, child: 35 } });
    const length = (order: ServiceRequest, known: Partial<ScheduleState>) => {
      const { start, end } = first(order, lasting, known);
      return (end.getTime() - start.getTime()) / 60_000;
    };
    const child = aPatient({ birthDate: '2020-05-01' });
    expect(length(aServiceRequest(), {})).toBe(15);
    expect(length(aServiceRequest(), { encounter: visit('IMP') })).toBe(30);
    expect(length(aServiceRequest({ authoredOn: '2026-03-02T08:00:00Z' }), { patient: child })).toBe(35);
    expect(
      length(aServiceRequest({ authoredOn: '2026-03-02T08:00:00Z' }), { patient: child, encounter: visit('EMER') }),
    ).toBe(40);
    expect(length(aServiceRequest({ authoredOn: undefined }), { patient: child })).toBe(15);
  });

  it('it is cleaned for, longer after isolation, keeps the room and not the patient', () => {
    const isolated = aServiceRequest({
      extension: [{ url: extensions.danger, valueCodeableConcept: { text: 'MRSA' } }],
    });
    expect(first(isolated).turnoverMinutes).toBe(30);
    expect(first(aServiceRequest()).turnoverMinutes).toBeUndefined();
    const gap = { taken: [taken('CT02', 0, 400), taken('CT01', 30, 400)] };
    expect(first(isolated, site, gap).start).toEqual(minutes(403));
    expect(first(aServiceRequest(), site, gap).start).toEqual(minutes(3));
    const two = {
      ...isolated,
      extension: [...isolated.extension!, ipc({ stepId: 'A' }), ipc({ stepId: 'B', modality: 'DX' })],
    };
    const slots = decide()(state(two)).booked.map(({ slot }) => slot.start);
    expect(slots).toEqual([minutes(3), minutes(18)]);
  });

  it('it is prepared for, from when it was placed, unless it is an emergency', () => {
    const fasting = withProcedure({ leadMinutes: 240 });
    const order = aServiceRequest({ authoredOn: '2026-03-02T07:00:00Z' });
    expect(first(order, fasting)).toMatchObject({
      start: new Date('2026-03-02T11:00:00Z'),
      reason: 'next free time after preparation',
    });
    expect(first(aServiceRequest({ authoredOn: undefined }), fasting).start).toEqual(minutes(243));
    expect(first({ ...order, priority: 'urgent' }, fasting).start).toEqual(minutes(3));
  });

  it('waits for the preparation its contrast asks for, also where it was booked before, unless it is an emergency', () => {
    const readyFrom = minutes(600);
    expect(first(aServiceRequest(), site, { readyFrom })).toMatchObject({
      start: new Date('2026-03-03T06:00:00Z'),
      reason: 'next free time after preparation',
    });
    const before = bookedBefore(aServiceRequest());
    expect(chosen(state(aServiceRequest(), { appointments: [before], readyFrom }))[0]![1]).toBe(
      '2026-03-03T06:00:00.000Z',
    );
    expect(chosen(state(aServiceRequest(), { appointments: [before], readyFrom: minutes(10) }))).toEqual([]);
    expect(first(aServiceRequest({ priority: 'urgent' }), site, { readyFrom }).start).toEqual(minutes(3));
    const timed = aServiceRequest({ occurrenceDateTime: '2026-03-02T11:00:00+01:00' });
    expect(first(timed, site, { readyFrom }).start).toEqual(new Date('2026-03-02T10:00:00Z'));
  });

  it('an outpatient has several exams of one visit, and an inpatient as soon as can be', () => {
    const tomorrow = { taken: [taken(undefined, 24 * 60, 24 * 60 + 30)] };
    expect(first(aServiceRequest(), site, tomorrow)).toMatchObject({
      start: minutes(24 * 60 + 33),
      reason: 'next to another exam of the patient',
    });
    expect(first(aServiceRequest(), site, { ...tomorrow, encounter: visit('IMP') }).start).toEqual(minutes(3));
    const nextMonth = { taken: [taken(undefined, 30 * 24 * 60, 30 * 24 * 60 + 30)] };
    expect(first(aServiceRequest(), site, nextMonth).start).toEqual(minutes(3));
  });

  it('is done on the days a station works, and not on closed days', () => {
    const weekly = site.stations.map((one) =>
      one.aeTitle.startsWith('CT')
        ? { ...one, openingHours: [{ days: ['tue' as const], opens: '10:00', closes: '12:00' }] }
        : one,
    );
    expect(first(aServiceRequest(), aSite({ ...site, stations: weekly })).start).toEqual(
      new Date('2026-03-03T09:00:00Z'),
    );
    const closedDays = [{ date: '2026-03-02', reason: 'holiday' }];
    const scheduling = { ...site.scheduling, closedDays };
    expect(first(aServiceRequest(), aSite({ ...site, scheduling })).start).toEqual(new Date('2026-03-03T06:00:00Z'));
    expect(first(aServiceRequest({ priority: 'stat' }), aSite({ ...site, scheduling })).start).toEqual(now);
  });
});

describe('A calendar that is full for weeks', () => {
  it('is searched in one pass', () => {
    const open = aSite({
      stations: [
        { ...room, aeTitle: 'CT01', name: 'CT', modalities: ['CT'], opens: '00:00', closes: '24:00' },
        { ...room, aeTitle: 'DX01', name: 'DX', modalities: ['DX'] },
      ],
    });
    const full = Array.from({ length: 5000 }, (_, index) => taken('CT01', 3 + index * 15, 18 + index * 15));
    const began = performance.now();
    const { booked } = decideSchedule(state(aServiceRequest(), { taken: full }), open, now);
    expect(booked[0]!.slot.start).toEqual(minutes(3 + 5000 * 15));
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe('A changed order', () => {
  const order = aServiceRequest();
  const before = bookedBefore(order);

  it('that asks for the same stays where it is, and is shown anew', () => {
    given(state(order, { appointments: [before] }))
      .when(decide())
      .then({ booked: [], withdrawn: [], rewritten: [{ step: expect.anything() as never, appointment: before }] });
  });

  it.each([
    ['asks for a time', { occurrenceDateTime: '2026-03-02T15:00:00+01:00' }, '2026-03-02T14:00:00.000Z'],
    ['asks for another day', { occurrenceDateTime: '2026-03-03' }, '2026-03-03T06:00:00.000Z'],
    ['becomes STAT', { priority: 'stat' as const }, now.toISOString()],
    ['is for another procedure', { procedure: xray }, '2026-03-02T08:05:00.000Z'],
  ])('that %s is moved, the same Appointment', (_, change, start) => {
    const [booked] = decide()(state(aServiceRequest(change), { appointments: [before] })).booked;
    expect(booked!.slot.start.toISOString()).toBe(start);
    expect(booked!.before).toBe(before);
  });

  it('that becomes a bedside exam leaves the room', () => {
    const inRoom = bookedBefore(aServiceRequest({ procedure: xray }), 58, 'DX01');
    const moved = state(aServiceRequest({ procedure: xray, locationCode: bedside }), { appointments: [inRoom] });
    expect(chosen(moved)[0]![0]).toBe('DXMOBILE');
  });

  it('keeps a step that has begun, and one that was done, as they are', () => {
    for (const status of ['arrived', 'fulfilled', 'cancelled'] as const)
      given(state(aServiceRequest({ priority: 'stat' }), { appointments: [{ ...before, status }] }))
        .when(decide())
        .then({ booked: [], rewritten: [], withdrawn: [] });
  });

  it('has an exam that was given up tried again where it asks for another time, and not where it adds a note', () => {
    const givenUp: Appointment = { ...before, status: 'cancelled', cancelationReason: { text: 'discontinued' } };
    const at = (change: object) => state(aServiceRequest(change), { appointments: [givenUp] });
    given(at({ note: [{ text: 'please hurry' }] }))
      .when(decide())
      .then({ booked: [] });
    given(at({ occurrenceDateTime: givenUp.start }))
      .when(decide())
      .then({ booked: [] });
    expect(chosen(at({ occurrenceDateTime: '2026-03-04T10:00:00Z' }))[0]![1]).toBe('2026-03-04T10:00:00.000Z');
    expect(chosen(at({ occurrenceDateTime: '2026-03-04' }))[0]![1]).toBe('2026-03-04T06:00:00.000Z');
  });

  it('drops the steps it no longer names', () => {
    const other = aServiceRequest({ extension: [ipc({ stepId: 'OTHER' })] });
    const decision = decide()(state(other, { appointments: [before] }));
    expect(decision.withdrawn).toEqual([before]);
    expect(decision.booked[0]!.before).toBeUndefined();
  });

  it('that is released, or asks again for a step it had dropped, has it booked again', () => {
    const held = withdrawnAppointment(before, { ...order, status: 'on-hold' });
    expect(held.cancelationReason!.text).toBe('the order is on hold');
    expect(decide()(state(order, { appointments: [held] })).booked[0]!.before).toBe(held);
  });
});

describe('A cancelled order', () => {
  const revoked = aServiceRequest({ status: 'revoked' });
  const before = bookedBefore(revoked);

  it('leaves the worklist before its exam begins', () => {
    given(state(revoked, { appointments: [before] }))
      .when(decide())
      .thenExactly({ booked: [], rewritten: [], withdrawn: [before], underWay: [] });
    expect(withdrawnAppointment(before, revoked)).toMatchObject({
      status: 'cancelled',
      cancelationReason: { text: 'the order was cancelled' },
    });
  });

  it('leaves an exam that has begun to its modality', () => {
    const begun: Appointment = { ...before, status: 'arrived' };
    given(state(revoked, { appointments: [begun] }))
      .when(decide())
      .thenExactly({ booked: [], rewritten: [], withdrawn: [], underWay: [begun] });
  });

  it('changes nothing of what was done', () => {
    given(state(revoked, { appointments: [{ ...before, status: 'fulfilled' }] }))
      .when(decide())
      .thenExactly({ booked: [], rewritten: [], withdrawn: [], underWay: [] });
  });

  it('needs no procedure the site knows', () => {
    given(state(aServiceRequest({ status: 'revoked', procedure: { code: 'GONE', display: 'Gone' } })))
      .when(decide())
      .then({ booked: [] });
  });
});
