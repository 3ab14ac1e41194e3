import type { Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { conceptKey, conditionIdOf, observationIdOf, type Clinical } from '#mapping';
import { isComplete } from './profile-parts.js';

/**
 * What a client states of a patient's state, under an id of its content: its first identifier, else what tells it from
 * others of the patient. A diagnosis and an observation are told as an HL7 message tells them, so that what comes by both
 * ways is known once; an allergy is so where it has no identifier.
 *
 * @param stated conforms to the site's profile, which asks for one of both
 * @param visitId the visit of the Bundle, if that is what it belongs to
 */
export function clinicalStated(stated: Clinical, patient: Patient, visitId?: string): Clinical {
  const own = stated.identifier?.find(isComplete);
  return { ...stated, id: idOf(stated, own, patient, visitId), meta: undefined };
}

/** Whom it is about, and the element that says so. */
export function subjectOf(stated: Clinical | ServiceRequest): { element: string; reference: string | undefined } {
  if (stated.resourceType === 'AllergyIntolerance') return { element: 'patient', reference: stated.patient.reference };
  if (stated.resourceType === 'Coverage') return { element: 'beneficiary', reference: stated.beneficiary.reference };
  return { element: 'subject', reference: stated.subject?.reference };
}

function idOf(
  stated: Clinical,
  own: (Identifier & { system: string; value: string }) | undefined,
  patient: Patient,
  visitId?: string,
): string {
  switch (stated.resourceType) {
    case 'Condition':
      return conditionIdOf(patient, { own, code: stated.code ?? {} }, visitId);
    case 'Observation':
      return observationIdOf(patient, { own, code: stated.code }, '', stated.effectiveDateTime);
    case 'AllergyIntolerance':
      return uuidFrom('AllergyIntolerance', patient.id!, ...(own ? [own.system, own.value] : [whatOf(stated)]));
    case 'Coverage':
      return uuidFrom(
        'Coverage',
        patient.id!,
        ...(own ? [own.system, own.value] : [whatOf(stated), stated.subscriberId ?? '']),
      );
  }
}

/** What is had, seen, not tolerated, or who pays; empty where nothing says so. */
function whatOf(stated: Clinical): string {
  if (stated.resourceType !== 'Coverage') return conceptKey(stated.code ?? {});
  const [{ reference, display, identifier } = {}] = stated.payor;
  return reference ?? identifier?.value ?? display ?? '';
}
