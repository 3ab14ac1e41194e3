import { fail, stationByAeTitle, stationsFor, type Site, type Station } from '#platform';
import { placeAhead, type PlaceAhead } from './ahead-of-others.decider.js';
import { HORIZON_DAYS, nextFree, overlaps, type Calendar } from './calendar.js';
import { closedUntil, closureDuring, type Closure } from '../department/closure.js';
import { isChosen, type FollowedAppointment } from './followed-appointment.decider.js';
import type { RequestedStep } from './requested-steps.decider.js';
import { withBackups } from '../worklist/worklist-views.decider.js';

/** Where and when a step is done, and why there and then. */
export interface Slot {
  station: Station;
  start: Date;
  end: Date;
  /** How long the room is made ready after the exam: the station is taken until then. */
  turnoverMinutes?: number;
  /** For people to read; names no patient. */
  reason: string;
  /** True if we found the time: then the station must be free. A time that was asked for is kept as given. */
  isOurs: boolean;
  /** True if a person chose it while the station was free: nobody else takes it, and nobody is moved from it. */
  isChosen?: boolean;
  /** Appointments whose time it takes: they are booked anew. */
  displaces?: string[];
}

/** How far ahead bookings are known one by one, for those who may go ahead of them. */
export const AHEAD_MS = 24 * 60 * 60_000;

/**
 * Chooses station and time of one step: what was asked for is kept. Without a time, STAT is at once, ahead of all that is
 * booked and has not begun; an emergency has outpatients moved where it would wait too long; anybody else gets the next
 * free time within opening hours, an outpatient with several exams next to another of theirs. A bedside exam goes to a
 * portable unit. Where all stations are closed until further notice, the time is found as if they were open, and says so.
 *
 * @throws Failure station-unavailable if no station can do it
 */
export function chooseSlot(step: RequestedStep, calendar: Calendar, site: Site, now: Date): Slot {
  const { stations, about } = stationsOf(step, calendar, site, now);
  const slot = slotAt(stations, step, calendar, site, now) ?? slotIfOpenAgain(stations, step, calendar, site, now);
  if (!slot) throw noStation(step, step.isStat ? 'is open for a STAT exam now' : `is free within ${HORIZON_DAYS} days`);
  const reasons = [slot.reason, about, closedBefore(slot, calendar)].filter(Boolean);
  const turnover = step.turnoverMinutes > 0 ? { turnoverMinutes: step.turnoverMinutes } : {};
  return { ...slot, ...turnover, reason: reasons.join('; ') };
}

/**
 * The stations a step may be done at, in the order of the site file: the one asked for; else portable units for the
 * bedside; else those in a room, or portable units where the modality has no room. All have what the procedure needs.
 *
 * @throws Failure station-unavailable
 */
export function candidates(step: RequestedStep, site: Site): Station[] {
  const asked = stationByAeTitle(site, step.stationAeTitle);
  return asked?.modalities.includes(step.modality) ? [asked] : backups(step, site);
}

/** As {@link candidates}, with those that take over where the station asked for is closed. */
export function stationsToKnow(step: RequestedStep, site: Site): Station[] {
  const asked = candidates(step, site);
  const others = ableStations(step, site);
  return [...asked, ...others.filter((one) => !asked.includes(one))];
}

function stationsOf(step: RequestedStep, { closures }: Calendar, site: Site, now: Date) {
  const asked = stationByAeTitle(site, step.stationAeTitle);
  const start = new Date(step.start ?? Math.max(now.getTime(), Date.parse(step.notBefore ?? '') || 0));
  const end = new Date(start.getTime() + step.durationMinutes * 60_000);
  const stations = stationsMeant(step, site, start, end, closures);
  const meant = `the station ${step.followed?.places.length ? whoseIs(step.followed) : 'ordered'}`;
  if (asked && stations[0] === asked) return { stations, about: `at ${meant}` };
  const closure = asked && closureDuring(closures ?? [], asked.aeTitle, start, end);
  const missing = 'which the site file does not have for this modality';
  if (step.stationAeTitle)
    return { stations, about: `not at ${meant}${closure ? `: ${closure.reason}` : `, ${missing}`}` };
  return { stations, about: step.isPortable ? 'portable unit for the bedside' : undefined };
}

/**
 * The stations a step may be done at in that time: the candidates, or where the one ordered is closed, the others, those
 * that stand in for it first.
 */
export function stationsMeant(
  step: RequestedStep,
  site: Site,
  start: Date,
  end: Date,
  closures: readonly Closure[] = [],
): Station[] {
  const stations = candidates(step, site);
  const [asked] = stations;
  if (asked?.aeTitle !== step.stationAeTitle || !closureDuring(closures, asked!.aeTitle, start, end)) return stations;
  const others = ableStations(step, site).filter((one) => one !== asked);
  const standIns = withBackups(asked!.aeTitle, site).slice(1);
  const rank = ({ aeTitle }: Station) => (standIns.includes(aeTitle) ? standIns.indexOf(aeTitle) : standIns.length);
  return others.length > 0 ? others.sort((one, other) => rank(one) - rank(other)) : stations;
}

