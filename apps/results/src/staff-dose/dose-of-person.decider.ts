import type { DoseSource, PersonalDose, WearLocation } from '#platform';
import type { ReadValue } from './staff-reading.decider.js';

/** A reading as far as sums need it. */
export interface SummedReading {
  location: WearLocation;
  quantity: PersonalDose;
  /** First and last day, as YYYY-MM-DD. */
  start: string;
  end: string;
  value: ReadValue;
}

/** What one wearing period adds to a dose; in nanosieverts, between `lower` and `upper` where less than something was read. */
export interface PeriodDose {
  start: string;
  end: string;
  lower: number;
  upper: number;
  /** How many dosimeters were read, of them below what is reported, and how many could not be. */
  read: number;
  below: number;
  notRead: number;
  /** True where one of the places to be weighted had no reading, so that the highest of the others stands as it is. */
  isUnweighted?: true;
}

/** What a dose is told from, by period: of one place, or of several together. */
export interface DoseSeries {
  location?: WearLocation;
  periods: PeriodDose[];
}

/**
 * A dose of one person by wearing periods, told from their readings as the site says. Several dosimeters of one place and
 * period are added: each was worn a part of it. One that was not read adds nothing, and is counted.
 */
export function seriesOf(
  { quantity, wornAt, combine, weights }: DoseSource,
  readings: readonly SummedReading[],
): DoseSeries[] {
  const counted = readings.filter((one) => one.quantity === quantity && wornAt.includes(one.location));
  const places = wornAt.filter((place) => counted.some(({ location }) => location === place));
  const byPlace = places.map((location) => ({
    location,
    periods: periodsOf(counted.filter((one) => one.location === location)),
  }));
  if (combine === 'each') return byPlace;
  const keys = new Set(byPlace.flatMap(({ periods }) => periods.map(keyOf)));
  const together = [...keys].map((key) => {
    const there = byPlace.flatMap(({ location, periods }) =>
      periods.filter((one) => keyOf(one) === key).map((period) => ({ location, period })),
    );
    const isWhole = wornAt.every((place) =>
      there.some(({ location, period }) => location === place && period.read > 0),
    );
    if (combine === 'weighted' && isWhole) return weighted(there, weights!);
    return highest(there, combine === 'weighted');
  });
  return together.length > 0 ? [{ periods: together }] : [];
}

interface PlaceDose {
  location: WearLocation;
  period: PeriodDose;
}

function weighted(there: readonly PlaceDose[], weights: Partial<Record<WearLocation, number>>): PeriodDose {
  const sum = (bound: 'lower' | 'upper') =>
    Math.round(there.reduce((total, { location, period }) => total + period[bound] * weights[location]!, 0));
  return { ...counts(there), lower: sum('lower'), upper: sum('upper') };
}

function highest(there: readonly PlaceDose[], isUnweighted: boolean): PeriodDose {
  const most = (bound: 'lower' | 'upper') => Math.max(...there.map(({ period }) => period[bound]));
  return { ...counts(there), lower: most('lower'), upper: most('upper'), ...(isUnweighted ? { isUnweighted } : {}) };
}

function counts(there: readonly PlaceDose[]): Omit<PeriodDose, 'lower' | 'upper'> {
  const sum = (of: 'read' | 'below' | 'notRead') => there.reduce((total, { period }) => total + period[of], 0);
  const { start, end } = there[0]!.period;
  return { start, end, read: sum('read'), below: sum('below'), notRead: sum('notRead') };
}

function periodsOf(readings: readonly SummedReading[]): PeriodDose[] {
  const found = new Map<string, PeriodDose>();
  for (const { start, end, value } of readings) {
    const period = found.get(keyOf({ start, end })) ?? {
      start,
      end,
      lower: 0,
      upper: 0,
      read: 0,
      below: 0,
      notRead: 0,
    };
    found.set(keyOf(period), withReading(period, value));
  }
  return [...found.values()];
}

function withReading(period: PeriodDose, value: ReadValue): PeriodDose {
  const { lower, upper, read, below, notRead } = period;
  switch (value.kind) {
    case 'measured':
      return { ...period, lower: lower + value.nanosieverts, upper: upper + value.nanosieverts, read: read + 1 };
    case 'below':
      return { ...period, upper: upper + value.nanosieverts, read: read + 1, below: below + 1 };
    case 'not-read':
      return { ...period, notRead: notRead + 1 };
  }
}

function keyOf({ start, end }: { start: string; end: string }): string {
  return `${start}/${end}`;
}
