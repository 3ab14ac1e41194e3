import type { CodeableConcept, Identifier, Medication, MedicationAdministration, Quantity } from 'fhir/r4.js';
import { extensions, referencedId, uuidFrom, validateResource } from '#fhir';
import { fail, type Failure } from '#platform';
import { contrastPlanIdOf, wasGiven } from '../contrast-plan.decider.js';
import { checkExtravasation, contrastIn, phasesIn } from './injection-phases.js';
import { millilitresQuantity } from './quantities.js';

/** What a person or an injector's software says was given. */
export interface StatedAdministration {
  administration: MedicationAdministration;
  /** The contrast record it carries out. */
  planId: string;
}

/**
 * Reads a MedicationAdministration from outside. It must say what was given (agent), of which lot, how much, by which
 * route, when, by whom, and for which plan: `request` MedicationRequest/<id>, or `supportingInformation`
 * ServiceRequest/<id>. The rate is taken where given: a hand injection has none. Of one that was not given, or recorded
 * in error, only who it was about and under which number is asked. An injector need not know the lot in its syringe, the
 * route, nor who operated it: a person says so.
 *
 * @throws Failure field-missing, field-invalid with the FHIRPath of the element
 */
export function readAdministration(body: unknown, by: 'person' | 'injector' = 'person'): StatedAdministration {
  const stated = withoutDeviations(validateResource(body, 'MedicationAdministration'));
  if (stated.status === 'unknown')
    throw invalid('status', 'must say what became of it: in-progress, on-hold, completed, stopped or not-done');
  const identifier = stated.identifier?.find(isUsable);
  if (!identifier) throw missing('identifier', 'the number under which your system knows this administration');
  const planId = planOf(stated);
  const agent = agentConceptOf(stated);
  if (!agent.coding?.some((one) => one.code) && !agent.text)
    throw missing('medicationReference', 'a contained Medication with the code of the agent that was given');
  const given = withDoseOfPhases(stated);
  if (wasGiven(given)) checkGiven(given, by);
  checkExtravasation(given);
  const id = uuidFrom('MedicationAdministration', identifier.system!, identifier.value!);
  return { administration: { ...given, id, meta: undefined }, planId };
}

/** Without what deviates: that is found out here, also when a resource that was read comes back. */
export function withoutDeviations(stated: MedicationAdministration): MedicationAdministration {
  if (!stated.extension) return stated;
  const { extension, ...rest } = stated;
  const own = extension.filter(({ url }) => url !== extensions.deviation);
  return own.length > 0 ? { ...rest, extension: own } : rest;
}

/** The contrast of all phases, where no dose is stated beside them. */
function withDoseOfPhases(stated: MedicationAdministration): MedicationAdministration {
  const ml = contrastIn(phasesIn(stated));
  if (ml === undefined || stated.dosage?.dose) return stated;
  return { ...stated, dosage: { ...stated.dosage, dose: millilitresQuantity(ml) } };
}

/** The lot number of what was given. */
export function lotNumberOf(stated: MedicationAdministration): string | undefined {
  return medicationOf(stated)?.batch?.lotNumber?.trim() || undefined;
}

/** When it began, as stated. */
export function startOf(stated: MedicationAdministration): string | undefined {
  return stated.effectiveDateTime ?? stated.effectivePeriod?.start;
}

/** True for an identifier that tells one administration from all others. */
export function isUsable({ system, value }: Identifier): boolean {
  return Boolean(system && value);
}

function checkGiven(stated: MedicationAdministration, by: 'person' | 'injector'): void {
  if (by === 'person' && (!stated.medicationReference || !lotNumberOf(stated)))
    throw missing(
      'contained',
      'a Medication with batch.lotNumber, referred to by medicationReference, for the lot that was given',
    );
  if (!startOf(stated)) throw missing('effectiveDateTime', 'when it was given');
  checkQuantity('dosage.dose', stated.dosage?.dose, 'the volume that was given, with its unit, such as mL');
  const route = stated.dosage?.route;
  if (by === 'person' && !route?.text && !route?.coding?.some((one) => one.code))
    throw missing('dosage.route', 'how it was given');
  if (stated.dosage?.rateQuantity)
    checkQuantity('dosage.rateQuantity', stated.dosage.rateQuantity, 'the rate, with its unit, such as mL/s');
  if (stated.dosage?.rateRatio) {
    checkQuantity('dosage.rateRatio.numerator', stated.dosage.rateRatio.numerator, 'the volume, with its unit');
    checkQuantity('dosage.rateRatio.denominator', stated.dosage.rateRatio.denominator, 'the time, with its unit');
  }
  const performed = stated.performer?.some(({ actor }) => actor?.reference || actor?.display || actor?.identifier);
  if (!performed && by === 'person')
    throw missing('performer', 'who gave it: actor with a reference, an identifier or a display');
}

function checkQuantity(path: string, quantity: Quantity | undefined, what: string): void {
  if (typeof quantity?.value !== 'number') throw missing(path, what);
  if (!(quantity.value > 0)) throw invalid(`${path}.value`, 'must be more than 0');
  // A bound is no amount: "<80 mL" does not say what was given.
  if (quantity.comparator) throw invalid(`${path}.comparator`, 'must be left out: say what was given');
  if (!quantity.unit && !quantity.code) throw missing(`${path}.unit`, what);
}

/** What it says was given, by code or text; empty where it says nothing. */
export function agentConceptOf(stated: MedicationAdministration): CodeableConcept {
  return stated.medicationCodeableConcept ?? medicationOf(stated)?.code ?? {};
}

/** The contained Medication that `medicationReference` refers to: of several, the others are not what was given. */
export function medicationOf({
  medicationReference,
  contained = [],
}: MedicationAdministration): Medication | undefined {
  const medications = contained.filter((one): one is Medication => one.resourceType === 'Medication');
  return medications.find(({ id }) => `#${id}` === medicationReference?.reference);
}

function planOf({ request, supportingInformation = [] }: MedicationAdministration): string {
  const byRequest = referencedId(request?.reference, 'MedicationRequest');
  const orderId = supportingInformation
    .map((one) => referencedId(one.reference, 'ServiceRequest'))
    .find((one) => one !== undefined);
  const byOrder = orderId && contrastPlanIdOf(orderId);
  const planId = byRequest ?? byOrder;
  if (!planId) throw missing('request', 'MedicationRequest/<id> of the contrast record');
  if (byOrder && byOrder !== planId)
    throw invalid('supportingInformation', 'refers to another order than the contrast record in request is of');
  return planId;
}

function missing(path: string, what: string): Failure {
  const field = `MedicationAdministration.${path}`;
  return fail('field-missing', `${field} is required: ${what}`, { field });
}

function invalid(path: string, what: string): Failure {
  const field = `MedicationAdministration.${path}`;
  return fail('field-invalid', `${field} ${what}`, { field });
}
