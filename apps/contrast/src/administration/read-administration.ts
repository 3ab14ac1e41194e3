import type { Identifier, Medication, MedicationAdministration, Quantity } from 'fhir/r4.js';
import { referencedId, uuidFrom, validateResource } from '#fhir';
import { fail, type Failure } from '#platform';
import { contrastPlanIdOf, wasGiven } from '../contrast-plan.decider.js';

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
 * in error, only who it was about and under which number is asked.
 *
 * @throws Failure field-missing, field-invalid with the FHIRPath of the element
 */
export function readAdministration(body: unknown): StatedAdministration {
  const stated = validateResource(body, 'MedicationAdministration');
  if (stated.status === 'unknown')
    throw invalid('status', 'must say what became of it: in-progress, on-hold, completed, stopped or not-done');
  const identifier = stated.identifier?.find(isUsable);
  if (!identifier) throw missing('identifier', 'the number under which your system knows this administration');
  const planId = planOf(stated);
  const agent = agentOf(stated);
  if (!agent.coding?.some((one) => one.code) && !agent.text)
    throw missing('medicationReference', 'a contained Medication with the code of the agent that was given');
  if (wasGiven(stated)) checkGiven(stated);
  const id = uuidFrom('MedicationAdministration', identifier.system!, identifier.value!);
  return { administration: { ...stated, id, meta: undefined }, planId };
}

/** The lot number of what was given. */
export function lotNumberOf(stated: MedicationAdministration): string | undefined {
  return medicationOf(stated)?.batch?.lotNumber?.trim() || undefined;
}

/** True for an identifier that tells one administration from all others. */
export function isUsable({ system, value }: Identifier): boolean {
  return Boolean(system && value);
}

function checkGiven(stated: MedicationAdministration): void {
  if (!stated.medicationReference || !lotNumberOf(stated))
    throw missing(
      'contained',
      'a Medication with batch.lotNumber, referred to by medicationReference, for the lot that was given',
    );
  if (!stated.effectiveDateTime && !stated.effectivePeriod?.start)
    throw missing('effectiveDateTime', 'when it was given');
  checkQuantity('dosage.dose', stated.dosage?.dose, 'the volume that was given, with its unit, such as mL');
  if (!stated.dosage?.route?.text && !stated.dosage?.route?.coding?.some((one) => one.code))
    throw missing('dosage.route', 'how it was given');
  if (stated.dosage.rateQuantity)
    checkQuantity('dosage.rateQuantity', stated.dosage.rateQuantity, 'the rate, with its unit, such as mL/s');
  if (stated.dosage.rateRatio) {
    checkQuantity('dosage.rateRatio.numerator', stated.dosage.rateRatio.numerator, 'the volume, with its unit');
    checkQuantity('dosage.rateRatio.denominator', stated.dosage.rateRatio.denominator, 'the time, with its unit');
  }
  const performed = stated.performer?.some(({ actor }) => actor?.reference || actor?.display || actor?.identifier);
  if (!performed) throw missing('performer', 'who gave it: actor with a reference, an identifier or a display');
}

function checkQuantity(path: string, quantity: Quantity | undefined, what: string): void {
  if (typeof quantity?.value !== 'number') throw missing(path, what);
  if (!(quantity.value > 0)) throw invalid(`${path}.value`, 'must be more than 0');
  // A bound is no amount: "<80 mL" does not say what was given.
  if (quantity.comparator) throw invalid(`${path}.comparator`, 'must be left out: say what was given');
  if (!quantity.unit && !quantity.code) throw missing(`${path}.unit`, what);
}

function agentOf(stated: MedicationAdministration) {
  return stated.medicationCodeableConcept ?? medicationOf(stated)?.code ?? {};
}

/** The contained Medication that `medicationReference` refers to: of several, the others are not what was given. */
function medicationOf({ medicationReference, contained = [] }: MedicationAdministration): Medication | undefined {
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
