import type { AdverseEvent, AllergyIntolerance, Identifier, Patient } from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { conceptText, systems } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { codedElement, entityOf } from './fields-out.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';

/** What a patient must not be given again, and the reaction that taught it. */
export interface ReactionFacts {
  patient: Patient;
  allergies: readonly AllergyIntolerance[];
  adverseEvent?: AdverseEvent | undefined;
  /** The ids of those the receiver was told of before. */
  toldBefore: ReadonlySet<string>;
}

/** Table 0127 by AllergyIntolerance.category; of no category it is miscellaneous. */
const allergenTypes: Record<string, FieldValue> = {
  medication: ['DA', 'Drug allergy', 'HL70127'],
  food: ['FA', 'Food allergy', 'HL70127'],
  environment: ['EA', 'Environmental allergy', 'HL70127'],
  biologic: ['AA', 'Animal allergy', 'HL70127'],
};
const miscellaneous: FieldValue = ['MA', 'Miscellaneous allergy', 'HL70127'];
/** Table 0128 by AllergyIntolerance.reaction.severity, the worst first. */
const severities = { severe: 'SV', moderate: 'MO', mild: 'MI' } as const;
/** Table 0436 by AllergyIntolerance.type; of no type it is an adverse reaction. */
const sensitivities = { allergy: 'AL', intolerance: 'IN' } as const;
/** Table 0438 by AllergyIntolerance.verificationStatus. */
const verifications: Record<string, string | undefined> = {
  confirmed: 'C',
  presumed: 'P',
  unconfirmed: 'U',
  refuted: 'D',
  'entered-in-error': 'E',
};

/**
 * Writes ADT^A60 (HL7 v2.5.1 section 3.3.60): each allergy as an IAM, known by IAM-7. What was recorded in error is
 * deleted (IAM-6), so that the receiver does not go on warning of it.
 */
export function reactionMessage(facts: ReactionFacts, envelope: MessageEnvelope): Buffer {
  return writeMessage([
    headerSegment(['ADT', 'A60', 'ADT_A60'], envelope),
    writeSegment('EVN', { 2: timestamp(envelope.now), 6: hl7DateTime(facts.adverseEvent?.date) }),
    patientSegment(facts.patient, envelope),
    ...facts.allergies.map((allergy, index) =>
      allergySegment(allergy, index + 1, facts.toldBefore.has(allergy.id!), envelope),
    ),
  ]);
}

function allergySegment(
  allergy: AllergyIntolerance,
  sequence: number,
  isCorrection: boolean,
  envelope: MessageEnvelope,
): string {
  const { reaction: reactions = [], recorder, category } = allergy;
  const worst = (['severe', 'moderate', 'mild'] as const).find((one) =>
    reactions.some(({ severity }) => severity === one),
  );
  const manifestations = reactions.flatMap(({ manifestation }) => manifestation.map(conceptText)).filter(Boolean);
  return writeSegment('IAM', {
    1: String(sequence),
    2: allergenTypes[category?.[0] ?? ''] ?? miscellaneous,
    3: codedElement(allergy.code),
    4: worst && [severities[worst], worst, 'HL70128'],
    5: manifestations.map((one) => [one]),
    6: actionOf(allergy, isCorrection),
    7: entityOf(allergyNumber(allergy), envelope),
    9: allergy.type ? [sensitivities[allergy.type], allergy.type, 'HL70436'] : ['AD', 'adverse reaction', 'HL70436'],
    11: hl7DateTime(allergy.onsetDateTime)?.slice(0, 8),
    12: allergy.onsetString,
    13: hl7DateTime(allergy.recordedDate),
    14: recorder?.display,
    17: statusOf(allergy),
  });
}

/** The number an allergy goes by outside: its own, else one made of its id. */
export function allergyNumber({ identifier, id }: AllergyIntolerance): Identifier {
  const usable = identifier?.filter(({ system, value }) => system && value) ?? [];
  return (
    usable.find(({ system }) => system === systems.allergyIntolerance) ??
    usable[0] ?? { system: systems.allergyIntolerance, value: id! }
  );
}

/** Table 0323. */
function actionOf(allergy: AllergyIntolerance, isCorrection: boolean): FieldValue {
  if (codeOf(allergy.verificationStatus) === 'entered-in-error') return ['D', 'Delete', 'HL70323'];
  return isCorrection ? ['U', 'Update', 'HL70323'] : ['A', 'Add', 'HL70323'];
}

/** Table 0438; an allergy that is no more is inactive, whoever confirmed it. */
function statusOf({ clinicalStatus, verificationStatus }: AllergyIntolerance): FieldValue {
  const verified = verifications[codeOf(verificationStatus) ?? ''];
  const isOver = ['inactive', 'resolved'].includes(codeOf(clinicalStatus) ?? '');
  const status = isOver && verified !== 'E' ? 'I' : verified;
  return status && [status, '', 'HL70438'];
}

function codeOf(concept: { coding?: { code?: string }[] } | undefined): string | undefined {
  return concept?.coding?.find(({ code }) => code)?.code;
}
