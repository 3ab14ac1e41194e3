import type { CodeableConcept, Identifier, Patient } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { conceptKey } from './data-types.js';

/** What of a statement tells it from others of its patient. */
export interface Told {
  code: CodeableConcept;
  /** Its number, if it has one, is enough. */
  own?: Identifier | undefined;
}

/** Identity of a diagnosis: its number, else its code among those of its patient and visit. */
export function conditionIdOf(patient: Patient, { own, code }: Told, visitId = ''): string {
  return idOf('Condition', patient, own ?? [visitId, conceptKey(code)]);
}

/** Identity of an observation: its number, else its code, sub-id (OBX-4) and time among those of its patient. */
export function observationIdOf(patient: Patient, { own, code }: Told, subId = '', time = ''): string {
  return idOf('Observation', patient, own ?? [conceptKey(code), subId, time]);
}

function idOf(type: 'Condition' | 'Observation', patient: Patient, known: Identifier | string[]): string {
  const parts = Array.isArray(known) ? known : [known.system ?? '', known.value!];
  return uuidFrom(type, patient.id!, ...parts);
}
