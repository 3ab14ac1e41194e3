import type { Identifier, Medication, MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { referencedId, sameContent, uuidFrom, validateResource } from '#fhir';
import { fail } from '#platform';
import { contrastPlanIdOf } from './contrast-plan.decider.js';

/** What a person or an injector's software says was given. */
export interface StatedAdministration {
  administration: MedicationAdministration;
  /** The contrast record it carries out. */
  planId: string;
}

/**
 * Reads a MedicationAdministration from outside. It must say what was given (agent), of which lot, how much, by which
 * route, when, by whom, and for which plan: `request` MedicationRequest/<id>, or `supportingInformation`
 * ServiceRequest/<id>. The rate is taken where given: a hand injection has none.
 *
 * @throws Failure field-missing, field-invalid with the FHIRPath of the element
 */
export function readAdministration(body: unknown): StatedAdministration {
  const stated = validateResource(body, 'MedicationAdministration');
  const missing = (path: string, what: string) =>
    fail('field-missing', `MedicationAdministration.${path} is required: ${what}`, {
      field: `MedicationAdministration.${path}`,
    });
  const identifier = stated.identifier?.find((one) => one.system && one.value);
  if (!identifier) throw missing('identifier', 'the number under which your system knows this administration');
  const planId = planOf(stated);
  if (!planId) throw missing('request', 'MedicationRequest/<id> of the contrast record');
  if (!agentOf(stated)) throw missing('medicationCodeableConcept', 'the agent that was given');
  if (stated.status !== 'not-done') {
    if (!lotNumberOf(stated))
      throw missing('contained', 'a Medication with batch.lotNumber, for the lot that was given');
    if (!stated.effectiveDateTime && !stated.effectivePeriod?.start)
      throw missing('effectiveDateTime', 'when it was given');
    if (typeof stated.dosage?.dose?.value !== 'number' || !(stated.dosage.dose.value > 0))
      throw missing('dosage.dose', 'the volume that was given, with its unit');
    if (!stated.dosage.dose.unit && !stated.dosage.dose.code) throw missing('dosage.dose.unit', 'such as mL');
    if (!stated.dosage.route) throw missing('dosage.route', 'how it was given');
    if (!stated.performer?.length) throw missing('performer', 'who gave it');
  }
  return { administration: { ...stated, id: idOf(identifier), meta: undefined }, planId };
}

/** What is to be stored. */
export type AdministrationDecision = { outcome: 'new' | 'same'; administration: MedicationAdministration };

/**
 * Decides on an administration: it must belong to a plan that stands; the same again is no second one, and the same
 * number with other content is refused, since what was given is corrected, never overwritten.
 *
 * @throws Failure unknown-key (no such contrast record), state-conflict (cancelled), duplicate-key
 */
export function recordAdministration(
  current: MedicationAdministration | undefined,
  stated: MedicationAdministration,
  plan: MedicationRequest | undefined,
): AdministrationDecision {
  const field = 'MedicationAdministration.request';
  if (!plan)
    throw fail('unknown-key', 'there is no contrast record with this id: the order may use no contrast', { field });
  if (stated.subject.reference && stated.subject.reference !== plan.subject.reference)
    throw fail('state-conflict', "the contrast record is another patient's", {
      field: 'MedicationAdministration.subject',
    });
  const administration: MedicationAdministration = {
    ...stated,
    subject: plan.subject,
    request: { reference: `MedicationRequest/${plan.id}` },
    supportingInformation: plan.basedOn,
  };
  if (current) {
    if (sameContent(current, administration)) return { outcome: 'same', administration: current };
    throw fail(
      'duplicate-key',
      'this identifier is in use for an administration with other content: correct it by PUT',
      {
        field: 'MedicationAdministration.identifier',
      },
    );
  }
  if (plan.status === 'cancelled')
    throw fail('state-conflict', 'the contrast record was cancelled with its order', { field });
  return { outcome: 'new', administration };
}

/** A corrected administration: it stays the same one, of the same plan; the version before is kept in its history. */
export function correctAdministration(
  current: MedicationAdministration,
  stated: MedicationAdministration,
): MedicationAdministration {
  return {
    ...stated,
    id: current.id,
    meta: current.meta,
    subject: current.subject,
    request: current.request,
    supportingInformation: current.supportingInformation,
  };
}

/** The lot number in the contained Medication. */
export function lotNumberOf(stated: MedicationAdministration): string | undefined {
  return containedMedication(stated)?.batch?.lotNumber;
}

function agentOf(stated: MedicationAdministration): unknown {
  return stated.medicationCodeableConcept ?? containedMedication(stated)?.code;
}

function containedMedication(stated: MedicationAdministration): Medication | undefined {
  return stated.contained?.find((one): one is Medication => one.resourceType === 'Medication');
}

function planOf(stated: MedicationAdministration): string | undefined {
  const byPlan = referencedId(stated.request?.reference, 'MedicationRequest');
  const orders = (stated.supportingInformation ?? []).map((one) => referencedId(one.reference, 'ServiceRequest'));
  const orderId = orders.find((one) => one !== undefined);
  return byPlan ?? (orderId && contrastPlanIdOf(orderId));
}

function idOf({ system, value }: Identifier): string {
  return uuidFrom('MedicationAdministration', system!, value!);
}
