import type { Observation } from 'fhir/r4.js';
import { referencedId, sameContent, uuidFrom, validateResource } from '#fhir';
import { fail, type Failure } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { isCoded } from '../screening/facts-of-patient.js';

/** A vital sign from outside, and the administration after which it was measured. */
export interface StatedVitalSign {
  observation: Observation;
  administrationId: string;
}

/**
 * Reads a vital sign of a patient who is watched after contrast: `partOf` MedicationAdministration/<id>, a code that the
 * policy knows, when it was measured, a value with its unit (of a blood pressure its components), and by whom.
 *
 * @throws Failure field-missing, field-invalid, value-unknown
 */
export function readVitalSign(body: unknown, policy: ContrastPolicy | undefined): StatedVitalSign {
  const stated = validateResource(body, 'Observation');
  const identifier = stated.identifier?.find(({ system, value }) => system && value);
  if (!identifier) throw missing('identifier', 'the number under which your system knows this observation');
  const administrationId = stated.partOf?.flatMap(
    (one) => referencedId(one.reference, 'MedicationAdministration') ?? [],
  )[0];
  if (administrationId === undefined) throw missing('partOf', 'MedicationAdministration/<id> of what was given');
  const id = uuidFrom('Observation', 'vital sign', identifier.system!, identifier.value!);
  const observation = { ...stated, id, meta: undefined };
  if (stated.status === 'entered-in-error') return { observation, administrationId };
  if (!['final', 'amended', 'corrected'].includes(stated.status))
    throw invalid('status', 'must be final, amended, corrected or entered-in-error');
  const signs = Object.values(policy?.vitalSigns ?? {}).flatMap(({ codes }) => codes);
  if (!isCoded(stated.code, signs))
    throw fail('value-unknown', 'Observation.code must be one of the vital signs of the contrast policy', {
      field: 'Observation.code',
    });
  const at = stated.effectiveDateTime ?? stated.effectiveInstant ?? stated.effectivePeriod?.start;
  if (!at?.includes('T')) throw missing('effectiveDateTime', 'when it was measured, with a time and zone');
  const values = [stated, ...(stated.component ?? [])].flatMap(({ valueQuantity }) => valueQuantity ?? []);
  if (!values.some(({ value, unit, code }) => typeof value === 'number' && (unit || code)))
    throw missing('valueQuantity', 'what was measured, with its unit; of a panel in its components');
  if (!stated.performer?.some(({ reference, display, identifier: who }) => reference || display || who?.value))
    throw missing('performer', 'who measured it');
  return { observation, administrationId };
}

/**
 * Decides on a vital sign: the same again is no second one, other content under the same number is a correction, for
 * which the version it was made from must be named.
 *
 * @param version named by the sender, undefined for a new one
 * @throws Failure state-conflict, duplicate-key, precondition-failed
 */
export function recordVitalSign(
  current: Observation | undefined,
  stated: Observation,
  patient: string | undefined,
  version: string | undefined,
): { outcome: 'new' | 'same' | 'corrected'; observation: Observation } {
  if (stated.subject?.reference !== patient)
    throw fail('state-conflict', 'what was given was given to another patient', { field: 'Observation.subject' });
  if (!current) {
    if (stated.status === 'entered-in-error')
      throw fail('state-conflict', 'nothing is recorded under this identifier', { field: 'Observation.status' });
    return { outcome: 'new', observation: stated };
  }
  if (!sameContent(current.partOf ?? [], stated.partOf ?? []))
    throw fail('state-conflict', 'it cannot move to another administration: mark it entered-in-error', {
      field: 'Observation.partOf',
    });
  const observation = { ...stated, meta: current.meta };
  if (sameContent(current, observation)) return { outcome: 'same', observation: current };
  if (version === undefined)
    throw fail('duplicate-key', 'this identifier is in use for an observation with other content: correct it by PUT', {
      field: 'Observation.identifier',
    });
  if (version !== current.meta?.versionId)
    throw fail('precondition-failed', 'the observation was changed since: read it again');
  return { outcome: 'corrected', observation };
}

function missing(path: string, what: string): Failure {
  const field = `Observation.${path}`;
  return fail('field-missing', `${field} is required: ${what}`, { field });
}

function invalid(path: string, what: string): Failure {
  const field = `Observation.${path}`;
  return fail('field-invalid', `${field} ${what}`, { field });
}
