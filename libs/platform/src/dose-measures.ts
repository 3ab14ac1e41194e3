import measures from './dose-measures.json' with { type: 'json' };
import units from './dose-units.json' with { type: 'json' };
import { ofTable } from './of-table.js';

/** What is measured of a patient's dose, each in one unit of ours (UCUM): CTDIvol in mGy, DLP in mGy.cm, ... */
export type DoseMeasure = keyof typeof measures;

/** All of them. */
export const doseMeasures = Object.keys(measures) as [DoseMeasure, ...DoseMeasure[]];

/** The unit that a measure is kept in, a UCUM code. */
export function doseUnitOf(measure: DoseMeasure): string {
  return measures[measure].unit;
}

/** The units that a measure can be converted from. */
export function doseUnitsFor(measure: DoseMeasure): string[] {
  return Object.keys(units[measures[measure].kind as keyof typeof units]);
}

/**
 * A value in the unit of its measure, by the exact ratio of both units; undefined where the unit is none of this
 * measure's. Besides UCUM it takes `mGycm` and `Gym2`, which scanners write and which are nothing else in UCUM. A curie is
 * 3.7e10 Bq (UCUM table 4).
 */
export function inUnitOf(measure: DoseMeasure, value: number, unit: string): number | undefined {
  const ratio = ofTable<number[]>(units[measures[measure].kind as keyof typeof units], unit);
  if (!ratio || !Number.isFinite(value)) return undefined;
  // A decimal string has at most 16 characters: what multiplying adds behind them is not measured.
  return Number(((value * ratio[0]!) / ratio[1]!).toPrecision(15));
}
