import { describe, expect, it } from '@jest/globals';
import type { Appointment, Identifier, ServiceRequest } from 'fhir/r4.js';
import { extensions, systems, typedIdentifier } from '#fhir';
import type { AppointmentStated, StatedAppointment } from '#mapping';
import { aPatient, aServiceRequest, site as aSite } from '#testing';
import { bookedAppointment, withdrawnAppointment } from './appointment.decider.js';
import {
  askedTooLate,
  followedSteps,
  isSuperseded,
  ordersNamed,
  statementAfter,
  withheldBy,
  withWhatWasSaid,
  type FollowedAppointment,
} from './followed-appointment.decider.js';
import { statementOf, type PersonsWord } from './persons-word.decider.js';
import { requestedSteps } from './requested-steps.decider.js';
import { decideSchedule } from './schedule.decider.js';

/** A Monday, 09:02 in Berlin. */
const now = new Date('2026-03-02T08:02:00Z');
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
const station = { portable: false, opens: '07:00', closes: '19:00', alwaysOpenForStat: true };
const site = aSite({
  stations: [
    { ...station, aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'Room 1' },
    { ...station, aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'Room 2' },
    { ...station, aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'Room 2' },
  ],
});
const step = (stepId: string, modality: string) => ({
  url: extensions.scheduledProcedureStep,
  extension: [
    { url: 'stepId', valueString: stepId },
    { url: 'modality', valueCode: modality },
  ],
});
const order = aServiceRequest();
const twoSteps: ServiceRequest = { ...order, extension: [step('A', 'CT'), step('B', 'DX')] };

/** What a message says; named by SCH-2 alone. */
const stated = (appointment: Partial<StatedAppointment> = {}, places: string[] = []): AppointmentStated => ({
  appointment: {
    resourceType: 'Appointment',
    id: `told-${appointment.identifier?.[0]?.value ?? 'A1'}`,
    identifier: [typedIdentifier('FILL', 'urn:ris', 'A1')],
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    participant: [{ actor: { reference: 'Patient/p' }, status: 'accepted' }],
    ...appointment,
  },
  places,
});
const start = '2026-03-03T09:30:00+01:00';
const end = '2026-03-03T09:50:00+01:00';
const followed = (appointment: Partial<StatedAppointment> = {}, places: string[] = [], at = now, number = 'A1') =>
  statementAfter(
    [],
    stated(
      { start, end, status: 'booked', identifier: [typedIdentifier('FILL', 'urn:ris', number)], ...appointment },
      places,
    ),
    order,
    at,
  );
const stepsOf = (said: FollowedAppointment[], of = order) => followedSteps(requestedSteps(of, site), said, site);
/** The order's step as it was booked here. */
function booked(status: Appointment['status'], at = start, aeTitle = 'CT01'): Appointment {
  const [only] = requestedSteps(order, site);
  const slot = {
    station: site.stations.find((one) => one.aeTitle === aeTitle)!,
    start: new Date(at),
    end: new Date(Date.parse(at) + 20 * 60_000),
    reason: '',
    isOurs: false,
  };
  return { ...bookedAppointment(order, only!, slot, aPatient()), status };
}

describe('What a RIS says of an appointment', () => {
  it('keeps what a later message leaves out', () => {
    const first = followed({ reasonCode: [{ text: 'Follow up' }] }, ['CT01']);
    const second = statementAfter([first], stated({ status: 'checked-in' }), order, later(5));
    expect(second).toMatchObject({ id: first.id, places: ['CT01'], saidAt: later(5) });
    expect(second.appointment).toMatchObject({ status: 'checked-in', start, end, reasonCode: [{ text: 'Follow up' }] });
    expect(statementAfter([second], stated(), order, later(6)).appointment.status).toBe('checked-in');
  });

  it('is the same appointment by any of its numbers, and another by none', () => {
    const first = followed();
    const both: Identifier[] = [typedIdentifier('PLAC', 'urn:emr', 'P1'), typedIdentifier('FILL', 'urn:ris', 'A1')];
    expect(statementAfter([first], stated({ identifier: both }), order, now).id).toBe(first.id);
    const other = stated({ identifier: [typedIdentifier('FILL', 'urn:ris', 'A2')] });
    expect(statementAfter([first], other, order, now).appointment.start).toBeUndefined();
  });

  it('that moves without an end keeps its length', () => {
    const moved = statementAfter([followed()], stated({ start: '2026-03-04T12:00:00+01:00' }), order, now);
    expect(moved.appointment.end).toBe('2026-03-04T11:20:00.000Z');
  });

  it('has no reason of a cancellation once it is booked again, and no time once that is taken back', () => {
    const cancelled = statementAfter(
      [followed()],
      stated({ status: 'cancelled', cancelationReason: { text: 'x' } }),
      order,
      now,
    );
    const again = statementAfter([cancelled], stated({ status: 'booked', start }), order, now);
    expect(again.appointment.cancelationReason).toBeUndefined();
    const taken = statementAfter([again], stated({ status: 'pending', start: undefined, end: undefined }), order, now);
    expect(taken.appointment.start).toBeUndefined();
    expect(statementAfter([taken], stated({ start }), order, now).appointment.status).toBe('booked');
  });
});

