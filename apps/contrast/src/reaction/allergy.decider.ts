import type { AdverseEvent, AllergyIntolerance, CodeableConcept } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom } from '#fhir';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { isInError, kindOf, manifestationsOf, severityOf } from './read-reaction.js';

const CLINICAL = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
const VERIFICATION = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';

/** Identity of the allergy that a reaction made. */
export function allergyIdOf(reactionId: string): string {
  return uuidFrom('AllergyIntolerance', 'contrast reaction', reactionId);
}

/**
 * What the patient must not be given again, as the reaction has it: on the substance of the agent, unconfirmed, since one
 * reaction seen is no allergological finding. It follows the reaction: corrected with it, `entered-in-error` with it, and
 * `refuted` where the reaction turns out to be of a kind that makes none. Without a policy for reactions everything but
 * an extravasation makes one.
 *
 * @param current what stands of it
 * @param agent the agent that was given, undefined where nobody knows: the substance is then contrast
 * @returns undefined where nothing changes
 */
export function allergyOf(
  current: AllergyIntolerance | undefined,
  reaction: AdverseEvent,
  agent: CodeableConcept | undefined,
  policy: ContrastPolicy | undefined,
): AllergyIntolerance | undefined {
  const kind = kindOf(reaction);
  const makes = kind !== 'extravasation' && (policy?.reactions?.makeAllergyOf.includes(kind) ?? true);
  if (isInError(reaction) || !makes) return current && takenBack(current, isInError(reaction));
  const severity = severityOf(reaction, policy);
  const criticality = policy?.reactions?.severities[severity].criticality ?? (severity === 'severe' ? 'high' : 'low');
  const substance = agent ?? { text: 'contrast medium' };
  const id = allergyIdOf(reaction.id!);
  const allergy: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    id,
    identifier: [{ system: systems.allergyIntolerance, value: id }],
    clinicalStatus: { coding: [{ system: CLINICAL, code: 'active' }] },
    verificationStatus: { coding: [{ system: VERIFICATION, code: 'unconfirmed' }] },
    type: kind === 'physiologic' ? 'intolerance' : 'allergy',
    category: ['medication'],
    criticality,
    code: substance,
    patient: reaction.subject,
    recordedDate: reaction.recordedDate,
    ...(reaction.recorder ? { recorder: reaction.recorder } : {}),
    lastOccurrence: reaction.date,
    reaction: [{ substance, manifestation: manifestationsOf(reaction), onset: reaction.date, severity }],
  };
  return changed(current, allergy);
}

/** FHIR R4 ait-1 and ait-2: what is in error has no clinical status, all else has one. */
function takenBack(current: AllergyIntolerance, inError: boolean): AllergyIntolerance | undefined {
  const code = inError ? 'entered-in-error' : 'refuted';
  const over = { ...current, verificationStatus: { coding: [{ system: VERIFICATION, code }] } };
  if (inError) delete over.clinicalStatus;
  else over.clinicalStatus = { coding: [{ system: CLINICAL, code: 'inactive' }] };
  return changed(current, over);
}

function changed(current: AllergyIntolerance | undefined, next: AllergyIntolerance): AllergyIntolerance | undefined {
  if (current && sameContent(current, next)) return undefined;
  return { ...next, ...(current?.meta ? { meta: current.meta } : {}) };
}
