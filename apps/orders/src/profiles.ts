import type {
  AllergyIntolerance,
  CodeableConcept,
  Condition,
  Coverage,
  Encounter,
  Identifier,
  Observation,
  Patient,
  ServiceRequest,
} from 'fhir/r4.js';
import { extensionsOn, identifierOf, studyInstanceUidOf, systems, type ElementRow, type Profile, type Profiles, type ProfileRule } from '#fhir'; // prettier-ignore
import { procedureNamed, type Site } from '#platform';

/** The procedures of the site, by our codes and the others the site file names. */
export const procedureValueSet = 'urn:collimator:value-set:procedure';
/** What a Task of an order is for. */
export const taskCodeValueSet = 'urn:collimator:value-set:task-code';

/** True for an identifier that says whose it is. */
export function isComplete(
  identifier: Identifier | undefined,
): identifier is Identifier & { system: string; value: string } {
  return Boolean(identifier?.system && identifier.value);
}

/** The placer order number of an order: the one that says it is, else the first that says nothing of its kind. */
export function placerNumberOf(order: ServiceRequest): Identifier | undefined {
  return identifierOf(order, 'PLAC') ?? order.identifier?.find((one) => !one.type && isComplete(one));
}

/** What changes the meaning of a resource is understood, or the resource is refused (FHIR R4 section 2.5.0). */
const understood: ElementRow[] = [
  { element: 'implicitRules', max: '0', why: 'rules that are not known here would change what the resource means' },
  { element: 'modifierExtension', max: '0', why: 'what is not understood here would change what the resource means' },
];
const used = (why: string, ...elements: string[]): ElementRow[] =>
  elements.map((element) => ({ element, mustSupport: true, why }));

const COMPLETE = 'system.exists() and value.exists()';
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
    ServiceRequest: order(site),
    Task: task,
  };
  bySite.set(site, made);
  return made;
}

/** A site does not change while a service runs. */
const bySite = new WeakMap<Site, Profiles>();

const ORDERED = ['order', 'original-order', 'reflex-order', 'filler-order', 'instance-order'];

