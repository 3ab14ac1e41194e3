import type { Quantity } from 'fhir/r4.js';
import { ofTable } from '#platform';

const millilitres: Readonly<Record<string, number>> = { mL: 1, ml: 1, cc: 1, cm3: 1, L: 1000, l: 1000, dL: 100 };
const perSecond: Readonly<Record<string, number>> = {
  'mL/s': 1,
  'ml/s': 1,
  'mL/sec': 1,
  'ml/sec': 1,
  'mL/min': 1 / 60,
  'ml/min': 1 / 60,
};

/** A volume in millilitres; undefined without a number, or in a unit that is none of volume. */
export function millilitresOf(quantity: Quantity | undefined): number | undefined {
  return inUnit(quantity, millilitres);
}

/** A rate in millilitres per second; undefined likewise. */
export function millilitresPerSecondOf(quantity: Quantity | undefined): number | undefined {
  return inUnit(quantity, perSecond);
}

/** Millilitres as a Quantity, to a hundredth: sums of volumes are not exact. */
export function millilitresQuantity(value: number): Quantity {
  return { value: Math.round(value * 100) / 100, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' };
}

function inUnit(quantity: Quantity | undefined, table: Readonly<Record<string, number>>): number | undefined {
  const factor = ofTable(table, quantity?.code ?? quantity?.unit ?? '');
  return typeof quantity?.value === 'number' && factor !== undefined ? quantity.value * factor : undefined;
}
