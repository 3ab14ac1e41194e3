import type { Extension, Medication, MedicationAdministration } from 'fhir/r4.js';
import { conceptText, extensions } from '#fhir';
import { fail, type Failure } from '#platform';
import { humanReadable, readBarcode, type Barcode } from '../barcodes/gs1.js';
import { packageOf, type KnownPackage } from '../barcodes/known-package.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { agentOf } from '../screening/planned-contrast.js';
import { hasWords } from '../screening/words.js';

/** Identifier system of GTINs (HL7 terminology, NamingSystem GTIN). */
export const GTIN_SYSTEM = 'https://www.gs1.org/gtin';

/**
 * Completes what was given from the barcodes of its packages: extension `urn:collimator:extension:barcode` on a contained
 * Medication, once for each barcode of the package. GTIN, lot and last day come from it, the agent and its strength from
 * the product the policy has under the GTIN. What is stated beside it must say the same. Kept is the barcode in
 * parentheses, since a FHIR string holds no control characters.
 *
 * @throws Failure field-invalid naming the element that says otherwise, or the barcode that cannot be read
 */
export function completeFromBarcode(
  stated: MedicationAdministration,
  policy: ContrastPolicy | undefined,
  now: Date,
): MedicationAdministration {
  if (!stated.contained?.some(hasBarcode)) return stated;
  const contained = stated.contained.map((one, index) =>
    hasBarcode(one) ? completed(one, `MedicationAdministration.contained[${index}]`, policy, now) : one,
  );
  return { ...stated, contained };
}

function completed(medication: Medication, path: string, policy: ContrastPolicy | undefined, now: Date): Medication {
  const field = `${path}.extension`;
  const codes = barcodesOn(medication).map(({ valueString }) => readBarcode(valueString ?? '', now, field));
  const { gtin, lot, expiry } = joined(codes, field);
  const stated = {
    gtin: medication.identifier?.find(({ system }) => system === GTIN_SYSTEM)?.value?.padStart(14, '0'),
    lot: medication.batch?.lotNumber?.trim(),
    expiry: medication.batch?.expirationDate,
  };
  const same = (one: string | undefined, other: string | undefined) => !one || !other || one === other;
  if (!same(stated.gtin, gtin)) throw contradiction(`${path}.identifier`, 'GTIN');
  if (!same(stated.lot, lot)) throw contradiction(`${path}.batch.lotNumber`, 'lot');
  // A month stated for its last day says the same, less exactly.
  if (stated.expiry && expiry && !expiry.startsWith(stated.expiry.slice(0, 10)))
    throw contradiction(`${path}.batch.expirationDate`, 'last day');
  const product = packageOf(gtin, policy);
  if (product && !isOf(medication, product, policy!)) throw contradiction(`${path}.code`, 'agent');
  const others = (medication.identifier ?? []).filter(({ system }) => system !== GTIN_SYSTEM);
  const identifier = [...others, ...(gtin ? [{ system: GTIN_SYSTEM, value: gtin }] : [])];
  const batch = {
    ...medication.batch,
    ...(lot ? { lotNumber: lot } : {}),
    ...(expiry ? { expirationDate: expiry } : {}),
  };
  const read = codes.map((one): Extension => ({ url: extensions.barcode, valueString: humanReadable(one) }));
  return {
    ...medication,
    extension: [...(medication.extension ?? []).filter(({ url }) => url !== extensions.barcode), ...read],
    ...(identifier.length > 0 ? { identifier } : {}),
    ...(Object.keys(batch).length > 0 ? { batch } : {}),
    ...(product ? contentOf(medication, product, policy!) : {}),
  };
}

/** What the product under the GTIN adds: the agent's codes, and how much of it is in a millilitre. */
function contentOf(medication: Medication, product: KnownPackage, policy: ContrastPolicy): Partial<Medication> {
  const agent = policy.agents.find(({ display }) => display === product.agent)!;
  const code = {
    coding: agent.codes.map(({ system, code }) => ({ system, code, display: agent.display })),
    text: product.display,
  };
  const [unit = '', per = 'mL'] = product.concentration.unit.split('/');
  const strength = { numerator: { value: product.concentration.value, unit }, denominator: { value: 1, unit: per } };
  return {
    ...(conceptText(medication.code) ? {} : { code }),
    ...(medication.ingredient ? {} : { ingredient: [{ itemCodeableConcept: { text: agent.display }, strength }] }),
  };
}

function isOf({ code }: Medication, product: KnownPackage, policy: ContrastPolicy): boolean {
  const text = conceptText(code);
  if (!text) return true;
  const agent = agentOf(code?.coding ?? [], text, policy);
  return agent ? agent.display === product.agent : !code?.coding?.length && hasWords(text, product.display);
}

/** Several barcodes of one package, such as one with the GTIN and one with the lot, as what they say together. */
function joined(codes: readonly Barcode[], field: string): Barcode {
  const all: Barcode = { elements: [] };
  for (const code of codes) {
    for (const part of ['gtin', 'lot', 'expiry'] as const)
      if (all[part] && code[part] && all[part] !== code[part])
        throw fail('field-invalid', `${field}: the barcodes are of different packages`, { field });
    Object.assign(all, code);
  }
  return all;
}

function hasBarcode(one: object): one is Medication {
  return (one as Medication).resourceType === 'Medication' && barcodesOn(one as Medication).length > 0;
}

function barcodesOn({ extension = [] }: Medication): Extension[] {
  return extension.filter(({ url }) => url === extensions.barcode);
}

function contradiction(field: string, what: string): Failure {
  return fail('field-invalid', `${field} says another ${what} than the barcode: scan the package that was given`, {
    field,
  });
}
