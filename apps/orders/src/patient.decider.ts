import type { AllergyIntolerance, Encounter, FhirResource, Patient } from 'fhir/r4.js';
import type { EventType } from '#events';
import { sameContent } from '#fhir';

/** What is to be stored and told about a patient; empty where nothing new was said. */
export interface PatientDecision {
  patient: Patient;
  event?: Extract<EventType, 'imaging.patient.registered.v1' | 'imaging.patient.updated.v1'>;
}

/**
 * Joins what a message says of a patient with what is known: an element left out keeps its value (HL7 v2: an empty
 * field means no change), an element given replaces it, and identifiers of other authorities are kept.
 */
export function decidePatient(current: Patient | undefined, stated: Patient): PatientDecision {
  if (!current) return { patient: stated, event: 'imaging.patient.registered.v1' };
  const identifiers = stated.identifier ?? [];
  const kept = (current.identifier ?? []).filter(
    (old) => !identifiers.some((one) => one.system === old.system && one.value === old.value),
  );
  const patient: Patient = {
    ...current,
    ...stated,
    meta: current.meta,
    identifier: inOrderOf(current, [...identifiers, ...kept]),
  };
  return sameContent(current, patient) ? { patient: current } : { patient, event: 'imaging.patient.updated.v1' };
}

/** The same for a visit; a message that does not state the visit's status does not change it. */
export function decideEncounter(current: Encounter | undefined, stated: Encounter): Encounter | undefined {
  return current && stated.status === 'unknown'
    ? decideResource(current, { ...stated, status: current.status })
    : decideResource(current, stated);
}

/** The same for an allergy. */
export function decideAllergy(
  current: AllergyIntolerance | undefined,
  stated: AllergyIntolerance,
): AllergyIntolerance | undefined {
  return decideResource(current, stated);
}

/** What was said over what is known; undefined where nothing new was said. */
function decideResource<R extends FhirResource>(current: R | undefined, stated: R): R | undefined {
  if (!current) return stated;
  const resource = { ...current, ...stated, meta: current.meta };
  return sameContent(current, resource) ? undefined : resource;
}

/** Identifiers known before stay where they were, so that another order of the same ones is no change. */
function inOrderOf(current: Patient, identifiers: NonNullable<Patient['identifier']>): Patient['identifier'] {
  const keys = (current.identifier ?? []).map((one) => `${one.system}|${one.value}`);
  const rank = (key: string) => (keys.includes(key) ? keys.indexOf(key) : keys.length);
  return [...identifiers].sort((a, b) => rank(`${a.system}|${a.value}`) - rank(`${b.system}|${b.value}`));
}
