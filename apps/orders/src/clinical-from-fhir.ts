import type { Patient, ServiceRequest } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { conceptKey, type Clinical } from '#mapping';
import { fail } from '#platform';
import { isComplete } from './request-from-fhir.js';

/**
 * What a client states of a patient's state, under an id of its content: its first identifier, else what tells it from
 * others of the patient; so what is said twice is known once.
 *
 * @throws Failure field-missing where neither is there
 */
export function clinicalStated(stated: Clinical, patient: Patient): Clinical {
  const own = stated.identifier?.find(isComplete);
  const known = own ? [own.system, own.value] : keyOf(stated);
  if (known.at(0) === '')
    throw fail('field-missing', 'must hold an identifier with system and value, or what it is by code or text', {
      field: `${stated.resourceType}.identifier`,
    });
  return { ...stated, id: uuidFrom(stated.resourceType, patient.id!, ...known), meta: undefined };
}

/** Whom it is about, and the element that says so. */
export function subjectOf(stated: Clinical | ServiceRequest): { element: string; reference: string | undefined } {
  if (stated.resourceType === 'AllergyIntolerance') return { element: 'patient', reference: stated.patient.reference };
  if (stated.resourceType === 'Coverage') return { element: 'beneficiary', reference: stated.beneficiary.reference };
  return { element: 'subject', reference: stated.subject?.reference };
}

/** A diagnosis without identifier is known by its code alone: a client states it of the patient, not of a visit. */
function keyOf(stated: Clinical): string[] {
  if (stated.resourceType === 'Coverage') {
    const [{ reference, display, identifier } = {}] = stated.payor;
    return [reference ?? identifier?.value ?? display ?? '', stated.subscriberId ?? ''];
  }
  const key = conceptKey(stated.code ?? {});
  if (stated.resourceType === 'Observation') return [key, '', stated.effectiveDateTime ?? ''];
  return [key];
}
