import type {
  AllergyIntolerance,
  AllergyIntoleranceReaction,
  CodeableConcept,
  Coding,
  Condition,
  Encounter,
  Observation,
  Patient,
} from 'fhir/r4.js';
import { worstSeverity } from './severity.js';
import type { ContrastPolicy, Known as KnownBy, PolicyCode, Severity } from '../policy/contrast-policy.js';
import { daysBetween, type Answer, type Known, type LabValue, type PatientFacts, type PriorReaction } from './facts.js';
import { converted, type Measure } from './units.js';
import { hasWords } from './words.js';

/** What is stored of a patient, as far as screening reads it. */
export interface PatientRecord {
  patient: Patient;
  /** The visit of the order. */
  encounter?: Encounter | undefined;
  observations: readonly Observation[];
  conditions: readonly Condition[];
  allergies: readonly AllergyIntolerance[];
}

/** Of whom nothing is known. */
export const noFacts: PatientFacts = {
  patientClass: undefined,
  birthDate: undefined,
  sex: undefined,
  weightKg: [],
  heightCm: [],
  egfr: { adult: [], child: [] },
  creatinine: [],
  history: {},
  allergies: { none: undefined, reactions: [] },
};

/** Only what a laboratory or a person stands for: a preliminary value may still change. */
const counts = ({ status }: Observation) => ['final', 'amended', 'corrected'].includes(status);

/**
 * What screening knows of a patient. Values are read by the codes of the policy, in units they state; what is not there,
 * cannot be read, or counts no longer at the exam, is left out or has its problem beside it, and never becomes normal.
 *
 * @param exam when the contrast is to be given
 */
export function factsOfPatient(record: PatientRecord, policy: ContrastPolicy, exam: Date): PatientFacts {
  const { patient, encounter, allergies } = record;
  const observations = record.observations.filter(counts);
  const { labs, body } = policy;
  const egfr = (codes: readonly PolicyCode[]) => labValues(observations, codes, 'egfr', labs.plausible.egfr);
  return {
    patientClass: patientClassOf(encounter),
    birthDate: patient.birthDate,
    sex: patient.gender === 'female' || patient.gender === 'male' ? patient.gender : undefined,
    weightKg: measures(observations, body.weight, 'weight', labs.plausible.weightKg),
    heightCm: measures(observations, body.height, 'height', labs.plausible.heightCm),
    egfr: { adult: egfr(labs.egfr.adult), child: egfr(labs.egfr.child) },
    creatinine: labValues(observations, labs.creatinine, 'creatinine', labs.plausible.creatinineUmolPerL),
    history: historyOf(observations, record.conditions, policy, exam),
    allergies: allergiesOf(allergies, policy),
  };
}

/** When something was so: of a period its end; when it became known says nothing of that. */
export function timeOf({ effectiveDateTime, effectivePeriod, effectiveInstant }: Observation): string | undefined {
  return effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start;
}

function byNewest<T extends { at?: string }>(values: T[]): T[] {
  return values.sort((a, b) => Date.parse(b.at ?? '0000') - Date.parse(a.at ?? '0000'));
}

/** Values with a time; one without says nothing of how the patient is now. */
function labValues(
  observations: readonly Observation[],
  codes: readonly PolicyCode[],
  measure: Measure,
  plausible: { from: number; to: number },
): LabValue[] {
  const values = observations.flatMap((observation): LabValue[] => {
    const at = timeOf(observation);
    if (!at || !isCoded(observation.code, codes)) return [];
    const { valueQuantity } = observation;
    const value = converted(valueQuantity, measure);
    const known = { at, reference: `Observation/${observation.id}` };
    const comparator = valueQuantity?.comparator;
    if (typeof value !== 'number') return [{ ...known, value: { value: NaN }, problem: value }];
    const bounded = { value, ...(comparator ? { comparator } : {}) };
    const isPlausible = value >= plausible.from && value <= plausible.to;
    return [{ ...known, value: bounded, ...(isPlausible ? {} : { problem: 'not plausible' as const }) }];
  });
  return byNewest(values);
}

function measures(
  observations: readonly Observation[],
  codes: readonly PolicyCode[],
  measure: Measure,
  plausible: { from: number; to: number },
): Known<number>[] {
  return labValues(observations, codes, measure, plausible)
    .filter(({ problem, value }) => problem === undefined && !value.comparator)
    .map(({ value, at, reference }) => ({ value: value.value, at, reference }));
}

/** v3 ActCode, as HL7 table 0004 is mapped to; a class that says neither is not known. */
const classes: Readonly<Record<string, 'outpatient' | 'inpatient' | 'emergency'>> = {
  AMB: 'outpatient',
  HH: 'outpatient',
  VR: 'outpatient',
  FLD: 'emergency',
  IMP: 'inpatient',
  ACUTE: 'inpatient',
  NONAC: 'inpatient',
  SS: 'inpatient',
  OBSENC: 'inpatient',
  EMER: 'emergency',
};

function patientClassOf(encounter: Encounter | undefined): PatientFacts['patientClass'] {
  const code = encounter?.class?.code ?? '';
  const value = Object.hasOwn(classes, code) ? classes[code] : undefined;
  return value && { value, at: encounter?.period?.start, reference: `Encounter/${encounter?.id}` };
}

/**
 * The states of the policy. The newest answer to a question counts, a diagnosis that nobody ended says yes whatever was
 * answered, and that no diagnosis is there says nothing.
 */
