import { DateTime } from 'luxon';
import { fail, type Failure, type Site } from '#platform';
import { HORIZON_DAYS, isOpen, overlaps, type Calendar } from './calendar.js';
import { closureDuring } from '../department/closure.js';
import { freeTimes, type FreeTime } from './free-times.js';
import type { RequestedStep } from './requested-steps.decider.js';
import { readyFrom, stationsToKnow } from './slot.decider.js';

/**
 * Why a step is not to be done there and then, with the next free times; undefined where nothing stands against it. Who
 * insists is told only of a station that is closed for a reason, since nobody can work there.
 *
 * @returns Failure state-conflict where the station is taken or closed, or the patient is elsewhere; station-unavailable
 *   where it lacks what the procedure needs
 */
export function objectionTo(
  step: RequestedStep,
  { station, start, end }: FreeTime,
  calendar: Calendar,
  site: Site,
  { now, insists }: { now: Date; insists: boolean },
): Failure | undefined {
  const field = 'Appointment.start';
  const closure = closureDuring(calendar.closures ?? [], station.aeTitle, start, end);
  if (closure)
    return fail(
      'state-conflict',
      `the station is closed then: ${closure.reason}; ${instead(step, { station, start, end }, calendar, site, now)}`,
      { field },
    );
  if (insists) return undefined;
  const missing = step.procedure.needs.filter((one) => !station.capabilities.includes(one));
  if (missing.length > 0)
    return fail(
      'station-unavailable',
      `the station does not have what the procedure needs: ${missing.join(', ')}; choose another, or insist by ?force=true`,
      { field: 'Appointment.participant' },
    );
  const why = reasonAgainst(step, { station, start, end }, calendar, site);
  if (!why) return undefined;
  const next = instead(step, { station, start, end }, calendar, site, now);
  return fail('state-conflict', `${why}; ${next}, or insist by ?force=true`, { field });
}

function reasonAgainst(step: RequestedStep, { station, start, end }: FreeTime, { taken }: Calendar, site: Site) {
  const until = new Date(end.getTime() + step.turnoverMinutes * 60_000);
  if (taken.some(overlaps(station, start, until))) return 'the station is taken then';
  if (taken.some((one) => one.aeTitle === undefined && one.start < end && one.end > start))
    return 'the patient has another exam then';
  const isServed = (step.isStat && station.alwaysOpenForStat) || isOpen(station, start.getTime(), end.getTime(), site);
  return isServed ? undefined : 'the station is not open then';
}

/** The next free time there, and that of any other station where it is sooner. */
function instead(step: RequestedStep, { station, start }: FreeTime, calendar: Calendar, site: Site, now: Date): string {
  const from = new Date(Math.max(start.getTime(), readyFrom(step, now)));
  const until = new Date(from.getTime() + HORIZON_DAYS * 86_400_000);
  const others = stationsToKnow({ ...step, stationAeTitle: undefined }, site);
  const [first] = freeTimes(step, others, calendar, site, { from, until, limit: 1 });
  const [here] = freeTimes(step, [station], calendar, site, { from, until, limit: 1 });
  const said = (one: FreeTime) =>
    DateTime.fromJSDate(one.start, { zone: site.timeZone }).toISO({
      suppressMilliseconds: true,
      suppressSeconds: true,
    });
  const elsewhere = first && first.station !== station && (!here || first.start < here.start) ? first : undefined;
  const found = [
    ...(here ? [`${said(here)} there`] : []),
    ...(elsewhere ? [`${said(elsewhere)} at ${elsewhere.station.aeTitle}`] : []),
  ];
  return found.length > 0 ? `the next free time is ${found.join(', ')}` : `none is free within ${HORIZON_DAYS} days`;
}
