import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { AllergyIntolerance, Condition, MedicationRequest, Observation, Patient } from 'fhir/r4.js';
import { cellsOf, linesOfCsv } from '#platform';
import { anObservation, aPatient } from '#testing';
import type { ContrastPolicy, PolicyContent } from '../policy/contrast-policy.js';
import { checkPolicy } from '../policy/load-policy.js';
import { factsOfPatient, noFacts, type PatientRecord } from './facts-of-patient.js';
import { plannedContrast } from './planned-contrast.js';
import { decideScreening, nothingStands, type Screening } from './screening.decider.js';

/** What screening specs share, no spec. */
export const now = new Date('2026-03-02T10:00:00Z');
const DAY = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => new Date(now.getTime() - days * DAY).toISOString();

/** The shipped example, as content, for changes. */
export const shippedContent = () => parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8')) as PolicyContent;
/** The shipped example, signed off. */
export const signedPolicy = (change: (policy: PolicyContent) => void = () => undefined): ContrastPolicy => {
  const content = { ...shippedContent(), signedOff: { by: 'Dr. Example', on: '2026-01-01' } };
  change(content);
  return checkPolicy(content);
};
export const policy = signedPolicy();

/** The columns of tables/decisions.csv, in its order. */
const columns = [
  'what',
  'agent',
  'route',
  'dose',
  'sex',
  'birth',
  'patientClass',
  'observations',
  'states',
  'allergies',
  'booked',
  'outcome',
  'because',
] as const;

/** One line of it. */
export type DecisionRow = Record<(typeof columns)[number], string>;

/** The rows of the decision table; fields may be quoted. */
export function decisionRows(): DecisionRow[] {
  const { lines, separator } = linesOfCsv(
    readFileSync('apps/contrast/src/screening/tables/decisions.csv', 'utf8').trimEnd(),
  );
  return lines.slice(1).map((line) => {
    const cells = cellsOf(line, separator)!;
    return Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? ''])) as DecisionRow;
  });
}

/** Screens one row, or what a test says of a patient in the same words. */
export function screened(
  row: Partial<DecisionRow>,
  use: ContrastPolicy | 'none' = policy,
  standing = nothingStands,
): Screening {
  const by = use === 'none' ? undefined : use;
  const booked = row.booked ? new Date(now.getTime() + Number(row.booked) * DAY) : undefined;
  const time = { booked, isUrgent: false, hasBegun: false };
  const facts = by ? factsOfPatient(recordOf(row), by, booked ?? now) : noFacts;
  return decideScreening({ planned: plannedContrast(planOf(row), by), time, facts, standing }, by, now);
}

const routes: Record<string, string> = { iv: '47625008', ia: '58100008', oral: '26643006', intrathecal: '72607000' };

