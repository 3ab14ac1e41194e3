import { describe, expect, it } from '@jest/globals';
import type { Device, Location, Practitioner, PractitionerRole, Slot, Task } from 'fhir/r4.js';
import type { SiteContent } from '#platform';
import { aServiceRequest, failureOf, given, site as aSite } from '#testing';
import { extensions } from '#fhir';
import { certifiedAgainAt, technologistsAt } from './certification.decider.js';
import {
  changedCleaning,
  cleaningTask,
  dangerIn,
  isToBegin,
  roomAfterCleaning,
  roomToClean,
} from './cleaning.decider.js';
import { expectedEnd, type CausedClosure } from './closure.js';
import { closureNews, deviceAfter } from './closure-news.decider.js';
import { plannedDowntime } from './downtime.decider.js';
import {
  operationalStatus,
  locationIdOf,
  resourcesOfSite,
  retired,
  scheduleIdOf,
  withLivingState,
} from './site-resources.decider.js';
import { closuresOf, type DepartmentState } from './station-closures.decider.js';
import { readinessOf } from './station-readiness.decider.js';

const now = new Date('2026-03-10T09:00:00Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);
const portable = { aeTitle: 'DXMOBILE', name: 'Mobile', modalities: ['DX'], room: 'X-ray room 1', portable: true };
const siteWith = (overrides: Partial<SiteContent> = {}) =>
  aSite({ turnover: { isolationMinutes: 30 }, stations: [...aSite().stations, portable], ...overrides });
const site = siteWith();
const [ct, dx, mobile] = site.stations as [
  (typeof site.stations)[0],
  (typeof site.stations)[0],
  (typeof site.stations)[0],
];
const room = (
  name: string,
  code: Parameters<typeof operationalStatus>[0],
  overrides: Partial<Location> = {},
): Location => ({
  resourceType: 'Location',
  id: locationIdOf(name),
  meta: { versionId: '2', lastUpdated: minutes(-10).toISOString() },
  status: 'active',
  name,
  operationalStatus: operationalStatus(code),
  ...overrides,
});
const state = (overrides: Partial<DepartmentState> = {}): DepartmentState => ({
  rooms: [],
  cleaning: [],
  downtime: [],
  quality: [],
  roster: { practitioners: [], roles: [] },
  ...overrides,
});
const aTask = (station = ct, open?: Task, hasNextExam = false, at = minutes(-10)) =>
  cleaningTask({ mppsUid: '1.2.3', station, danger: 'MRSA', hasNextExam }, open, 30, at);
const reasons = (known: DepartmentState, of = site, at = now) =>
  closuresOf(of.stations, known, of, at).map(({ aeTitle, reason, end }) => [aeTitle, reason, end]);

describe('What the site file makes of the department', () => {
  it('has one room for two stations in it, and a service for each modality', () => {
    const types = resourcesOfSite(site).map(({ resourceType }) => resourceType);
    const count = (type: string) => types.filter((one) => one === type).length;
    expect([count('Location'), count('Device'), count('Schedule'), count('HealthcareService')]).toEqual([2, 3, 3, 2]);
  });
  it('keeps the state a room and a station are in, and retires what is gone', () => {
    const [location] = resourcesOfSite(site) as [Location];
    const device = resourcesOfSite(site).find((one): one is Device => one.resourceType === 'Device')!;
    const kept = withLivingState(location, room('CT room 1', 'K', { name: 'Old name', status: 'suspended' }));
    expect(kept).toMatchObject({
      name: 'CT room 1',
      status: 'suspended',
      operationalStatus: { code: 'K' },
      meta: { versionId: '2' },
    });
    const closed = deviceAfter(device, [{ aeTitle: 'CT01', cause: 'room', start: minutes(-1), reason: 'x' }], now);
    expect(withLivingState(device, closed)).toEqual(closed);
    expect(retired(closed)).toMatchObject({ status: 'inactive' });
    expect(retired(closed)).not.toHaveProperty('statusReason');
  });
});

describe('A station', () => {
  it.each<[Parameters<typeof operationalStatus>[0], unknown[]]>([
    ['U', []],
    ['O', []],
    ['I', []],
    ['C', [['DX01', 'X-ray room 1 is closed', undefined]]],
    ['K', [['DX01', 'X-ray room 1 is contaminated', undefined]]],
    ['H', [['DX01', 'X-ray room 1 is being cleaned', minutes(20)]]],
  ])('in a room that is %s; a unit for the bedside minds no room', (code, expected) => {
    expect(reasons(state({ rooms: [room('X-ray room 1', code)] }))).toEqual(expected);
  });

  it('is closed by its cleaning until that may be over, however late it is', () => {
    const known = state({ rooms: [room('CT room 1', 'H')], cleaning: [aTask()] });
    expect(reasons(known)).toEqual([['CT01', 'CT room 1 is being cleaned', minutes(20)]]);
    expect(reasons(known, site, minutes(20))).toEqual([['CT01', 'CT room 1 is being cleaned', minutes(50)]]);
    expect(reasons(known, site, minutes(100))[0]![2]).toEqual(minutes(110));
    const releasing = siteWith({ turnover: { isolationMinutes: 30, autoRelease: true } });
    expect(reasons(state({ cleaning: [aTask()] }), releasing, minutes(20))).toEqual([]);
    expect(reasons(state({ cleaning: [aTask(ct, undefined, true)] }))).toEqual([]);
  });

  it('for the bedside is cleaned itself', () => {
    expect(reasons(state({ cleaning: [aTask(mobile)] })).map(([aeTitle]) => aeTitle)).toEqual(['DXMOBILE']);
  });

  it('is closed in its downtime, planned ones too, and not after it', () => {
    const slot: Slot = {
      resourceType: 'Slot',
      schedule: { reference: `Schedule/${scheduleIdOf('CT01')}` },
      status: 'busy-unavailable',
      start: minutes(60).toISOString(),
      end: minutes(90).toISOString(),
    };
    expect(reasons(state({ downtime: [slot] }))).toEqual([['CT01', 'planned downtime', minutes(90)]]);
    expect(readinessOf(ct, state({ downtime: [slot] }), [], site, now).isOpen).toBe(true);
    expect(readinessOf(ct, state({ downtime: [slot] }), [], site, minutes(60)).isOpen).toBe(false);
    expect(reasons(state({ downtime: [slot] }), site, minutes(90))).toEqual([]);
    const [one, same] = [slot, { ...slot, start: '2026-03-10T11:00:00+01:00' }].map((each) =>
      plannedDowntime(each, site, now),
    );
    expect(same).toEqual(one);
  });
});

describe('What is late', () => {
  it('is expected once more after its planned time, always later than now', () => {
    expect(expectedEnd(minutes(0), minutes(30), minutes(29))).toEqual(minutes(30));
    expect(expectedEnd(minutes(0), minutes(30), minutes(30))).toEqual(minutes(60));
    expect(expectedEnd(minutes(0), minutes(0), minutes(5)) > minutes(5)).toBe(true);
  });
});

describe('A cleaning', () => {
  it('is asked for by what endangers others, and names the danger only', () => {
    const danger = { url: extensions.danger, valueCodeableConcept: { coding: [{ code: 'MRSA' }] } };
    expect(dangerIn([aServiceRequest(), aServiceRequest({ extension: [danger] })])).toBe('MRSA');
    expect(dangerIn([aServiceRequest(), aServiceRequest({ extension: [{ url: extensions.danger }] })])).toBeUndefined();
  });
  it('begins anew with another exam, and waits for one that follows right away', () => {
    const draft = aTask(ct, undefined, true, now);
    expect(draft).toMatchObject({ status: 'draft', restriction: { period: { start: minutes(30).toISOString() } } });
    expect([isToBegin(draft, minutes(29)), isToBegin(draft, minutes(30))]).toEqual([false, true]);
    expect(aTask(ct, draft, false, minutes(10))).toMatchObject({
      id: draft.id,
      status: 'requested',
      restriction: { period: { end: minutes(40).toISOString() } },
    });
    expect(aTask(ct, { ...draft, status: 'in-progress' }, true, now).status).toBe('in-progress');
  });
  it('ends once, and is no excuse for a room that is closed for something else', () => {
    const done = changedCleaning(aTask(), { ...aTask(), status: 'completed' }, now);
    expect(done).toMatchObject({ status: 'completed', executionPeriod: { end: now.toISOString() } });
    expect(failureOf(() => changedCleaning(done, { ...done, status: 'requested' }, now)).code).toBe('state-conflict');
    expect(failureOf(() => changedCleaning(aTask(), { ...aTask(), status: 'failed' }, now)).code).toBe('field-invalid');
    const contaminated = room('CT room 1', 'K');
    expect([roomToClean(contaminated), roomAfterCleaning(contaminated)]).toEqual([contaminated, contaminated]);
    expect(roomAfterCleaning(roomToClean(room('CT room 1', 'U'))).operationalStatus!.code).toBe('U');
  });
});

describe('The news of the closures', () => {
  const closure = (overrides: Partial<CausedClosure> = {}): CausedClosure => ({
    aeTitle: 'CT01',
    cause: 'room',
    start: minutes(-5),
    reason: 'CT room 1 is closed',
    ...overrides,
  });
  const known = { aeTitle: 'CT01', cause: 'room', start: minutes(-5), rebookedUntil: minutes(24 * 60) };

  it('until further notice have the exams of the next hours booked anew, and later those that follow', () => {
    given([closure()])
      .when((closures) => closureNews(closures, [], 24, now))
      .thenExactly({
        wishes: [{ aeTitle: 'CT01', from: now, until: minutes(24 * 60), reason: 'CT room 1 is closed' }],
        known: [known],
        over: [],
      });
    given([closure()])
      .when((closures) => closureNews(closures, [known], 24, minutes(15)))
      .thenExactly({ wishes: [], known: [], over: [] });
    given([closure()])
      .when((closures) => closureNews(closures, [known], 24, minutes(16)))
      .then({ wishes: [{ from: minutes(24 * 60), until: minutes(24 * 60 + 16) }] });
  });
  it('have exams booked anew where one lasts longer or begins earlier, not where it is shorter', () => {
    const wishes = (overrides: Partial<CausedClosure>) =>
      closureNews([closure(overrides)], [{ ...known, start: minutes(60), rebookedUntil: minutes(90) }], 24, now).wishes;
    expect(wishes({ start: minutes(60), end: minutes(90) })).toEqual([]);
    expect(wishes({ start: minutes(60), end: minutes(80) })).toEqual([]);
    expect(wishes({ start: minutes(60), end: minutes(95) })).toMatchObject([{ from: minutes(90), until: minutes(95) }]);
    expect(wishes({ start: minutes(30), end: minutes(90) })).toMatchObject([{ from: minutes(30), until: minutes(90) }]);
    // What was given back by making it shorter is asked for again when it gets longer.
    const [shorter] = closureNews(
      [closure({ start: minutes(60), end: minutes(80) })],
      [{ ...known, start: minutes(60), rebookedUntil: minutes(90) }],
      24,
      now,
    ).known;
    expect(shorter!.rebookedUntil).toEqual(minutes(80));
  });
  it('forget what is over, and show each reason once', () => {
    expect(closureNews([], [known], 24, now)).toEqual({ wishes: [], known: [], over: [known] });
    const device: Device = { resourceType: 'Device', id: 'd', status: 'active' };
    const after = deviceAfter(
      device,
      [
        closure({ reason: 'b' }),
        closure({ reason: 'a' }),
        closure({ reason: 'b' }),
        closure({ start: minutes(1), reason: 'c' }),
      ],
      now,
    );
    expect(after.statusReason!.map(({ text }) => text)).toEqual(['a', 'b']);
    expect(deviceAfter(after, [], now)).toEqual(device);
  });
});

describe('The roster', () => {
  const tara = (end: string, code = 'CT'): Practitioner => ({
    resourceType: 'Practitioner',
    id: 'tara',
    name: [{ text: 'Tara' }],
    qualification: [{ code: { coding: [{ code }] }, period: { end } }],
  });
  const role = (overrides: Partial<PractitionerRole> = {}): PractitionerRole => ({
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: { reference: 'Practitioner/tara' },
    ...overrides,
  });
  const isOn = (one: PractitionerRole, at: string) =>
    technologistsAt(ct, { practitioners: [tara('2999')], roles: [one] }, site, new Date(at)).length === 1;

  it.each<[string, Partial<PractitionerRole>, string, boolean]>([
    ['for the whole department', {}, '2026-03-10T09:00:00Z', true],
    [
      'in the room',
      { location: [{ reference: `Location/${locationIdOf('CT room 1')}` }] },
      '2026-03-10T09:00:00Z',
      true,
    ],
    [
      'in another room',
      { location: [{ reference: `Location/${locationIdOf('X-ray room 1')}` }] },
      '2026-03-10T09:00:00Z',
      false,
    ],
    ['who is off', { active: false }, '2026-03-10T09:00:00Z', false],
    ['until the last day of the month', { period: { end: '2026-03' } }, '2026-03-31T21:00:00Z', true],
    ['until then, the day after in Berlin', { period: { end: '2026-03' } }, '2026-03-31T22:30:00Z', false],
    ['on another day', { availableTime: [{ daysOfWeek: ['mon'] }] }, '2026-03-10T09:00:00Z', false],
    [
      'in the night shift',
      { availableTime: [{ daysOfWeek: ['mon'], availableStartTime: '22:00:00', availableEndTime: '06:00:00' }] },
      '2026-03-10T04:00:00Z',
      true,
    ],
    [
      'after the night shift',
      { availableTime: [{ daysOfWeek: ['mon'], availableStartTime: '22:00:00', availableEndTime: '06:00:00' }] },
      '2026-03-10T05:00:00Z',
      false,
    ],
  ])('has somebody %s', (_what, overrides, at, expected) => {
    expect(isOn(role(overrides), at)).toBe(expected);
  });

  it('closes a station nobody is certified for, where the site says so, until somebody is', () => {
    const strict = siteWith({ requireCertified: true });
    const roles = [role({ availableTime: [{ availableStartTime: '18:00:00', availableEndTime: '22:00:00' }] })];
    const known = (end: string) => state({ roster: { practitioners: [tara(end)], roles } });
    const ofCt = (of: typeof site, end: string, at = now) =>
      reasons(known(end), of, at).filter(([aeTitle]) => aeTitle === 'CT01');
    expect(ofCt(site, '2999')).toEqual([]);
    expect(ofCt(strict, '2999')).toEqual([
      ['CT01', 'nobody who is certified for it is on the roster', new Date('2026-03-10T17:00:00Z')],
    ]);
    expect(ofCt(strict, '2999', new Date('2026-03-10T17:00:00Z'))).toEqual([]);
    expect(ofCt(strict, '2026-03-09')[0]![2]).toBeUndefined();
    expect(certifiedAgainAt(dx, known('2999').roster, strict, now)).toBeUndefined();
  });

  it('warns of who is not certified', () => {
    const warnings = (practitioner: Practitioner) =>
      readinessOf(ct, state({ roster: { practitioners: [practitioner], roles: [role()] } }), [], site, now).warnings;
    expect(warnings(tara('2026-03-10'))).toEqual([]);
    expect(warnings(tara('2026-03-09'))).toContain('Tara: the certificate for CT is not valid');
    expect(warnings(tara('2999', 'MR'))).toContain('Tara has no certificate for CT');
  });
});
