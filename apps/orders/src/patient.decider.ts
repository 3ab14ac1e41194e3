import type { Patient } from 'fhir/r4.js';
import type { EventType } from '#events';

/** What is to be stored and told about a patient; empty where nothing new was said. */
export interface PatientDecision {
  patient: Patient;
  event?: Extract<EventType, `imaging.patient.${string}`>;
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
    identifier: [...identifiers, ...kept],
  };
  return sameContent(current, patient) ? { patient: current } : { patient, event: 'imaging.patient.updated.v1' };
}

function sameContent(a: Patient, b: Patient): boolean {
  const identifiersOf = (patient: Patient) =>
    JSON.stringify((patient.identifier ?? []).map((one) => `${one.system}|${one.value}`).sort());
  if (identifiersOf(a) !== identifiersOf(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  keys.delete('meta');
  keys.delete('identifier');
  return [...keys].every(
    (key) => JSON.stringify(a[key as keyof Patient]) === JSON.stringify(b[key as keyof Patient]),
  );
}