function backups(step: RequestedStep, site: Site): Station[] {
  const stations = ableStations(step, site);
  if (stations.length === 0)
    throw noStation(step, step.isPortable ? 'is portable' : 'is in the site file with all the procedure needs');
  return stations;
}

function ableStations({ modality, procedure, isPortable }: RequestedStep, site: Site): Station[] {
  const able = stationsFor(site, modality).filter(({ capabilities }) =>
    procedure.needs.every((one) => capabilities.includes(one)),
  );
  const portable = able.filter((station) => station.portable);
  const inRooms = able.filter((station) => !station.portable);
  return isPortable ? portable : inRooms.length > 0 ? inRooms : portable;
}

function slotAt(stations: Station[], step: RequestedStep, calendar: Calendar, site: Site, now: Date): Slot | undefined {
  const { procedure } = step;
  if (step.start) return atTheTimeOrdered(stations, step, calendar);
  const asked = Date.parse(step.notBefore ?? '') || 0;
  const isNow = asked <= now.getTime();
  if (step.isStat && isNow) return atOnce(stations, step, calendar, site, now);
  const earliest = Math.max(asked, readyFrom(step, now));
  const next = nextSlot(stations, step, calendar, site, earliest);
  if (step.lane === 'emergency' && isNow) {
    const ahead = aheadOfOutpatients(stations, step, calendar, site, now, next?.start.getTime());
    if (ahead) return ahead;
  }
  const slot = (step.lane === 'outpatient' && nextToTheOthers(stations, step, calendar, site, earliest, next)) || next;
  if (!slot || slot.reason) return slot;
  const when = step.notBefore ? 'next free time from the day ordered' : 'next free time';
  const isPrepared =
    (procedure.leadMinutes > 0 || step.readyFrom !== undefined) && earliest === preparedFrom(step, now);
  return { ...slot, reason: isPrepared ? `${when} after preparation` : when };
}

/** The time a step would have if what is closed until further notice were open: it waits there, visible, until it is. */
function slotIfOpenAgain(stations: Station[], step: RequestedStep, calendar: Calendar, site: Site, now: Date) {
  const closures = calendar.closures ?? [];
  const closed = closures.find(({ aeTitle, end }) => !end && stations.some((one) => one.aeTitle === aeTitle));
  if (!closed) return undefined;
  const slot = slotAt(stations, step, { ...calendar, closures: closures.filter(({ end }) => end) }, site, now);
  return slot && { ...slot, reason: `${slot.reason}, if it is open again by then: ${closed.reason}` };
}

/** Why a time we found is no earlier, where the station is closed until then. */
function closedBefore({ station, start, isOurs }: Slot, { closures = [] }: Calendar): string | undefined {
  const before = closures.find((one) => one.aeTitle === station.aeTitle && (closedUntil(one) ?? start) < start);
  return isOurs && before ? `closed before that: ${before.reason}` : undefined;
}

function atTheTimeOrdered(stations: Station[], step: RequestedStep, { taken, closures = [] }: Calendar): Slot {
  const start = new Date(step.start!);
  const end = new Date(start.getTime() + step.durationMinutes * 60_000);
  const closureOf = ({ aeTitle }: Station) => closureDuring(closures, aeTitle, start, end);
  const open = stations.filter((one) => !closureOf(one));
  const free = open.find((station) => !taken.some(overlaps(station, start, end)));
  const station = free ?? open[0] ?? stations[0]!;
  const isKeptFree = !taken.some(overlaps(station, start, new Date(end.getTime() + step.turnoverMinutes * 60_000)));
  const although = free
    ? ''
    : open.length > 0
      ? ', although the station is taken then'
      : `, although it is closed: ${closureOf(station)!.reason}`;
  return {
    station,
    start,
    end,
    reason: `at the time ${step.followed?.appointment.start ? whoseIs(step.followed) : 'ordered'}${although}`,
    isOurs: false,
    ...(step.followed && isChosen(step.followed) && isKeptFree ? { isChosen: true } : {}),
  };
}

function whoseIs(followed: FollowedAppointment): string {
  return isChosen(followed) ? 'a person chose' : 'of the RIS';
}

/** STAT waits for nobody but an exam that has begun, and the patient's own. */
function atOnce(stations: Station[], step: RequestedStep, calendar: Calendar, site: Site, now: Date): Slot | undefined {
  const place = placeAhead(stations, step, calendar, site, now.getTime() + step.afterMinutes * 60_000);
  if (!place) return undefined;
  const { waits, displaced, overlapped } = place;
  const when = waits ? 'STAT: as soon as the exam before it is done' : 'STAT: at once';
  const ahead = displaced.length + overlapped.length > 0 ? ', ahead of what is booked' : '';
  const twice = overlapped.length > 0 ? '; a time that was ordered there is not ours to move' : '';
  return { ...slotOf(place), reason: `${when}${ahead}${moved(place)}${twice}` };
}

