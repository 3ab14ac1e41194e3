import type { AllergyIntolerance, AllergyIntoleranceReaction, CodeableConcept, Patient } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { uuidFrom } from '#fhir';
import { compact, conceptFromCwe } from './data-types.js';
import { eachRepetition, ofTable } from './rows.js';
import severities from './tables/allergy-severity.json' with { type: 'json' };
import types from './tables/allergy-type.json' with { type: 'json' };

const clinicalStatus = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
};

/**
 * The allergies of a message (IG segment map AL1[AllergyIntolerance]). One is known by its patient and its substance, so
 * that the same allergy in every message is one. Nothing is read from an AL1 that names no substance, and none is ended
 * by a message that leaves it out: a list may be incomplete, and too many warnings harm less than one too few.
 *
 * Our own: AL1-4 is the severity of the reaction, as HL7 has it, and `criticality` is left to people; a severity without
 * a manifestation (AL1-5) has no place in FHIR and is left out. AL1-6 was withdrawn and is not read.
 */
export function allergiesFrom(message: Hl7Message, patient: Patient): AllergyIntolerance[] {
  const known = new Map<string, AllergyIntolerance>();
  for (const al1 of message.all('AL1')) {
    const code = conceptFromCwe(al1, 3);
    if (!code) continue;
    const stated = allergyFrom(al1, code, patient);
    // Several reactions to one substance may come as several segments.
    const reaction = [...(known.get(stated.id!)?.reaction ?? []), ...(stated.reaction ?? [])];
    known.set(stated.id!, compact({ ...stated, reaction }));
  }
  return [...known.values()];
}

function allergyFrom(al1: Segment, code: CodeableConcept, patient: Patient): AllergyIntolerance {
  const { type, category } = ofTable<{ type?: string; category?: string }>(types, al1.get(2)) ?? {};
  const manifestation = eachRepetition(al1, 5, (repetition) => {
    const text = al1.get(5, 1, 1, repetition);
    return text ? { text } : undefined;
  });
  const severity = ofTable(severities, al1.get(4)) as AllergyIntoleranceReaction['severity'];
  return compact<AllergyIntolerance>({
    resourceType: 'AllergyIntolerance',
    id: uuidFrom('AllergyIntolerance', patient.id!, substanceOf(code)),
    clinicalStatus,
    type: type as AllergyIntolerance['type'],
    category: category ? [category as NonNullable<AllergyIntolerance['category']>[number]] : undefined,
    code,
    patient: { reference: `Patient/${patient.id}` },
    reaction: manifestation.length > 0 ? [compact({ manifestation, severity })] : undefined,
  });
}

function substanceOf({ coding: [first] = [], text = '' }: CodeableConcept): string {
  return first ? `${first.system ?? ''}|${first.code}` : text.toLowerCase();
}