export function planOf({ agent = 'iopromide', route = 'iv', dose = '80' }: Partial<DecisionRow>): MedicationRequest {
  const codes = policy.agents.find(({ display }) => display === agent)?.codes ?? [];
  const doseAndRate = dose
    ? [{ doseQuantity: { value: Number(dose), unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' } }]
    : [];
  return {
    resourceType: 'MedicationRequest',
    id: 'plan',
    status: 'active',
    intent: 'plan',
    subject: { reference: `Patient/${aPatient().id}` },
    medicationCodeableConcept: {
      coding: codes.map(({ system, code }) => ({ system, code, display: agent })),
      text: agent,
    },
    dosageInstruction: [
      { route: { coding: [{ system: 'http://snomed.info/sct', code: routes[route]! }] }, doseAndRate },
    ],
  };
}

/** What is stored of a patient. Unless a row says else: 50 years, no states, asked today, no allergies, 70 kg. */
export function recordOf(row: Partial<DecisionRow>): PatientRecord {
  const { sex = 'male', birth = '50', patientClass = 'outpatient', observations = 'weight=70kg@1' } = row;
  const birthDate =
    birth === 'unknown' ? {} : { birthDate: birth.length > 3 ? birth : `${2026 - Number(birth)}-01-31` };
  const patient: Patient = { ...aPatient(), birthDate: undefined, gender: sex as Patient['gender'], ...birthDate };
  const classes: Record<string, string> = { outpatient: 'AMB', inpatient: 'IMP', emergency: 'EMER', unknown: 'PRENC' };
  const states = statesOf(row.states ?? '');
  return {
    patient,
    encounter: {
      resourceType: 'Encounter',
      id: 'visit',
      status: 'in-progress',
      class: { code: classes[patientClass]! },
    },
    observations: [...split(observations).map(observationOf), ...states.answers],
    conditions: states.conditions,
    allergies: split(row.allergies ?? 'none').map(allergyOf),
  };
}

const split = (text: string) => text.split(' & ').filter(Boolean);
const loinc: Record<string, string> = { egfr: '62238-1', crea: '2160-0', height: '8302-2', weight: '29463-7' };

/** `crea>=1.2mg/dL@5!preliminary`: a value, its unit (`none` for none; of an eGFR its own unless given), days ago, status. */
function observationOf(text: string): Observation {
  const [, name, sign, value, unit, at, status = 'final'] =
    /^(\w+)(<=|>=|<|>|=)([\d.]+)(.*)@([-\w.]+?)(?:!([\w-]+))?$/.exec(text)!;
  const code = unit || (name === 'egfr' ? 'mL/min/{1.73_m2}' : 'none');
  return anObservation(loinc[name!]!, {
    id: text.replace(/[^a-z0-9.-]/gi, '-'),
    status: status as Observation['status'],
    ...(at === 'none' ? {} : { effectiveDateTime: daysAgo(Number(at)) }),
    valueQuantity: {
      value: Number(value),
      ...(sign === '=' ? {} : { comparator: sign as '<' }),
      ...(code === 'none' ? {} : { unit: code }),
    },
  });
}

/** `metformin=yes@10 thyroid=? icd:N18.4!resolved`; what is not said was answered with no today. */
function statesOf(text: string): { answers: Observation[]; conditions: Condition[] } {
  const words = text.split(' ').filter(Boolean);
  const said = new Map(words.flatMap((word) => (word.includes('=') ? [word.split('=') as [string, string]] : [])));
  const answers = Object.entries(policy.history).flatMap(([name, { questions }]): Observation[] => {
    const [answer = 'no', days = '0'] = (said.get(name) ?? 'no@0').split('@');
    if (answer === '?') return [];
    const effectiveDateTime = daysAgo(Number(days));
    const code = { coding: [{ system: questions[0]!.system, code: questions[0]!.code }] };
    return [
      anObservation('', {
        id: `answer-${name}`,
        code,
        effectiveDateTime,
        valueCodeableConcept: { coding: [{ code: { yes: 'Y', no: 'N', possible: '102874004' }[answer]! }] },
      }),
    ];
  });
  const conditions = words.flatMap((word): Condition[] => {
    const [, system, code, status = 'active'] = /^(icd|icpc):([\w.]+)(?:!(\w+))?$/.exec(word) ?? [];
    if (!system) return [];
    return [
      {
        resourceType: 'Condition',
        id: `condition-${code}`,
        subject: { reference: `Patient/${aPatient().id}` },
        clinicalStatus: { coding: [{ code: status }] },
        code: { coding: [{ system: system === 'icd' ? 'http://hl7.org/fhir/sid/icd-10' : 'urn:icpc', code: code! }] },
      },
    ];
  });
  return { answers, conditions };
}

/** `none`, `iohexol:mild:anaphylaxis!resolved`, `atc V08AB02:mild`. */
function allergyOf(text: string): AllergyIntolerance {
  const [, substance, severity, manifestation = 'urticaria', status = 'active'] =
    /^([^:!]+)(?::(\w+))?(?::(\w+))?(?:!([\w-]+))?$/.exec(text)!;
  const [, system, code] = /^(atc|ndc) (\S+)$/.exec(substance!) ?? [];
  const coded = { coding: [{ system: system === 'atc' ? 'http://www.whocc.no/atc' : 'urn:ndc', code: code! }] };
  const told = ['mild', 'moderate', 'severe'].includes(severity ?? '') ? { severity: severity as 'mild' } : {};
  return {
    resourceType: 'AllergyIntolerance',
    id: text.replace(/[^a-z0-9.-]/gi, '-'),
    patient: { reference: `Patient/${aPatient().id}` },
    ...(status === 'entered-in-error'
      ? { verificationStatus: { coding: [{ code: status }] } }
      : { clinicalStatus: { coding: [{ code: status }] } }),
    code: system ? coded : { text: substance === 'none' ? 'No known allergies' : substance! },
    ...(severity === 'high' ? { criticality: 'high' as const } : {}),
    ...(severity ? { reaction: [{ manifestation: [{ text: manifestation }], ...told }] } : {}),
  };
}
