import { DateTime } from 'luxon';
import type { HumanName, Period, Practitioner, PractitionerRole, PractitionerRoleAvailableTime } from 'fhir/r4.js';
import { referencedId, systems } from '#fhir';
import type { Site, Station } from '#platform';
import { healthcareServiceIdOf, locationIdOf } from './site-resources.decider.js';

/** Who works in the department, and when and where. */
export interface Roster {
  practitioners: readonly Practitioner[];
  roles: readonly PractitionerRole[];
}

/** One technologist who is on duty at a station, and what they may do there. */
export interface Technologist {
  practitionerId: string;
  name: string;
  certificates: { modality: string; validUntil?: Date; isValid: boolean }[];
}

/** How far ahead the next certified technologist is looked for. */
const AHEAD_DAYS = 8;
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** What each precision of a FHIR date leaves open, by the length of its text. */
const precisions: Readonly<Record<number, 'year' | 'month' | 'day'>> = { 4: 'year', 7: 'month', 10: 'day' };

/** Who is on the roster for a station at that moment: by its room, its modality, or for the whole department. */
export function technologistsAt(station: Station, roster: Roster, site: Site, at: Date): Technologist[] {
  const roles = roster.roles.filter((role) => isForStation(role, station) && isOnDuty(role, at, site));
  const ids = new Set(roles.map(({ practitioner }) => referencedId(practitioner?.reference, 'Practitioner')));
  return roster.practitioners
    .filter(({ id, active }) => active !== false && ids.has(id))
    .map((one) => ({
      practitionerId: one.id!,
      name: nameOf(one.name?.[0]),
      certificates: certificatesOf(one, station.modalities, site, at),
    }));
}

/** True if one of them may use the station: holds a certificate that is valid for one of its modalities. */
export function isAnyoneCertified(technologists: readonly Technologist[]): boolean {
  return technologists.some(({ certificates }) => certificates.some(({ isValid }) => isValid));
}

/** True if somebody holds a certificate for a modality that is valid at that moment. */
export function isCertifiedFor(modality: string, practitioner: Practitioner, site: Site, at: Date): boolean {
  return certificatesOf(practitioner, [modality], site, at).some(({ isValid }) => isValid);
}

/**
 * Until when nobody who is certified is on the roster for a station, undefined where nobody is within a week.
 */
export function certifiedAgainAt(station: Station, roster: Roster, site: Site, now: Date): Date | undefined {
  return roster.roles
    .filter((role) => isForStation(role, station))
    .flatMap((role) => beginningsOf(role, site, now))
    .filter((at) => at > now)
    .sort((a, b) => a.getTime() - b.getTime())
    .find((at) => isAnyoneCertified(technologistsAt(station, roster, site, at)));
}

/** A qualification names the modality it is for by its DICOM code; several of one modality: the best counts. */
function certificatesOf({ qualification = [] }: Practitioner, modalities: readonly string[], site: Site, at: Date) {
  return modalities.flatMap((modality) => {
    const own = qualification.filter(({ code }) =>
      code.coding?.some(({ system, code: named }) => named === modality && isModalitySystem(system)),
    );
    const all = own.map(({ period }) => ({
      modality,
      ...(period?.end ? { validUntil: endOf(period.end, site) } : {}),
      isValid: isWithin(period, at, site),
    }));
    return all.find(({ isValid }) => isValid) ?? all.at(-1) ?? [];
  });
}

function isModalitySystem(system: string | undefined): boolean {
  return system === undefined || system === systems.dicomCode || system === systems.modality;
}

function isForStation({ location = [], healthcareService = [] }: PractitionerRole, station: Station): boolean {
  if (location.length + healthcareService.length === 0) return true;
  const services = station.modalities.map((modality) => `HealthcareService/${healthcareServiceIdOf(modality)}`);
  const isHere = ({ reference }: { reference?: string }) => reference === `Location/${locationIdOf(station.room)}`;
  return location.some(isHere) || healthcareService.some(({ reference }) => services.includes(reference ?? ''));
}

function isOnDuty({ active, period, availableTime = [] }: PractitionerRole, at: Date, site: Site): boolean {
  if (active === false || !isWithin(period, at, site)) return false;
  return availableTime.length === 0 || availableTime.some((time) => isAvailable(time, at, site));
}

/** A shift whose end is not after its start goes on into the next day. */
function isAvailable(time: PractitionerRoleAvailableTime, at: Date, site: Site): boolean {
  const local = DateTime.fromJSDate(at, { zone: site.timeZone });
  const isDay = (day: DateTime) => !time.daysOfWeek?.length || time.daysOfWeek.includes(weekdays[day.weekday - 1]!);
  const { availableStartTime: start = '00:00:00', availableEndTime: end = '24:00:00' } = time;
  if (time.allDay) return isDay(local);
  const clock = local.toFormat('HH:mm:ss');
  if (end > start) return isDay(local) && clock >= start && clock < end;
  return (isDay(local) && clock >= start) || (isDay(local.minus({ days: 1 })) && clock < end);
}

function beginningsOf({ period, availableTime = [] }: PractitionerRole, site: Site, now: Date): Date[] {
  const today = DateTime.fromJSDate(now, { zone: site.timeZone }).startOf('day');
  const times = availableTime.map(({ availableStartTime, allDay }) =>
    allDay ? '00:00' : (availableStartTime ?? '00:00'),
  );
  const ofDay = (day: DateTime) =>
    times.map((time) => {
      const [hour = 0, minute = 0] = time.split(':').map(Number);
      return day.set({ hour, minute }).toJSDate();
    });
  const days = Array.from({ length: AHEAD_DAYS }, (_, index) => today.plus({ days: index }));
  return [...(period?.start ? [startOf(period.start, site)] : []), ...days.flatMap(ofDay)];
}

function isWithin(period: Period | undefined, at: Date, site: Site): boolean {
  if (period?.start && startOf(period.start, site) > at) return false;
  return !period?.end || endOf(period.end, site) > at;
}

function startOf(text: string, site: Site): Date {
  return DateTime.fromISO(text, { zone: site.timeZone }).toJSDate();
}

/** FHIR R4 Period: an end given as a date, month or year includes all of it. */
function endOf(text: string, site: Site): Date {
  const end = DateTime.fromISO(text, { zone: site.timeZone });
  const unit = precisions[text.length];
  return (unit ? end.plus({ [`${unit}s`]: 1 }) : end).toJSDate();
}

function nameOf(name: HumanName | undefined): string {
  return name?.text ?? [...(name?.given ?? []), name?.family].filter(Boolean).join(' ');
}