describe('The order a RIS names', () => {
  const other = aServiceRequest({ placerOrderNumber: 'ORD2', accessionNumber: 'ACC2' });
  const named = (identifier: Identifier, reference?: string) =>
    ordersNamed(stated({ basedOn: [{ identifier, reference }] }).appointment, [order, other]).map(({ id }) => id);

  it.each([
    ['its placer order number with authority', typedIdentifier('PLAC', 'urn:emr', 'X'), `ServiceRequest/${other.id}`],
    ['its placer order number without authority', typedIdentifier('PLAC', undefined, 'ORD2'), undefined],
    ['its accession number, of whatever authority', typedIdentifier('FILL', 'urn:ris', 'ACC2'), undefined],
  ])('is found by %s', (_by, identifier, reference) => {
    expect(named(identifier, reference)).toEqual([other.id]);
  });

  it('is not found by a number of another authority, or of another kind', () => {
    expect(named(typedIdentifier('PLAC', 'urn:somebody-else', 'ORD2'))).toEqual([]);
    expect(named(typedIdentifier('PLAC', undefined, 'ACC2'))).toEqual([]);
  });
});

describe('A step the RIS has booked', () => {
  it('has its time, length and station, by AE title, name or room', () => {
    for (const place of ['CT02', 'ct 2', 'Room 2'])
      expect(stepsOf([followed({}, ['RAD', place])])).toMatchObject([
        { start: '2026-03-03T08:30:00.000Z', durationMinutes: 20, stationAeTitle: 'CT02' },
      ]);
  });

  it('is as the order says where the RIS says nothing of time or place', () => {
    const said = followed({ start: undefined, end: undefined, status: 'checked-in' });
    const onDay = { ...order, occurrenceDateTime: '2026-03-05' };
    expect(stepsOf([said], onDay)).toMatchObject([{ notBefore: '2026-03-04T23:00:00.000Z', durationMinutes: 15 }]);
  });

  it.each(['cancelled', 'noshow', 'entered-in-error', 'pending', 'waitlist'] as const)(
    '%s is booked by nobody',
    (status) => {
      expect(stepsOf([followed({ status })])).toEqual([]);
    },
  );

  it('goes by the newest appointment that is kept, whichever is cancelled last', () => {
    const first = followed({}, [], now, 'A1');
    const second = followed({ start: '2026-03-04T12:00:00+01:00', end: undefined }, [], later(1), 'A2');
    const cancelled = statementAfter([first], stated({ status: 'cancelled' }), order, later(2));
    expect(stepsOf([cancelled, second])).toMatchObject([{ start: '2026-03-04T11:00:00.000Z' }]);
  });

  it('of several is meant by a place that can do it; together they follow one another', () => {
    expect(stepsOf([followed({}, ['DX01'])], twoSteps).map((one) => one.start)).toEqual([
      undefined,
      '2026-03-03T08:30:00.000Z',
    ]);
    const both = stepsOf([followed()], twoSteps);
    expect(both.map((one) => [one.start, one.durationMinutes])).toEqual([
      ['2026-03-03T08:30:00.000Z', 15],
      ['2026-03-03T08:45:00.000Z', 15],
    ]);
  });
});

