import type { PersonalDose, WearLocation } from '#platform';
import type { SummedReading } from './dose-of-person.decider.js';
import { groupedBy } from './grouped-by.js';
import { NANO } from './staff-reading.decider.js';

/** Bands of a person's dose in millisieverts: limit of the public, category A, limit of workers (2013/59/Euratom articles 12, 40 and 9). */
const bandEnds = [1, 6, 20];

/** Doses of all persons at one place and in one quantity, over a time; in millisieverts, of each person's lower sum. */
export interface StaffDoseStatistic {
  location: WearLocation;
  quantity: PersonalDose;
  persons: number;
  readings: number;
  belowReportable: number;
  notRead: number;
  /** Of all persons together (person-millisieverts), at least and at most. */
  collective: number;
  collectiveUpper: number;
  median: number;
  highest: number;
  /** How many persons are in which band. */
  bands: Record<string, number>;
}

/** What the staff got over a time, without anything of whom. */
export function staffDoseStatistics(
  readings: readonly (SummedReading & { practitionerId: string })[],
): StaffDoseStatistic[] {
  const groups = groupedBy(readings, ({ location, quantity }) => `${location} ${quantity}`);
  return [...groups.values()]
    .map((group) => statisticOf(group))
    .sort((a, b) => a.location.localeCompare(b.location) || a.quantity.localeCompare(b.quantity));
}

function statisticOf(group: readonly (SummedReading & { practitionerId: string })[]): StaffDoseStatistic {
  const { location, quantity } = group[0]!;
  const lower = ({ value }: SummedReading) => (value.kind === 'measured' ? value.nanosieverts : 0);
  const upper = ({ value }: SummedReading) => (value.kind === 'not-read' ? 0 : value.nanosieverts);
  const sum = (of: readonly SummedReading[], dose: (one: SummedReading) => number) =>
    of.reduce((total, one) => total + dose(one), 0) / NANO;
  const sums = [...groupedBy(group, ({ practitionerId }) => practitionerId).values()]
    .map((own) => sum(own, lower))
    .sort((a, b) => a - b);
  const middle = Math.floor(sums.length / 2);
  const count = (kind: string) => group.filter(({ value }) => value.kind === kind).length;
  return {
    location,
    quantity,
    persons: sums.length,
    readings: group.length,
    belowReportable: count('below'),
    notRead: count('not-read'),
    collective: sum(group, lower),
    collectiveUpper: sum(group, upper),
    median: sums.length % 2 ? sums[middle]! : (sums[middle - 1]! + sums[middle]!) / 2,
    highest: sums.at(-1)!,
    bands: bandsOf(sums),
  };
}

function bandsOf(sums: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    [...bandEnds, Infinity].map((end, index) => {
      const from = bandEnds[index - 1] ?? 0;
      const name = end === Infinity ? `${from}+` : `${from}-${end}`;
      return [name, sums.filter((dose) => dose >= from && dose < end).length];
    }),
  );
}
