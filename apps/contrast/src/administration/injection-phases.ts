import type { Extension, MedicationAdministration, Quantity } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { fail, ofTable, type Failure } from '#platform';
import { millilitresOf, millilitresPerSecondOf } from './quantities.js';

/** One phase of a power injection, as far as it is stated: volumes in mL, rates in mL/s, pressures in kPa. */
export interface InjectionPhase {
  number: number;
  content: 'contrast' | 'saline' | 'mixed';
  /** How much of it is contrast, 0 to 1. */
  contrastPart: number;
  plannedMl?: number;
  volumeMl?: number;
  plannedMlPerSecond?: number;
  mlPerSecond?: number;
  peak?: number;
  limit?: number;
}

const kilopascals: Readonly<Record<string, number>> = {
  kPa: 1,
  '[psi]': 6.894757,
  psi: 6.894757,
  bar: 100,
  Pa: 0.001,
  MPa: 1000,
};

/** The quantities of a phase, with what reads each. */
const quantities = {
  plannedVolume: ['plannedMl', millilitresOf, 'a volume, such as in mL'],
  volume: ['volumeMl', millilitresOf, 'a volume, such as in mL'],
  plannedRate: ['plannedMlPerSecond', millilitresPerSecondOf, 'a rate in mL/s or mL/min'],
  rate: ['mlPerSecond', millilitresPerSecondOf, 'a rate in mL/s or mL/min'],
  peakPressure: ['peak', pressureOf, 'a pressure in kPa, psi or bar'],
  pressureLimit: ['limit', pressureOf, 'a pressure in kPa, psi or bar'],
} as const;

/**
 * The phases of an injection: extension `urn:collimator:extension:injection-phase`, once for each, with `number`
 * (valuePositiveInt), `content` (valueCode contrast, saline or mixed), of a mixed one `contrastPercent` (valueDecimal), and
 * as valueQuantity `plannedVolume`, `volume`, `plannedRate`, `rate`, `peakPressure`, `pressureLimit`.
 *
 * @throws Failure field-missing, field-invalid naming the part
 */
export function phasesIn({ extension = [] }: MedicationAdministration): InjectionPhase[] {
  const phases = extension.flatMap((one, at) => (one.url === extensions.injectionPhase ? [phaseOf(one, at)] : []));
  const numbers = phases.map(({ number }) => number);
  if (new Set(numbers).size !== numbers.length)
    throw fail('field-invalid', 'two phases have one number', { field: 'MedicationAdministration.extension' });
  return phases.sort((a, b) => a.number - b.number);
}

/** Millilitres of contrast in phases; undefined where none says how much it was. */
export function contrastIn(phases: readonly InjectionPhase[]): number | undefined {
  const told = phases.filter(({ volumeMl, contrastPart }) => volumeMl !== undefined && contrastPart > 0);
  return told.length > 0 ? told.reduce((ml, one) => ml + one.volumeMl! * one.contrastPart, 0) : undefined;
}

/**
 * Checks what is stated of an extravasation: extension `urn:collimator:extension:extravasation` with `site`
 * (valueCodeableConcept, such as the left antecubital fossa) and, where somebody guessed it, `volume` (valueQuantity).
 *
 * @throws Failure field-missing, field-invalid
 */
export function checkExtravasation({ extension = [] }: MedicationAdministration): void {
  for (const [at, one] of extension.entries()) {
    if (one.url !== extensions.extravasation) continue;
    const path = `extension[${at}]`;
    const site = partOf(one, 'site')?.valueCodeableConcept;
    if (!site?.text && !site?.coding?.some(({ code }) => code))
      throw missing(`${path}.site`, 'where it went beside the vessel');
    const volume = partOf(one, 'volume');
    const ml = millilitresOf(volume?.valueQuantity);
    if (volume && !(ml !== undefined && ml > 0))
      throw invalid(`${path}.volume`, 'must be a volume more than 0, such as in mL');
  }
}

function phaseOf(stated: Extension, at: number): InjectionPhase {
  const path = `extension[${at}]`;
  const number = partOf(stated, 'number')?.valuePositiveInt;
  if (!Number.isInteger(number) || number! < 1) throw missing(`${path}.number`, 'which phase it is, from 1');
  const content = partOf(stated, 'content')?.valueCode as InjectionPhase['content'] | undefined;
  if (!content || !['contrast', 'saline', 'mixed'].includes(content))
    throw missing(`${path}.content`, 'contrast, saline or mixed');
  const phase: InjectionPhase = { number: number!, content, contrastPart: partOfContrast(stated, content, path) };
  for (const [name, [key, read, what]] of Object.entries(quantities)) {
    const part = partOf(stated, name);
    const value = read(part?.valueQuantity);
    if (part && !(value !== undefined && value >= 0)) throw invalid(`${path}.${name}`, `must be ${what}, 0 or more`);
    if (value !== undefined) phase[key] = value;
  }
  return phase;
}

function partOfContrast(stated: Extension, content: InjectionPhase['content'], path: string): number {
  if (content !== 'mixed') return content === 'contrast' ? 1 : 0;
  const percent = partOf(stated, 'contrastPercent')?.valueDecimal;
  if (typeof percent !== 'number' || !(percent > 0 && percent < 100))
    throw missing(`${path}.contrastPercent`, 'how much of a mixed phase is contrast, between 0 and 100');
  return percent / 100;
}

function partOf({ extension = [] }: Extension, url: string): Extension | undefined {
  return extension.find((one) => one.url === url);
}

function pressureOf(quantity: Quantity | undefined): number | undefined {
  const factor = ofTable(kilopascals, quantity?.code ?? quantity?.unit ?? '');
  return typeof quantity?.value === 'number' && factor !== undefined ? quantity.value * factor : undefined;
}

function missing(path: string, what: string): Failure {
  const field = `MedicationAdministration.${path}`;
  return fail('field-missing', `${field} is required: ${what}`, { field });
}

function invalid(path: string, what: string): Failure {
  const field = `MedicationAdministration.${path}`;
  return fail('field-invalid', `${field} ${what}`, { field });
}
