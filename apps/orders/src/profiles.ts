import type {
  AllergyIntolerance,
  CodeableConcept,
  Condition,
  Coverage,
  Encounter,
  Identifier,
  Observation,
  Patient,
} from 'fhir/r4.js';
import type { Profile, ProfileRule, Profiles } from '#fhir';
import type { Site } from '#platform';
import { orderProfile } from './order-profile.js';
import { COMPLETE, isComplete, quoted, understood, used } from './profile-parts.js';

/** What a Task of an order is for. */
export const taskCodeValueSet = 'urn:collimator:value-set:task-code';

const NUMBER = `identifier.where(${COMPLETE}).exists()`;
const hasNumber = ({ identifier }: { identifier?: Identifier[] | undefined }) => identifier?.some(isComplete) === true;
const saysWhat = (code: CodeableConcept | undefined) => Boolean(code?.coding?.[0]?.code ?? code?.text);

/** What the orders service asks of each type it takes in, beyond R4. A profile depends on the site's numbers and codes. */
export function profilesOf(site: Site): Profiles {
  const known = bySite.get(site);
  if (known) return known;
  const made: Profiles = {
    Patient: patient(site),
    Encounter: encounter,
    AllergyIntolerance: allergy,
    Condition: condition,
    Observation: observation,
    Coverage: coverage,
    ServiceRequest: orderProfile(site),
    Task: task,
  };
  bySite.set(site, made);
  return made;
}

/** A site does not change while a service runs. */
const bySite = new WeakMap<Site, Profiles>();

function patient(site: Site): Profile<Patient> {
  const authority = site.authorities[site.patientAuthority]!;
  return {
    id: 'imaging-patient',
    type: 'Patient',
    title: 'Patient of an imaging order',
    description: `A patient of ${site.name}, known by the number of one authority.`,
    elements: [
      ...understood,
      { element: 'identifier', min: 1, mustSupport: true, why: 'a number of the site is the identity of the patient' },
      ...used('who is examined', 'name', 'telecom', 'gender', 'birthDate', 'deceased[x]', 'address', 'link'),
    ],
    rules: [
      {
        key: 'patient-number',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-missing',
        human: `must hold a number of system ${authority}, which identifies the patient`,
        expression: `identifier.where(system = ${quoted(authority)} and value.exists()).exists()`,
        holds: ({ identifier }) =>
          identifier?.some(({ system, value }) => system === authority && Boolean(value)) === true,
      },
    ],
  };
}

const encounter: Profile<Encounter> = {
  id: 'imaging-encounter',
  type: 'Encounter',
  title: 'Visit of an imaging order',
  description: 'The visit an order belongs to.',
  elements: [
    ...understood,
    { element: 'identifier', min: 1, mustSupport: true, why: 'the visit number is the identity of the visit' },
    ...used('where the patient is', 'status', 'class', 'subject', 'period', 'location'),
  ],
  rules: [numbered('encounter', 'must hold the visit number, with system and value')],
};

const allergy: Profile<AllergyIntolerance> = {
  id: 'imaging-allergy',
  type: 'AllergyIntolerance',
  title: 'Allergy or intolerance',
  description: 'What the patient does not tolerate: it is on the worklist and screens contrast.',
  elements: [
    ...understood,
    { element: 'code', min: 1, mustSupport: true, why: 'it says what is not tolerated' },
    ...used(
      'what it is and does',
      'identifier',
      'clinicalStatus',
      'verificationStatus',
      'type',
      'category',
      'criticality',
      'patient',
      'reaction',
    ),
  ],
  rules: [identified('allergy')],
};

const condition: Profile<Condition> = {
  id: 'imaging-condition',
  type: 'Condition',
  title: 'Diagnosis or problem',
  description: 'A diagnosis of the patient, of which the exam should know.',
  elements: [
    ...understood,
    { element: 'code', min: 1, mustSupport: true, why: 'it says what the patient has' },
    ...used(
      'what it is, and since when',
      'identifier',
      'clinicalStatus',
      'verificationStatus',
      'subject',
      'encounter',
      'onset[x]',
    ),
  ],
  rules: [identified('condition')],
};

const observation: Profile<Observation> = {
  id: 'imaging-observation',
  type: 'Observation',
  title: 'Observation before an exam',
  description: 'What was measured or said of the patient, such as weight, pregnancy or kidney function.',
  elements: [
    ...understood,
    ...used('what was found, and when', 'identifier', 'status', 'code', 'subject', 'effective[x]', 'value[x]'),
  ],
  rules: [identified('observation')],
};

const coverage: Profile<Coverage> = {
  id: 'imaging-coverage',
  type: 'Coverage',
  title: 'Coverage of an imaging order',
  description: 'Who pays.',
  elements: [
    ...understood,
    ...used('who pays for whom', 'identifier', 'status', 'type', 'subscriberId', 'beneficiary', 'period', 'payor'),
  ],
  rules: [
    {
      key: 'coverage-identity',
      element: 'identifier',
      reads: ['identifier', 'payor'],
      code: 'field-missing',
      human: 'must hold an identifier with system and value, or what it is by code or text',
      expression: `${NUMBER} or payor.first().reference.exists() or payor.first().identifier.value.exists() or payor.first().display.exists()`,
      holds: (one) => {
        const [{ reference, identifier, display } = {}] = one.payor;
        return hasNumber(one) || Boolean(reference ?? identifier?.value ?? display);
      },
    },
  ],
};

const task: Profile = {
  id: 'imaging-task',
  type: 'Task',
  title: 'Task of an imaging order',
  description:
    'How far an order is (fulfill), or a doubt about it that its placer is asked to clear (clarify). Tasks are made here; a client changes their status only.',
  elements: [
    ...understood,
    {
      element: 'code',
      mustSupport: true,
      binding: { strength: 'extensible', valueSet: taskCodeValueSet, description: 'What a Task is for' },
      why: 'what the Task is for',
    },
    ...used(
      'how far the order is',
      'basedOn',
      'status',
      'statusReason',
      'businessStatus',
      'intent',
      'focus',
      'for',
      'executionPeriod',
    ),
  ],
  rules: [],
};

function numbered(prefix: string, human: string): ProfileRule<Encounter> {
  return {
    key: `${prefix}-number`,
    element: 'identifier',
    reads: ['identifier'],
    code: 'field-missing',
    human,
    expression: NUMBER,
    holds: hasNumber,
  };
}

/** What is known of a patient is known by a number, else by what it is. */
function identified(prefix: string): ProfileRule<AllergyIntolerance | Condition | Observation> {
  return {
    key: `${prefix}-identity`,
    element: 'identifier',
    reads: ['identifier', 'code'],
    code: 'field-missing',
    human: 'must hold an identifier with system and value, or what it is by code or text',
    expression: `${NUMBER} or code.coding.first().code.exists() or code.text.exists()`,
    holds: (one) => hasNumber(one) || saysWhat(one.code),
  };
}
