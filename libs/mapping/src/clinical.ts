import type { AllergyIntolerance, Condition, Coverage, Encounter, Observation, Patient } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { systems, uuidFrom } from '#fhir';
import type { Sender, Site } from '#platform';
import { allergiesFrom } from './allergy.js';
import { conditionFrom, diagnosisOf } from './condition.js';
import { coverageFrom } from './coverage.js';
import { surroundingsOf } from './envelope.js';
import { observationFrom } from './observation.js';
import { participantsOf } from './participation.js';
import { eachRepetition } from './rows.js';

/** What a message says of a patient's state beside who they are: it travels with them and with their orders. */
export type Clinical = AllergyIntolerance | Condition | Coverage | Observation;

/** Whose it is. */
export interface About {
  patient: Patient;
  encounter?: Encounter;
  sender: Sender;
  site: Site;
}

/**
 * The allergies, diagnoses, observations and coverages of a message, each said once: of two segments that say the same
 * thing the later one counts. What a message leaves out is not ended by it.
 */
export function clinicalFrom(message: Hl7Message, { patient, encounter, sender, site }: About): Clinical[] {
  const around = surroundingsOf(sender, site);
  const participants = participantsOf(message);
  const stated = message.segments.map((segment) => {
    if (segment.name === 'DG1') return conditionFrom(segment, { patient, encounter, around });
    if (segment.name === 'OBX') return observationFrom(segment, patient, around, participants.get(segment));
    return segment.name === 'IN1' ? coverageFrom(segment, patient, around) : undefined;
  });
  const pregnant = pregnancyFrom(message.first('PV1'), patient, encounter);
  const byId = new Map<string, Clinical>();
  for (const one of [...allergiesFrom(message, patient, around), ...stated, pregnant]) if (one) byId.set(one.id!, one);
  return [...byId.values()];
}

/** PV1-15 B6 says that the patient is pregnant: an observation like others, so that it is found where those are. */
function pregnancyFrom(pv1: Segment | undefined, patient: Patient, visit?: Encounter): Observation | undefined {
  const isPregnant = pv1 && eachRepetition(pv1, 15, (repetition) => pv1.get(15, 1, 1, repetition)).includes('B6');
  if (!isPregnant) return undefined;
  return {
    resourceType: 'Observation',
    id: uuidFrom('Observation', patient.id!, 'http://loinc.org|82810-3', 'PV1-15', visit?.id ?? ''),
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '82810-3', display: 'Pregnancy status' }] },
    subject: { reference: `Patient/${patient.id}` },
    ...(visit ? { encounter: { reference: `Encounter/${visit.id}` } } : {}),
    valueCodeableConcept: { coding: [{ system: `${systems.hl7Table}0009`, code: 'B6', display: 'Pregnant' }] },
  };
}

/** The diagnoses of some segments, among those that {@link clinicalFrom} read. */
export function conditionsOf(dg1s: readonly Segment[], { patient, encounter, sender, site }: About): Condition[] {
  const around = surroundingsOf(sender, site);
  return dg1s.flatMap((dg1) => conditionFrom(dg1, { patient, encounter, around }) ?? []);
}

/** A visit with its diagnoses (IG segment map DG1[Encounter]); it has them as the message lists them. */
export function withDiagnoses(encounter: Encounter, message: Hl7Message, about: About): Encounter {
  const diagnosis = message.all('DG1').flatMap((dg1) => {
    const [condition] = conditionsOf([dg1], { ...about, encounter });
    return condition ? [diagnosisOf(dg1, condition)] : [];
  });
  return diagnosis.length > 0 ? { ...encounter, diagnosis } : encounter;
}
