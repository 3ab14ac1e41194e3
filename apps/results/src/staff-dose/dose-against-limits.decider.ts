import { DateTime } from 'luxon';
import type { DoseLimit, DoseWindow, StaffDoseSettings, WearLocation } from '#platform';
import { seriesOf, type PeriodDose, type SummedReading } from './dose-of-person.decider.js';
import { groupedBy } from './grouped-by.js';
import { NANO } from './staff-reading.decider.js';

/** From the day a pregnancy was declared until it was over, as YYYY-MM-DD. */
export interface DeclaredPregnancy {
  from: string;
  until?: string;
}

/** One dose of one person over one time, against one limit or level; doses in millisieverts. */
export interface LimitStanding {
  dose: DoseLimit['dose'];
  level: DoseLimit['level'];
  window: DoseWindow;
  /** Which of them: `2026`, `2026-03`, `2026-Q1`, a wearing period, the day of a declaration; `latest` of those that roll. */
  period: string;
  /** First and last day. */
  from: string;
  to: string;
  /** True where the time is over, so that nothing can be added but what comes late. */
  isOver: boolean;
  /** Where the highest of several places was worn. */
  location?: WearLocation;
  limit: number;
  source: string;
  /** What it was at least, and at most: readings below what is reported count as nothing, and as the most they can be. */
  lower: number;
  upper: number;
  /** Of the limit; 1 is all of it. */
  share: number;
  upperShare: number;
  /** `not-excluded` where only the most that it can be is above. */
  state: 'below' | 'not-excluded' | 'above';
  read: number;
  belowReportable: number;
  /** Dosimeters that were lost, spoilt or not given back: the dose may be more than `upper`. */
  notRead: number;
  /** Wearing periods in which a place to be weighted had no reading. */
  unweighted: number;
}

/**
 * What a person's readings come to against each limit of the site, for every time of which there are readings, the newest
 * first. Nothing is told of a dose that no dosimeter was worn for.
 *
 * A reading counts whole in the time in which its wearing period ends. What rolls ends with the newest reading: ended
 * today, it would leave out the months whose readings are not there yet.
 *
 * @param today as YYYY-MM-DD
 */
export function againstLimits(
  readings: readonly SummedReading[],
  pregnancies: readonly DeclaredPregnancy[],
  { doses, limits }: Pick<StaffDoseSettings, 'doses' | 'limits'>,
  today: string,
): LimitStanding[] {
  return limits
    .flatMap((limit) => {
      const source = doses.find(({ dose }) => dose === limit.dose)!;
      const found = new Map<string, LimitStanding>();
      for (const { location, periods } of seriesOf(source, readings))
        for (const time of timesOf(limit.window, periods, pregnancies)) {
          const standing = standingOf(limit, time, location, today);
          const highest = found.get(time.period);
          if (!highest || isHigher(standing, highest)) found.set(time.period, standing);
        }
      return [...found.values()];
    })
    .sort((a, b) => (a.to < b.to ? 1 : a.to > b.to ? -1 : 0));
}

/**
 * What is shown of a person at a glance: of each limit the newest time, and every other that is above.
 *
 * @param standings the newest first
 */
export function currentOf(standings: readonly LimitStanding[]): LimitStanding[] {
  const sameRow = (a: LimitStanding, b: LimitStanding) =>
    a.dose === b.dose && a.level === b.level && a.window === b.window;
  return standings.filter(
    (one, index) => one.state === 'above' || standings.findIndex((other) => sameRow(one, other)) === index,
  );
}

/** How a person stands over all: the worst of it. */
export type PersonState = 'below' | 'not-excluded' | 'investigation' | 'limit-exceeded';

export function stateOf(standings: readonly LimitStanding[]): PersonState {
  const above = standings.filter(({ state }) => state === 'above');
  if (above.some(({ level }) => level === 'limit')) return 'limit-exceeded';
  if (above.length > 0) return 'investigation';
  return standings.some(({ state }) => state === 'not-excluded') ? 'not-excluded' : 'below';
}