function order(site: Site): Profile<ServiceRequest> {
  const codes = site.procedures.map(({ code }) => code);
  const others = site.procedures.flatMap(({ codes: named }) => named);
  const oneOf = (all: readonly string[]) => `${quoted(`|${all.join('|')}|`)}.contains('|' & code & '|')`;
  const systemsNamed = [...new Set(others.map(({ system }) => system))];
  const byOthers = systemsNamed.map((system) => `(system = ${quoted(system)} and ${oneOf(others.filter((one) => one.system === system).map(({ code }) => code))})`); // prettier-ignore
  return {
    id: 'imaging-order',
    type: 'ServiceRequest',
    title: 'Imaging order',
    description: `An order for an exam of ${site.name}, as its orders service takes it in by FHIR.`,
    elements: [
      ...understood,
      { element: 'identifier', min: 1, mustSupport: true, why: 'the placer order number is the identity of the order' },
      {
        element: 'code',
        min: 1,
        mustSupport: true,
        binding: { strength: 'extensible', valueSet: procedureValueSet, description: 'The procedures of this site' },
        why: 'it says which exam is to be done',
      },
      { element: 'subject', mustSupport: true, why: 'whose exam it is' },
      ...used('what is to be done, when, and for whom', 'basedOn', 'replaces', 'status', 'intent', 'priority', 'doNotPerform', 'orderDetail', 'encounter', 'occurrence[x]', 'authoredOn', 'requester', 'locationCode', 'bodySite', 'note', 'patientInstruction'), // prettier-ignore
      ...used('why it is asked for, and what is to be known', 'reasonCode', 'reasonReference', 'insurance', 'supportingInfo'), // prettier-ignore
    ],
    rules: [
      {
        key: 'order-placer-number',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-missing',
        human: 'must hold the placer order number: type PLAC, with system and value',
        // The one of type PLAC counts where there is one.
        expression: `iif(identifier.where(type.coding.where(code = 'PLAC').exists()).exists(), identifier.where(type.coding.where(code = 'PLAC').exists()).first(), identifier.where(type.empty() and ${COMPLETE}).first()).where(${COMPLETE}).exists()`,
        holds: (one) => isComplete(placerNumberOf(one)),
      },
      {
        key: 'order-procedure',
        element: 'code.coding',
        reads: ['code'],
        code: 'value-unknown',
        human: 'holds no procedure of this site: add it to procedures in the site file',
        expression: `code.coding.where(${[`(code.exists() and ${oneOf(codes)})`, ...byOthers].join(' or ')}).exists()`,
        holds: ({ code }) => procedureNamed(site, code?.coding ?? []) !== undefined,
      },
      {
        key: 'order-accession-number',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-invalid',
        human: 'the accession number must have 1 to 16 characters and no backslash (DICOM VR SH)',
        expression: String.raw`identifier.where(type.coding.where(code = 'ACSN').exists()).first().value.all($this.matches('^[^\\\\\\x00-\\x1F\\x7F-\\x9F]{1,16}$'))`,
        holds: (one) => /^([^\\\p{Cc}]{1,16})?$/u.test(identifierOf(one, 'ACSN')?.value ?? ''),
      },
      {
        key: 'order-study-uid',
        element: 'identifier',
        reads: ['identifier'],
        code: 'field-invalid',
        human: 'the study instance UID must be urn:oid: and a DICOM UID',
        expression: String.raw`identifier.where(system = '${systems.dicomUid}').first().value.all($this.matches('^(urn:oid:)?[0-2](\\.(0|[1-9][0-9]*))+$') and $this.replaceMatches('^urn:oid:', '').length() <= 64)`,
        holds: (one) => isDicomUid(studyInstanceUidOf(one)),
      },
      {
        key: 'order-subject',
        element: 'subject',
        reads: ['subject'],
        code: 'field-invalid',
        human: 'must be Patient/<id> of this server, or an identifier with system and value',
        expression: `subject.reference.exists() or subject.identifier.where(${COMPLETE}).exists()`,
        holds: ({ subject }) => Boolean(subject.reference) || isComplete(subject.identifier),
      },
      {
        key: 'order-intent',
        element: 'intent',
        reads: ['intent'],
        code: 'field-invalid',
        human: `must be one of ${ORDERED.join(', ')}: what is only proposed or planned is no order`,
        expression: `${quoted(`|${ORDERED.join('|')}|`)}.contains('|' & intent & '|')`,
        holds: ({ intent }) => ORDERED.includes(intent),
      },
      {
        key: 'order-to-perform',
        element: 'doNotPerform',
        reads: ['doNotPerform'],
        code: 'field-invalid',
        human: 'must not be true: this server takes orders of what is to be done',
        expression: 'doNotPerform.empty() or doNotPerform = false',
        holds: ({ doNotPerform }) => doNotPerform !== true,
      },
    ],
    extensions: extensionsOn('ServiceRequest'),
  };
}

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
        holds: ({ identifier }) => identifier?.some(({ system, value }) => system === authority && Boolean(value)) === true, // prettier-ignore
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
    ...used('what it is and does', 'identifier', 'clinicalStatus', 'verificationStatus', 'type', 'category', 'criticality', 'patient', 'reaction'), // prettier-ignore
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
    ...used('what it is, and since when', 'identifier', 'clinicalStatus', 'verificationStatus', 'subject', 'encounter', 'onset[x]'), // prettier-ignore
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
    ...used('how far the order is', 'basedOn', 'status', 'statusReason', 'businessStatus', 'intent', 'focus', 'for', 'executionPeriod'), // prettier-ignore
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

/** DICOM PS3.5 section 9.1. */
function isDicomUid(uid: string | undefined): boolean {
  return uid === undefined || (uid.length <= 64 && /^[0-2](\.(0|[1-9]\d*))+$/.test(uid));
}

/** A FHIRPath string. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
