import type { Quantity } from 'fhir/r4.js';
import { ofTable } from '#platform';

/** Grams in a mole of creatinine, C4H7N3O: 1 mg/dL is 88.4 µmol/L. */
const CREATININE_G_PER_MOL = 113.12;
const UMOL_PER_MG_DL = 10_000 / CREATININE_G_PER_MOL;

/** Spellings of UCUM units in use, and what one of each is in the unit screening reckons in. */
const factors = {
  /** µmol/L. */
  creatinine: {
    'umol/L': 1,
    'µmol/L': 1,
    'μmol/L': 1,
    'umol/l': 1,
    'µmol/l': 1,
    'μmol/l': 1,
    'UMOL/L': 1,
    'mmol/L': 1000,
    'mmol/l': 1000,
    'mg/dL': UMOL_PER_MG_DL,
    'mg/dl': UMOL_PER_MG_DL,
    'MG/DL': UMOL_PER_MG_DL,
    'mg/L': UMOL_PER_MG_DL / 10,
  },
  /** mL/min/1.73 m². A clearance that is not normalised to body surface (mL/min) is another thing. */
  egfr: {
    'mL/min/{1.73_m2}': 1,
    'mL/min/1.73.m2': 1,
    'mL/min/1.73m2': 1,
    'mL/min/1.73m²': 1,
    'mL/min/1.73 m2': 1,
    'mL/min/1.73 m²': 1,
    'mL/min/{1.73m2}': 1,
    'ml/min/1.73m2': 1,
    'ml/min/1.73m²': 1,
    'ml/min/1.73 m2': 1,
    'ml/min/{1.73_m2}': 1,
    'mL/min/1.73_m2': 1,
  },
  /** kg. */
  weight: { kg: 1, g: 0.001, '[lb_av]': 0.45359237, lb: 0.45359237, lbs: 0.45359237 },
  /** cm. */
  height: { cm: 1, m: 100, mm: 0.1, '[in_i]': 2.54, in: 2.54, '[ft_i]': 30.48 },
} as const satisfies Record<string, Record<string, number>>;

export type Measure = keyof typeof factors;

/**
 * A quantity in the unit screening reckons in: creatinine µmol/L, eGFR mL/min/1.73 m², weight kg, height cm. A unit is
 * converted, never assumed: without one, or in one that is not of the measure, there is no value.
 */
export function converted(
  quantity: Quantity | undefined,
  measure: Measure,
): number | 'no unit' | 'unknown unit' | 'no number' {
  if (typeof quantity?.value !== 'number' || !Number.isFinite(quantity.value)) return 'no number';
  const units = [quantity.code, quantity.unit].filter((one) => one !== undefined);
  if (units.length === 0) return 'no unit';
  const table: Readonly<Record<string, number>> = factors[measure];
  const known = units.map((unit) => ofTable(table, unit)).filter((one) => one !== undefined);
  // A code that says one thing beside a unit that says another is a mistake somebody made.
  if (known.length === 0 || known.some((one) => one !== known[0])) return 'unknown unit';
  return quantity.value * known[0]!;
}

/** µmol/L of creatinine as mg/dL. */
export function milligramsPerDecilitre(umolPerL: number): number {
  return umolPerL / UMOL_PER_MG_DL;
}