/** A time to sum over, with what was worn in it. */
interface SummedTime {
  period: string;
  from: string;
  to: string;
  periods: PeriodDose[];
}

function timesOf(
  window: DoseWindow,
  periods: readonly PeriodDose[],
  pregnancies: readonly DeclaredPregnancy[],
): SummedTime[] {
  switch (window) {
    case 'wearing-period':
      return grouped(periods, ({ start, end }) => ({ period: `${start}/${end}`, from: start, to: end }));
    case 'calendar-month':
      return grouped(periods, ({ end }) => calendar(end, 'month', 'yyyy-MM'));
    case 'calendar-quarter':
      return grouped(periods, ({ end }) => calendar(end, 'quarter', "yyyy-'Q'q"));
    case 'calendar-year':
      return grouped(periods, ({ end }) => calendar(end, 'year', 'yyyy'));
    case 'rolling-12-months':
      return rolling(periods, 12);
    case 'rolling-5-years':
      return rolling(periods, 60);
    case 'pregnancy':
      return pregnancies.flatMap(({ from, until }) => duringPregnancy(periods, from, until));
  }
}

function grouped(
  periods: readonly PeriodDose[],
  timeOf: (one: PeriodDose) => Omit<SummedTime, 'periods'>,
): SummedTime[] {
  const groups = groupedBy(periods, (one) => timeOf(one).period);
  return [...groups.values()].map((group) => ({ ...timeOf(group[0]!), periods: group }));
}

function calendar(end: string, unit: 'month' | 'quarter' | 'year', format: string): Omit<SummedTime, 'periods'> {
  const day = dayOf(end);
  return { period: day.toFormat(format), from: iso(day.startOf(unit)), to: iso(day.endOf(unit)) };
}

function rolling(periods: readonly PeriodDose[], months: number): SummedTime[] {
  const to = periods
    .map(({ end }) => end)
    .sort()
    .at(-1);
  if (to === undefined) return [];
  const from = iso(dayOf(to).plus({ days: 1 }).minus({ months }));
  return [{ period: 'latest', from, to, periods: periods.filter(({ end }) => end >= from) }];
}

/** A wearing period that a declaration falls into counts whole: it is not known which part of the dose came before. */
function duringPregnancy(periods: readonly PeriodDose[], from: string, until: string | undefined): SummedTime[] {
  const during = periods.filter(({ start, end }) => end >= from && (until === undefined || start <= until));
  const last = during
    .map(({ end }) => end)
    .sort()
    .at(-1);
  return last === undefined ? [] : [{ period: from, from, to: until ?? last, periods: during }];
}

function standingOf(
  { dose, level, window, millisieverts, source }: DoseLimit,
  { period, from, to, periods }: SummedTime,
  location: WearLocation | undefined,
  today: string,
): LimitStanding {
  const sum = (of: 'lower' | 'upper' | 'read' | 'below' | 'notRead') =>
    periods.reduce((total, one) => total + one[of], 0);
  const [lower, upper] = [sum('lower'), sum('upper')];
  const limit = Math.round(millisieverts * NANO);
  return {
    dose,
    level,
    window,
    period,
    from,
    to,
    isOver: to < today,
    ...(location ? { location } : {}),
    limit: millisieverts,
    source,
    lower: lower / NANO,
    upper: upper / NANO,
    share: lower / limit,
    upperShare: upper / limit,
    state: lower > limit ? 'above' : upper > limit ? 'not-excluded' : 'below',
    read: sum('read'),
    belowReportable: sum('below'),
    notRead: sum('notRead'),
    unweighted: periods.filter(({ isUnweighted }) => isUnweighted).length,
  };
}

function isHigher(a: LimitStanding, b: LimitStanding): boolean {
  return a.lower > b.lower || (a.lower === b.lower && a.upper > b.upper);
}

function dayOf(text: string): DateTime {
  return DateTime.fromISO(text, { zone: 'utc' });
}

function iso(day: DateTime): string {
  return day.toISODate()!;
}
