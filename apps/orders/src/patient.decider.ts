import type { AllergyIntolerance, Encounter, FhirResource, Patient } from 'fhir/r4.js';
import type { EventType } from '#events';
import { joinStated, sameContent } from '#fhir';
import type { Clinical } from '#mapping';

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
  if (!current) return { patient: joinStated(undefined, stated), event: 'imaging.patient.registered.v1' };
  const identifiers = stated.identifier ?? [];
  const kept = (current.identifier ?? []).filter(
    (old) => !identifiers.some((one) => one.system === old.system && one.value === old.value),
  );
  const patient: Patient = {
    ...joinStated(current, stated),
    identifier: inOrderOf(current, [...identifiers, ...kept]),
  };
  return sameContent(current, patient) ? { patient: current } : { patient, event: 'imaging.patient.updated.v1' };
}

/**
 * The same for a visit; a message that does not state the visit's status does not change it, and what is said of the
 * stay is joined element by element.
 */
export function decideEncounter(current: Encounter | undefined, stated: Encounter): Encounter | undefined {
  if (!current) return decideResource(current, stated);
  const status = stated.status === 'unknown' ? current.status : stated.status;
  const hospitalization = stated.hospitalization && { ...current.hospitalization, ...stated.hospitalization };
  const period = stated.period && { ...current.period, ...stated.period };
  return decideResource(current, {
    ...stated,
    status,
    ...(hospitalization ? { hospitalization } : {}),
    ...(period ? { period } : {}),
  });
}

/**
 * The same for an allergy, a diagnosis, an observation or a coverage. An allergy that was taken for an error and is said
 * again is there again: a warning too many harms less than one too few.
 */
export function decideClinical(current: Clinical | undefined, stated: Clinical): Clinical | undefined {
  if (current?.resourceType !== 'AllergyIntolerance' || stated.resourceType !== 'AllergyIntolerance')
    return decideResource(current, stated);
  const isBack = isError(current) && stated.clinicalStatus !== undefined && !stated.verificationStatus;
  return decideResource(current, isBack ? { ...stated, verificationStatus: undefined } : stated);
}

function isError({ verificationStatus }: AllergyIntolerance): boolean {
  return verificationStatus?.coding?.some(({ code }) => code === 'entered-in-error') === true;
}

/** What was said over what is known; undefined where nothing new was said. */
function decideResource<R extends FhirResource>(current: R | undefined, stated: R): R | undefined {
  const resource = joinStated(current, stated);
  return current && sameContent(current, resource) ? undefined : resource;
}

/** Identifiers known before stay where they were, so that another order of the same ones is no change. */
function inOrderOf(current: Patient, identifiers: NonNullable<Patient['identifier']>): Patient['identifier'] {
  const keys = (current.identifier ?? []).map((one) => `${one.system}|${one.value}`);
  const rank = (key: string) => (keys.includes(key) ? keys.indexOf(key) : keys.length);
  return [...identifiers].sort((a, b) => rank(`${a.system}|${a.value}`) - rank(`${b.system}|${b.value}`));
}