describe('The schedule', () => {
  const decide = (said: FollowedAppointment[], appointments: Appointment[] = [], of = order) =>
    decideSchedule({ order: of, appointments, taken: [], followed: said }, site, now);

  it('books at the time of the RIS, also where the station is taken then, and says so', () => {
    const taken = [{ aeTitle: 'CT02', start: new Date(start), end: new Date(end) }];
    const { booked: made } = decideSchedule(
      { order, appointments: [], taken, followed: [followed({}, ['CT02'])] },
      site,
      now,
    );
    expect(made[0]!.slot).toMatchObject({
      station: { aeTitle: 'CT02' },
      isOurs: false,
      reason: 'at the time of the RIS, although the station is taken then; at the station of the RIS',
    });
  });

  it('moves a step, leaves one in its place, and leaves it there when the order changes but not its time', () => {
    const at = booked('booked', start, 'CT02');
    expect(decide([followed({}, ['CT02'])], [at])).toMatchObject({ booked: [], rewritten: [{ appointment: at }] });
    const asked = { ...order, priority: 'stat' as const, occurrenceDateTime: '2026-03-02T10:00:00+01:00' };
    expect(decide([followed({}, ['CT02'])], [at], asked).booked).toEqual([]);
    expect(decide([followed({}, ['CT01'])], [at]).booked).toHaveLength(1);
  });

  it('takes off a step the RIS does not keep, and books it again when it does', () => {
    for (const status of ['cancelled', 'noshow', 'entered-in-error', 'pending'] as const) {
      const said = followed({ status, cancelationReason: { text: 'Patient asked' } });
      const [withdrawn] = decide([said], [booked('checked-in')]).withdrawn;
      const off = withdrawnAppointment(withdrawn!, order, {
        said: withheldBy(withdrawn!, [withdrawn!], [said], site)?.appointment,
      });
      expect(off.status).toBe(status);
      expect(off.cancelationReason?.text).toBe(['cancelled', 'noshow'].includes(status) ? 'Patient asked' : undefined);
      expect(decide([said], [off])).toMatchObject({ booked: [], withdrawn: [], underWay: [] });
      expect(decide([followed()], [off]).booked).toHaveLength(1);
    }
  });

  it('leaves an exam alone that has begun, and does not call for its end', () => {
    const decision = decide([followed({ status: 'cancelled' })], [booked('arrived')]);
    expect(decision).toEqual({ booked: [], rewritten: [], withdrawn: [], underWay: [] });
  });
});

describe('A time the order asks for', () => {
  const said = { ...followed(), orderedStart: '2026-03-02T10:00:00+01:00' };
  const asks = (occurrenceDateTime: string | undefined, lastUpdated?: string) =>
    isSuperseded(said, { ...order, occurrenceDateTime, meta: { lastUpdated } });

  it('counts more than the RIS if it is another one, and newer', () => {
    expect(asks('2026-03-02T11:00:00+01:00')).toBe(true);
    expect(asks('2026-03-02T11:00:00+01:00', later(1).toISOString())).toBe(true);
    expect(asks('2026-03-02T11:00:00+01:00', later(-1).toISOString())).toBe(false);
    expect(asks('2026-03-02T09:00:00Z')).toBe(false);
    expect(asks(undefined)).toBe(false);
  });

  it('is now where it has become STAT since, and says no other', () => {
    const stat = { ...order, priority: 'stat' as const };
    expect(isSuperseded(followed(), stat)).toBe(true);
    expect(isSuperseded(statementAfter([], stated({ start, end }), stat, now), stat)).toBe(false);
    expect(isSuperseded(followed(), order)).toBe(false);
  });
});

describe('An exam that has begun or is done', () => {
  const late = (said: FollowedAppointment, appointments: Appointment[], others: FollowedAppointment[] = []) =>
    askedTooLate(said, appointments, [...others, said], site);

  it.each(['arrived', 'fulfilled'] as const)('(%s) is not moved, put elsewhere or called off', (status) => {
    const exam = booked(status);
    expect(late(followed({ start: '2026-03-04T12:00:00+01:00' }), [exam])).toBe('time');
    expect(late(followed({}, ['CT02']), [exam])).toBe('place');
    expect(late(followed({ status: 'noshow' }), [exam])).toBe('end');
    expect(late(followed({}, ['CT01']), [exam])).toBeUndefined();
    expect(late(followed({ status: 'fulfilled' }), [exam])).toBeUndefined();
  });

  it('is not touched by the end of an appointment that is not its own any more', () => {
    const old = followed({ status: 'cancelled' }, [], later(2), 'A1');
    expect(late(old, [booked('arrived')], [followed({}, [], later(1), 'A2')])).toBeUndefined();
  });

  it('does not hold up what is still ahead', () => {
    expect(late(followed({ status: 'noshow' }), [booked('booked')])).toBeUndefined();
  });
});

describe('An Appointment that is followed', () => {
  it('has the numbers, people and notes of the RIS beside our own, once, and says whether the patient is here', () => {
    const said = followed({
      status: 'checked-in',
      extension: [{ url: 'http://example.org/note', valueString: 'wheelchair' }],
      participant: [
        { actor: { reference: 'Patient/p' }, status: 'accepted' },
        { actor: { type: 'Practitioner', display: 'Mia Mta' }, status: 'accepted' },
      ],
    });
    const ours = booked('booked');
    const once = withWhatWasSaid(ours, said);
    expect(once).toMatchObject({ status: 'checked-in', start: ours.start });
    expect(once.identifier!.map(({ value }) => value)).toEqual([ours.identifier![0]!.value, 'A1']);
    expect(once.participant.map(({ actor }) => actor?.display)).toEqual([undefined, 'CT 1', 'Mia Mta']);
    expect(once.extension).toHaveLength(ours.extension!.length + 1);
    expect(withWhatWasSaid(once, said)).toEqual(once);
  });
});