/** An emergency goes ahead of outpatients where it would else wait longer than the site lets it. */
function aheadOfOutpatients(
  stations: Station[],
  step: RequestedStep,
  calendar: Calendar,
  site: Site,
  now: Date,
  next: number | undefined,
): Slot | undefined {
  const wait = (next ?? Infinity) - now.getTime();
  if (wait <= site.scheduling.emergencyWaitMinutes * 60_000) return undefined;
  const place = placeAhead(stations, step, calendar, site, now.getTime());
  // Beyond what is known one by one, nothing says what is in the way.
  if (!place?.displaced.length || place.start >= Math.min(next ?? Infinity, now.getTime() + AHEAD_MS)) return undefined;
  const waited = Number.isFinite(wait) ? `emergency: would wait ${Math.round(wait / 60_000)} minutes` : 'emergency';
  return { ...slotOf(place), reason: `${waited}${moved(place)}` };
}

function nextSlot(stations: Station[], step: RequestedStep, calendar: Calendar, site: Site, earliest: number) {
  const found = stations
    .flatMap((station) => {
      const start = nextFree(station, lengthsOf(step), calendar, site, earliest);
      return start === undefined ? [] : [{ station, start }];
    })
    .sort((a, b) => a.start - b.start)[0];
  return found && ours(found.station, found.start, step);
}

/** The first time behind another exam of the patient, else before it, if that is soon enough after the first of all. */
function nextToTheOthers(
  stations: Station[],
  step: RequestedStep,
  calendar: Calendar,
  site: Site,
  earliest: number,
  first: Slot | undefined,
): Slot | undefined {
  const { sameVisitGapMinutes, sameVisitWithinDays } = site.scheduling;
  const others = calendar.taken.filter(({ aeTitle, end }) => aeTitle === undefined && end.getTime() > earliest);
  if (!first || others.length === 0) return undefined;
  const latest = first.start.getTime() + sameVisitWithinDays * 86_400_000;
  const gap = sameVisitGapMinutes * 60_000;
  const { lasting } = lengthsOf(step);
  const windows = others.flatMap(({ start, end }) => [
    { from: end.getTime(), until: end.getTime() + gap },
    { from: start.getTime() - gap - lasting, until: start.getTime() - lasting },
  ]);
  for (const { from, until } of windows) {
    const slot = nextSlot(stations, step, calendar, site, Math.max(from, earliest));
    if (slot && slot.start.getTime() <= Math.min(until, latest))
      return { ...slot, reason: 'next to another exam of the patient' };
  }
  return undefined;
}

function ours(station: Station, start: number, step: RequestedStep): Slot {
  const end = new Date(start + step.durationMinutes * 60_000);
  return { station, start: new Date(start), end, reason: '', isOurs: true };
}

function slotOf({ station, start, end, displaced, overlapped }: PlaceAhead): Slot {
  return {
    station,
    start: new Date(start),
    end: new Date(end),
    reason: '',
    isOurs: overlapped.length === 0,
    displaces: displaced.map(({ appointmentId }) => appointmentId),
  };
}

function moved({ displaced }: PlaceAhead): string {
  if (displaced.length === 0) return '';
  return displaced.length === 1 ? '; one booked exam is moved' : `; ${displaced.length} booked exams are moved`;
}

/** When a step can be done at the earliest: an emergency now, anybody else once the patient is prepared. */
export function readyFrom(step: RequestedStep, now: Date): number {
  return isUrgent(step) ? now.getTime() : Math.max(now.getTime(), preparedFrom(step, now));
}

/** True where an exam waits for no preparation. */
export function isUrgent({ lane }: RequestedStep): boolean {
  return lane === 'stat' || lane === 'emergency';
}

/**
 * When the patient can be ready: by the procedure, from when the order was placed, or, where that is not known, from now;
 * by the screening of its contrast, as that says.
 */
function preparedFrom({ placedAt, procedure, readyFrom }: RequestedStep, now: Date): number {
  const byProcedure = (placedAt ? Date.parse(placedAt) : now.getTime()) + procedure.leadMinutes * 60_000;
  return Math.max(byProcedure, Date.parse(readyFrom ?? '') || 0);
}

function lengthsOf({ durationMinutes, turnoverMinutes }: RequestedStep) {
  return { lasting: durationMinutes * 60_000, turnover: turnoverMinutes * 60_000 };
}

function noStation(step: RequestedStep, why: string) {
  return fail(
    'station-unavailable',
    `no station with modality ${step.modality} ${why}: check stations in the site file`,
  );
}
