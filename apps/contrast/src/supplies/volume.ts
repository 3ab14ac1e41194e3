import type { Quantity } from 'fhir/r4.js';
import { ofTable } from '#platform';

/** Spellings of UCUM units of volume in use, in microlitres. */
const microlitres: Readonly<Record<string, number>> = {
  mL: 1000,
  ml: 1000,
  ML: 1000,
  cc: 1000,
  cm3: 1000,
  L: 1_000_000,
  l: 1_000_000,
  cL: 10_000,
  cl: 10_000,
  dL: 100_000,
  dl: 100_000,
  uL: 1,
  ul: 1,
  µL: 1,
  μL: 1,
};

/**
 * A volume in whole microlitres: stock is reckoned in those, since sums of fractions of a millilitre would not come out
 * at zero. Undefined without a number, without a unit, or in a unit that is none of volume: nothing is assumed.
 */
export function microlitresOf(quantity: Quantity | undefined): number | undefined {
  if (typeof quantity?.value !== 'number' || !Number.isFinite(quantity.value) || quantity.value < 0) return undefined;
  const units = [quantity.code, quantity.unit].filter((one) => one !== undefined);
  const known = units.map((unit) => ofTable(microlitres, unit)).filter((one) => one !== undefined);
  // A code that says one thing beside a unit that says another is a mistake somebody made.
  if (known.length === 0 || known.some((one) => one !== known[0])) return undefined;
  return Math.round(quantity.value * known[0]!);
}

/** Millilitres, as people write them. */
export function millilitresOf(volume: number): number {
  return volume / 1000;
}