describe('What a person says of a step', () => {
  /** A person's word, laid over what is said already. */
  const word = (said: FollowedAppointment[], what: PersonsWord, appointments = [booked('booked')], at = later(5)) => {
    const { before, statement } = statementOf(what, appointments[0]!, appointments, said, 'clerk', site);
    return statementAfter(before, statement, order, at);
  };
  const elsewhere = {
    station: site.stations[1]!,
    start: new Date('2026-03-05T10:00:00Z'),
    end: new Date('2026-03-05T10:30:00Z'),
  };

  it('is followed like the word of a RIS, and its reason says that a person chose', () => {
    const said = word([], { status: 'booked', at: elsewhere });
    expect(said).toMatchObject({ person: 'clerk', places: ['CT02'] });
    expect(said.sender).toBeUndefined();
    const [only] = decideSchedule(
      { order, appointments: [booked('booked')], taken: [], followed: [said] },
      site,
      now,
    ).booked;
    expect(only!.slot).toMatchObject({
      ...elsewhere,
      isChosen: true,
      reason: 'at the time a person chose; at the station a person chose',
    });
  });

  it('is not kept free for them where the station is taken, its turnover included', () => {
    const said = word([], { status: 'booked', at: elsewhere });
    const taken = [{ aeTitle: 'CT02', start: elsewhere.end, end: new Date('2026-03-05T11:00:00Z') }];
    const isChosen = (turnoverMinutes: number) => {
      const procedures = site.procedures.map((one) => ({ ...one, turnoverMinutes }));
      return decideSchedule({ order, appointments: [], taken, followed: [said] }, { ...site, procedures }, now)
        .booked[0]!.slot.isChosen;
    };
    expect([isChosen(0), isChosen(5)]).toEqual([true, undefined]);
  });

  it('goes on from what the RIS says of it: known to it again, and its next time counts', () => {
    const ris = followed({}, ['CT01']);
    const said = word([ris], { status: 'booked', at: elsewhere });
    expect(said).toMatchObject({ id: ris.id, appointment: { identifier: ris.appointment.identifier } });
    const arrived = statementAfter([said], { ...stated({ status: 'checked-in' }), sender: 'urn:ris' }, order, later(6));
    expect(arrived).toMatchObject({
      person: 'clerk',
      stepId: said.stepId,
      sender: 'urn:ris',
      appointment: { start: elsewhere.start.toISOString() },
    });
    const moved = statementAfter([arrived], { ...stated({ start, end }), sender: 'urn:ris' }, order, later(7));
    expect([moved.person, moved.stepId, moved.sender]).toEqual([undefined, undefined, 'urn:ris']);
  });

  it('counts more than anything said before, less than what is said after', () => {
    const [old, newer] = [followed({}, [], now, 'A1'), followed({}, [], later(1), 'A2')];
    const off = word([old, newer], { status: 'cancelled', cancelationReason: { text: 'x' } });
    expect(stepsOf([old, off])).toEqual([]);
    expect(stepsOf([old, off, followed({}, [], later(9), 'A3')])).toHaveLength(1);
  });

  it('is of one step, also where a RIS spoke of several together', () => {
    const both = twoSteps.extension!.map((_, index) => ({
      ...booked('booked', index ? '2026-03-03T09:45:00+01:00' : start),
      identifier: [{ value: 'AB'[index]!, system: systems.scheduledProcedureStepId }],
      extension: [
        { url: extensions.modality, valueCode: index ? 'DX' : 'CT' },
        { url: extensions.stationAeTitle, valueString: index ? 'DX01' : 'CT01' },
      ],
    }));
    const ris = followed();
    const here = word([ris], { status: 'checked-in' }, both);
    expect(stepsOf([ris, here], twoSteps).map((one) => [one.start, one.followed?.appointment.status])).toEqual([
      ['2026-03-03T08:30:00.000Z', 'checked-in'],
      ['2026-03-03T08:30:00.000Z', 'booked'],
    ]);
    const off = word([ris], { status: 'cancelled', cancelationReason: { text: 'x' } }, both);
    expect(stepsOf([ris, off], twoSteps).map(({ stepId }) => stepId)).toEqual(['B']);
  });

  it('that it is cancelled carries its own code, and is known as taken off', () => {
    const cancelationReason = {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason', code: 'pat' }],
      text: 'x',
    };
    const off = withdrawnAppointment(booked('booked'), order, {
      said: word([], { status: 'cancelled', cancelationReason, comment: 'note' }).appointment,
    });
    expect(off).toMatchObject({ status: 'cancelled', cancelationReason, comment: 'note' });
    expect(decide([], [off]).booked).toHaveLength(1);
  });
  const decide = (said: FollowedAppointment[], appointments: Appointment[]) =>
    decideSchedule({ order, appointments, taken: [], followed: said }, site, now);
});
