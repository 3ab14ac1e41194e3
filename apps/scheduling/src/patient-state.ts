import type { AllergyIntolerance, Observation } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { conceptText, pregnancyStatus, weightInKilograms } from '#fhir';

/** What is known of a patient's state that technologists see in the worklist. */
export type Clinical = AllergyIntolerance | Observation;

/**
 * What an item says of its patient's state: allergies, weight and pregnancy. Whoever does the exam asks all the same;
 * what is not known, or known too long, is empty and never made up.
 */
export function stateAttributes(clinical: readonly Clinical[], now: Date): DatasetInput {
  const observations = clinical.filter((one): one is Observation => one.resourceType === 'Observation');
  const allergies = clinical.filter((one): one is AllergyIntolerance => one.resourceType === 'AllergyIntolerance');
  return {
    ...allergyAttributes(allergies),
    PatientWeight: weightInKilograms(observations, now)?.slice(0, 16) ?? '',
    PregnancyStatus: pregnancyStatus(observations, now) ?? '',
  };
}

/**
 * Allergies (0010,2110): the substances, with what they did where it is known. One that ended or was an error is not
 * said.
 */
function allergyAttributes(allergies: readonly AllergyIntolerance[]): DatasetInput {
  // What nobody said to be over is warned of, also where a client left its status out.
  const isPresent = ({ clinicalStatus, verificationStatus }: AllergyIntolerance) =>
    !['inactive', 'resolved'].includes(clinicalStatus?.coding?.[0]?.code ?? '') &&
    verificationStatus?.coding?.[0]?.code !== 'entered-in-error';
  const said = allergies.filter(isPresent).map(({ code, reaction }) => {
    const substance = conceptText(code);
    const effects = (reaction ?? []).flatMap(({ manifestation }) => manifestation.map(conceptText));
    const text = effects.some(Boolean) ? `${substance}: ${effects.filter(Boolean).join(', ')}` : substance;
    return text.replaceAll('\\', ' ').slice(0, 64);
  });
  return { Allergies: said.length > 0 ? [...new Set(said)] : '' };
}
