import type { AllergyIntolerance, AllergyIntoleranceReaction, CodeableConcept, Patient } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { uuidFrom } from '#fhir';
import { ofTable } from '#platform';
import { compact, conceptFromCwe, conceptKey, dateTimeFrom, fillerIdentifiersFrom } from './data-types.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import severities from './tables/allergy-severity.json' with { type: 'json' };
import states from './tables/allergy-status.json' with { type: 'json' };
import types from './tables/allergy-type.json' with { type: 'json' };

/**
 * The allergies of a message (IG segment maps AL1[AllergyIntolerance], IAM[AllergyIntolerance]). One is known by its
 * patient and its substance, so that the same allergy in every message is one, and an IAM ends what an AL1 said. Nothing
 * is read from a segment that names no substance, and none is ended by a message that leaves it out: a list may be
 * incomplete, and too many warnings harm less than one too few.
 *
 * Our own: the severity (AL1-4, IAM-4) is that of the reaction, as HL7 has it, and `criticality` is left to people; a
 * severity without a manifestation (AL1-5, IAM-5) has no place in FHIR and is left out. AL1-6 was withdrawn and is not
 * read.
 */
export function allergiesFrom(message: Hl7Message, patient: Patient, around: Surroundings): AllergyIntolerance[] {
  const known = new Map<string, AllergyIntolerance>();
  for (const segment of message.segments) {
    const code = isAllergy(segment) ? conceptFromCwe(segment, 3) : undefined;
    if (!code) continue;
    const stated = {
      ...allergyFrom(segment, code, patient),
      ...(segment.name === 'IAM' ? detailsOf(segment, around) : {}),
    };
    // Several reactions to one substance may come as several segments.
    const reaction = [...(known.get(stated.id!)?.reaction ?? []), ...(stated.reaction ?? [])];
    // What FHIR wants to be without a clinical status must lose the one that is known.
    const ended = stated.clinicalStatus ? {} : { clinicalStatus: undefined };
    known.set(stated.id!, { ...compact({ ...stated, reaction }), ...ended });
  }
  return [...known.values()];
}

function isAllergy({ name }: Segment): boolean {
  return name === 'AL1' || name === 'IAM';
}

/** Fields 2 to 5, which AL1 and IAM have alike. */
function allergyFrom(segment: Segment, code: CodeableConcept, patient: Patient): AllergyIntolerance {
  const { type, category } = ofTable<{ type?: string; category?: string }>(types, segment.get(2)) ?? {};
  const manifestation = eachRepetition(segment, 5, (repetition) => {
    const text = segment.get(5, 2, 1, repetition) ?? segment.get(5, 1, 1, repetition);
    return text ? { text } : undefined;
  });
  const severity = ofTable(severities, segment.get(4)) as AllergyIntoleranceReaction['severity'];
  return compact<AllergyIntolerance>({
    resourceType: 'AllergyIntolerance',
    id: uuidFrom('AllergyIntolerance', patient.id!, conceptKey(code)),
    clinicalStatus: clinicalStatus('active'),
    type: type as AllergyIntolerance['type'],
    category: category ? [category as NonNullable<AllergyIntolerance['category']>[number]] : undefined,
    code,
    patient: { reference: `Patient/${patient.id}` },
    reaction: manifestation.length > 0 ? [compact({ manifestation, severity })] : undefined,
  });
}

/** IG segment map IAM[AllergyIntolerance], what AL1 does not have. */
const detailRows: readonly Row<AllergyIntolerance>[] = [
  row(7, 'identifier', fillerIdentifiersFrom),
  row(11, 'onsetDateTime', dateTimeFrom),
  row(12, 'onsetString', (iam, field) => (iam.get(11) ? undefined : iam.get(field))),
  row(13, 'recordedDate', dateTimeFrom),
  row(14, 'recorder', (iam, field) => {
    const display = [iam.get(field, 2), iam.get(field, 1)].filter(Boolean).join(' ');
    return display ? { display } : undefined;
  }),
];

/** IAM-17 by table 0438; one that IAM-6 deletes was an error, and FHIR gives it no clinical status then (rule ait-2). */
function detailsOf(iam: Segment, around: Surroundings): Partial<AllergyIntolerance> {
  const said = iam.get(6) === 'D' ? 'E' : iam.get(17);
  const { clinical, verification } = ofTable<{ clinical?: string; verification?: string }>(states, said) ?? {
    clinical: 'active',
  };
  return {
    ...compact(applyRows(detailRows, iam, around)),
    clinicalStatus: clinical ? clinicalStatus(clinical) : undefined,
    verificationStatus: verification ? concept('allergyintolerance-verification', verification) : undefined,
  };
}

function clinicalStatus(code: string): CodeableConcept {
  return concept('allergyintolerance-clinical', code);
}

function concept(table: string, code: string): CodeableConcept {
  return { coding: [{ system: `http://terminology.hl7.org/CodeSystem/${table}`, code }] };
}