function historyOf(
  observations: readonly Observation[],
  conditions: readonly Condition[],
  policy: ContrastPolicy,
  exam: Date,
): PatientFacts['history'] {
  const entries = Object.entries(policy.history).map(([name, state]) => {
    const diagnosis = conditions.find((one) => isPresent(one) && isCoded(one.code, state.conditions));
    if (diagnosis) {
      const at = diagnosis.onsetDateTime ?? diagnosis.recordedDate;
      return [name, { value: 'yes', ...(at ? { at } : {}), reference: `Condition/${diagnosis.id}` }] as const;
    }
    const answers = observations.flatMap((one): Known<Answer>[] => {
      const value = isCoded(one.code, state.questions) ? answerOf(one, policy.answers) : undefined;
      if (!value) return [];
      // A warning without a time is as old as our knowing it; a no without one says nothing of now.
      const at = timeOf(one) ?? (value === 'no' ? undefined : one.meta?.lastUpdated);
      const isOver = at === undefined ? value === 'no' : daysBetween(at, exam) > (state.countsDays ?? Infinity);
      if (isOver && state.countsDays !== undefined) return [];
      return [{ value, ...(at ? { at } : {}), reference: `Observation/${one.id}` }];
    });
    return [name, newestAnswer(answers)] as const;
  });
  return Object.fromEntries(entries);
}

/** Of answers of one time the one that warns. */
function newestAnswer(answers: Known<Answer>[]): Known<Answer> | undefined {
  const rank = { yes: 0, possible: 1, no: 2 };
  const time = ({ at }: Known<Answer>) => (at ? Date.parse(at) : 0);
  return answers.sort((a, b) => time(b) - time(a) || rank[a.value] - rank[b.value])[0];
}

function answerOf(
  { valueCodeableConcept, valueBoolean, valueString }: Observation,
  answers: ContrastPolicy['answers'],
): Answer | undefined {
  if (valueBoolean !== undefined) return valueBoolean ? 'yes' : 'no';
  const said = [
    ...(valueCodeableConcept?.coding ?? []).map(({ code }) => code),
    valueCodeableConcept?.text,
    valueString,
  ];
  const texts = said.flatMap((one) => (one ? [one.trim().toLowerCase()] : []));
  const is = (known: readonly string[]) => known.some((one) => texts.includes(one.toLowerCase()));
  // What says two things at once says nothing.
  const found = (['yes', 'possible', 'no'] as const).filter((one) => is(answers[one]));
  return found.length === 1 ? found[0] : undefined;
}

function isPresent({ clinicalStatus, verificationStatus }: Condition): boolean {
  const [clinical, verification] = [clinicalStatus, verificationStatus].map((one) => one?.coding?.[0]?.code ?? '');
  return (
    !['inactive', 'remission', 'resolved'].includes(clinical!) &&
    !['refuted', 'entered-in-error'].includes(verification!)
  );
}

function allergiesOf(allergies: readonly AllergyIntolerance[], { allergies: how }: ContrastPolicy) {
  // What nobody said to be over counts, also where its status was left out.
  const standing = allergies.filter(
    ({ clinicalStatus, verificationStatus }) =>
      !['inactive', 'resolved'].includes(clinicalStatus?.coding?.[0]?.code ?? '') &&
      !['entered-in-error', 'refuted'].includes(verificationStatus?.coding?.[0]?.code ?? ''),
  );
  const none = standing.find(({ code }) => isKnownBy(code, how.none));
  const at = none && (none.recordedDate ?? none.meta?.lastUpdated);
  return {
    none: none && { value: true as const, ...(at ? { at } : {}), reference: `AllergyIntolerance/${none.id}` },
    reactions: standing.filter((one) => !isKnownBy(one.code, how.none)).map((one) => reactionOf(one, how)),
  };
}

function reactionOf(allergy: AllergyIntolerance, how: ContrastPolicy['allergies']): PriorReaction {
  const { code, reaction = [], criticality, onsetDateTime, recordedDate, id } = allergy;
  const substances = [code, ...reaction.map(({ substance }) => substance)];
  const at = reaction[0]?.onset ?? onsetDateTime ?? recordedDate;
  return {
    substance: [...new Set(substances.flatMap(namesOf))].join(', '),
    codes: substances.flatMap((one) => (one?.coding ?? []).map(keyOf)),
    severity: worstSeverity([
      ...reaction.map((one) => severityOf(one, how)),
      ...(criticality === 'high' ? ['severe' as const] : []),
    ]),
    ...(at ? { at } : {}),
    reference: `AllergyIntolerance/${id}`,
  };
}

function severityOf(
  { severity, manifestation }: AllergyIntoleranceReaction,
  how: ContrastPolicy['allergies'],
): Severity {
  const isSevere = manifestation.some((one) => isKnownBy(one, how.severeManifestations));
  return isSevere ? 'severe' : (severity ?? 'unknown');
}

/** What a concept is called; a code alone is no name. */
function namesOf(concept: CodeableConcept | undefined): string[] {
  const names = [concept?.text, ...(concept?.coding ?? []).map(({ display }) => display)];
  return names.flatMap((one) => (one?.trim() ? [one.trim()] : []));
}

/** True if one of the codes is of the concept. */
export function isCoded(concept: CodeableConcept | undefined, codes: readonly PolicyCode[]): boolean {
  return (concept?.coding ?? []).some(({ system, code = '' }) =>
    codes.some((one) => one.system === system && (one.code === code || (one.andBelow && code.startsWith(one.code)))),
  );
}

/** True if a concept is known by one of the codes, or by one of the names as whole words in its texts. */
function isKnownBy(concept: CodeableConcept | undefined, { codes, names }: KnownBy): boolean {
  if (isCoded(concept, codes)) return true;
  return namesOf(concept).some((text) => names.some((name) => hasWords(text, name)));
}

export function keyOf({ system = '', code = '' }: Coding): string {
  return `${system}|${code}`;
}
