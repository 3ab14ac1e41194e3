/** One element of a structure: its datatype, whether it is required, whether it repeats, and its required binding. */
export interface Element {
  is: string;
  required?: true;
  repeats?: true;
  codes?: readonly string[];
}

/** Elements by name; `value[x]` choices are spelled out, and {@link choices} says which exclude each other. */
export type Structure = Readonly<Record<string, Element>>;

const one = (is: string, codes?: readonly string[]): Element => ({ is, ...(codes ? { codes } : {}) });
const must = (is: string, codes?: readonly string[]): Element => ({ ...one(is, codes), required: true });
const many = (is: string, codes?: readonly string[]): Element => ({ ...one(is, codes), repeats: true });
const some = (is: string): Element => ({ is, repeats: true, required: true });

const date = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
const time = /T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))$/;
const text = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);
const number = (accepts: (value: number) => boolean) => (value: unknown) =>
  typeof value === 'number' && Number.isFinite(value) && accepts(value);
const isDate = text(date);
const isDateAndTime = (value: unknown) =>
  typeof value === 'string' && isDate(value.slice(0, 10)) && time.test(value) && value.indexOf('T') === 10;

/** FHIR R4 primitive datatypes (section 2.24.0.1). */
export const primitives: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: text(/\S/),
  code: text(/^\S+( \S+)*$/),
  uri: text(/^\S+$/),
  id: text(/^[A-Za-z0-9.-]{1,64}$/),
  base64Binary: text(/^[A-Za-z0-9+/=\s]*$/),
  boolean: (value) => typeof value === 'boolean',
  decimal: number(() => true),
  positiveInt: number((value) => Number.isInteger(value) && value > 0),
  date: isDate,
  dateTime: (value) => isDate(value) || isDateAndTime(value),
  instant: isDateAndTime,
};

/** FHIR R4 complex datatypes (section 2.24.0), as far as Collimator reads them. */
export const datatypes: Readonly<Record<string, Structure>> = {
  Coding: { system: one('uri'), version: one('string'), code: one('code'), display: one('string') },
  CodeableConcept: { coding: many('Coding'), text: one('string') },
  Identifier: {
    use: one('code', ['usual', 'official', 'temp', 'secondary', 'old']),
    type: one('CodeableConcept'),
    system: one('uri'),
    value: one('string'),
    period: one('Period'),
    assigner: one('Reference'),
  },
  Reference: { reference: one('string'), type: one('uri'), identifier: one('Identifier'), display: one('string') },
  Period: { start: one('dateTime'), end: one('dateTime') },
  Quantity: {
    value: one('decimal'),
    comparator: one('code', ['<', '<=', '>=', '>']),
    unit: one('string'),
    system: one('uri'),
    code: one('code'),
  },
  Ratio: { numerator: one('Quantity'), denominator: one('Quantity') },
  HumanName: {
    use: one('code', ['usual', 'official', 'temp', 'nickname', 'anonymous', 'old', 'maiden']),
    text: one('string'),
    family: one('string'),
    given: many('string'),
    prefix: many('string'),
    suffix: many('string'),
    period: one('Period'),
  },
  ContactPoint: {
    system: one('code', ['phone', 'fax', 'email', 'pager', 'url', 'sms', 'other']),
    value: one('string'),
    use: one('code', ['home', 'work', 'temp', 'old', 'mobile']),
  },
  Address: {
    use: one('code', ['home', 'work', 'temp', 'old', 'billing']),
    text: one('string'),
    line: many('string'),
    city: one('string'),
    district: one('string'),
    state: one('string'),
    postalCode: one('string'),
    country: one('string'),
    period: one('Period'),
  },
  Annotation: { authorString: one('string'), time: one('dateTime'), text: must('string') },
  Attachment: { contentType: one('code'), data: one('base64Binary'), url: one('uri'), title: one('string') },
  Extension: { url: must('uri'), extension: many('Extension') },
  'AllergyIntolerance.reaction': {
    substance: one('CodeableConcept'),
    manifestation: some('CodeableConcept'),
    onset: one('dateTime'),
    severity: one('code', ['mild', 'moderate', 'severe']),
  },
  'DetectedIssue.evidence': { code: many('CodeableConcept'), detail: many('Reference') },
  'DetectedIssue.mitigation': { action: must('CodeableConcept'), date: one('dateTime'), author: one('Reference') },
  'Encounter.location': { location: must('Reference'), period: one('Period') },
  'MedicationAdministration.performer': { function: one('CodeableConcept'), actor: must('Reference') },
  'MedicationAdministration.dosage': {
    text: one('string'),
    site: one('CodeableConcept'),
    route: one('CodeableConcept'),
    method: one('CodeableConcept'),
    dose: one('Quantity'),
    rateRatio: one('Ratio'),
    rateQuantity: one('Quantity'),
  },
  'Medication.batch': { lotNumber: one('string'), expirationDate: one('dateTime') },
  'Bundle.entry': { fullUrl: one('uri'), resource: must('Resource'), request: must('Bundle.entry.request') },
  'Bundle.entry.request': {
    ifMatch: one('string'),
    method: must('code', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']),
    url: must('uri'),
    ifNoneExist: one('string'),
  },
};

const everywhere: Structure = {
  id: one('id'),
  meta: one('Object'),
  contained: many('Resource'),
  extension: many('Extension'),
  modifierExtension: many('Extension'),
};
const performed = ['in-progress', 'not-done', 'on-hold', 'completed', 'entered-in-error', 'stopped', 'unknown'];

/**
 * FHIR R4 resources as far as Collimator takes them in. Some are stricter than R4: a Patient and a ServiceRequest need an
 * identifier, since their identity here comes from it, and what is ordered, diagnosed or not tolerated needs its code.
 */
export const resources: Readonly<Record<string, Structure>> = {
  Patient: {
    ...everywhere,
    identifier: some('Identifier'),
    active: one('boolean'),
    name: many('HumanName'),
    telecom: many('ContactPoint'),
    gender: one('code', ['male', 'female', 'other', 'unknown']),
    birthDate: one('date'),
    deceasedBoolean: one('boolean'),
    deceasedDateTime: one('dateTime'),
    address: many('Address'),
  },
  Encounter: {
    ...everywhere,
    identifier: many('Identifier'),
    status: must('code', ['planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled', 'entered-in-error', 'unknown']), // prettier-ignore
    class: must('Coding'),
    type: many('CodeableConcept'),
    subject: one('Reference'),
    period: one('Period'),
    location: many('Encounter.location'),
  },
  AllergyIntolerance: {
    ...everywhere,
    identifier: many('Identifier'),
    clinicalStatus: one('CodeableConcept'),
    verificationStatus: one('CodeableConcept'),
    type: one('code', ['allergy', 'intolerance']),
    category: many('code', ['food', 'medication', 'environment', 'biologic']),
    criticality: one('code', ['low', 'high', 'unable-to-assess']),
    code: must('CodeableConcept'),
    patient: must('Reference'),
    onsetDateTime: one('dateTime'),
    recordedDate: one('dateTime'),
    note: many('Annotation'),
    reaction: many('AllergyIntolerance.reaction'),
  },
  Condition: {
    ...everywhere,
    identifier: many('Identifier'),
    clinicalStatus: one('CodeableConcept'),
    verificationStatus: one('CodeableConcept'),
    category: many('CodeableConcept'),
    severity: one('CodeableConcept'),
    code: must('CodeableConcept'),
    bodySite: many('CodeableConcept'),
    subject: must('Reference'),
    encounter: one('Reference'),
    onsetDateTime: one('dateTime'),
    recordedDate: one('dateTime'),
    note: many('Annotation'),
  },
  Coverage: {
    ...everywhere,
    identifier: many('Identifier'),
    status: must('code', ['active', 'cancelled', 'draft', 'entered-in-error']),
    type: one('CodeableConcept'),
    policyHolder: one('Reference'),
    subscriber: one('Reference'),
    subscriberId: one('string'),
    beneficiary: must('Reference'),
    relationship: one('CodeableConcept'),
    period: one('Period'),
    payor: some('Reference'),
    order: one('positiveInt'),
  },
  Observation: {
    ...everywhere,
    identifier: many('Identifier'),
    status: must('code', ['registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown']), // prettier-ignore
    category: many('CodeableConcept'),
    code: must('CodeableConcept'),
    subject: must('Reference'),
    encounter: one('Reference'),
    effectiveDateTime: one('dateTime'),
    effectivePeriod: one('Period'),
    effectiveInstant: one('instant'),
    issued: one('instant'),
    valueQuantity: one('Quantity'),
    valueCodeableConcept: one('CodeableConcept'),
    valueString: one('string'),
    valueBoolean: one('boolean'),
    valueDateTime: one('dateTime'),
    valuePeriod: one('Period'),
    interpretation: many('CodeableConcept'),
    note: many('Annotation'),
  },
  ServiceRequest: {
    ...everywhere,
    identifier: some('Identifier'),
    basedOn: many('Reference'),
    replaces: many('Reference'),
    requisition: one('Identifier'),
    status: must('code', ['draft', 'active', 'on-hold', 'revoked', 'completed', 'entered-in-error', 'unknown']),
    intent: must('code', ['proposal', 'plan', 'directive', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option']), // prettier-ignore
    category: many('CodeableConcept'),
    priority: one('code', ['routine', 'urgent', 'asap', 'stat']),
    doNotPerform: one('boolean'),
    code: must('CodeableConcept'),
    orderDetail: many('CodeableConcept'),
    subject: must('Reference'),
    encounter: one('Reference'),
    occurrenceDateTime: one('dateTime'),
    occurrencePeriod: one('Period'),
    authoredOn: one('dateTime'),
    requester: one('Reference'),
    performer: many('Reference'),
    locationCode: many('CodeableConcept'),
    reasonCode: many('CodeableConcept'),
    reasonReference: many('Reference'),
    supportingInfo: many('Reference'),
    bodySite: many('CodeableConcept'),
    note: many('Annotation'),
    patientInstruction: one('string'),
  },
  DetectedIssue: {
    ...everywhere,
    identifier: many('Identifier'),
    status: must('code', ['registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown']), // prettier-ignore
    code: one('CodeableConcept'),
    severity: one('code', ['high', 'moderate', 'low']),
    patient: one('Reference'),
    identifiedDateTime: one('dateTime'),
    author: one('Reference'),
    implicated: many('Reference'),
    evidence: many('DetectedIssue.evidence'),
    detail: one('string'),
    reference: one('uri'),
    mitigation: many('DetectedIssue.mitigation'),
  },
  Task: {
    ...everywhere,
    status: must('code', ['draft', 'requested', 'received', 'accepted', 'rejected', 'ready', 'cancelled', 'in-progress', 'on-hold', 'failed', 'completed', 'entered-in-error']), // prettier-ignore
    intent: must('code', ['unknown', 'proposal', 'plan', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option']), // prettier-ignore
    code: one('CodeableConcept'),
    focus: one('Reference'),
    for: one('Reference'),
    note: many('Annotation'),
  },
  MedicationAdministration: {
    ...everywhere,
    identifier: many('Identifier'),
    partOf: many('Reference'),
    status: must('code', performed),
    statusReason: many('CodeableConcept'),
    medicationCodeableConcept: one('CodeableConcept'),
    medicationReference: one('Reference'),
    subject: must('Reference'),
    context: one('Reference'),
    supportingInformation: many('Reference'),
    effectiveDateTime: one('dateTime'),
    effectivePeriod: one('Period'),
    performer: many('MedicationAdministration.performer'),
    reasonCode: many('CodeableConcept'),
    request: one('Reference'),
    device: many('Reference'),
    note: many('Annotation'),
    dosage: one('MedicationAdministration.dosage'),
  },
  Medication: {
    ...everywhere,
    identifier: many('Identifier'),
    code: one('CodeableConcept'),
    batch: one('Medication.batch'),
  },
  DiagnosticReport: {
    ...everywhere,
    identifier: many('Identifier'),
    basedOn: many('Reference'),
    status: must('code', ['registered', 'partial', 'preliminary', 'final', 'amended', 'corrected', 'appended', 'cancelled', 'entered-in-error', 'unknown']), // prettier-ignore
    category: many('CodeableConcept'),
    code: must('CodeableConcept'),
    subject: one('Reference'),
    encounter: one('Reference'),
    effectiveDateTime: one('dateTime'),
    effectivePeriod: one('Period'),
    issued: one('instant'),
    performer: many('Reference'),
    resultsInterpreter: many('Reference'),
    result: many('Reference'),
    imagingStudy: many('Reference'),
    conclusion: one('string'),
    conclusionCode: many('CodeableConcept'),
    presentedForm: many('Attachment'),
  },
  Bundle: { id: one('id'), type: must('code', ['transaction']), entry: some('Bundle.entry') },
};

/** Elements of which at most one may be there (`value[x]`), by their FHIR name; true where one must be. */
export const choices: Readonly<Record<string, Readonly<Record<string, { of: readonly string[]; required?: true }>>>> = {
  Patient: {
    deceased: { of: ['deceasedBoolean', 'deceasedDateTime'] },
    multipleBirth: { of: ['multipleBirthBoolean', 'multipleBirthInteger'] },
  },
  Observation: {
    value: {
      of: ['valueQuantity', 'valueCodeableConcept', 'valueString', 'valueBoolean', 'valueInteger', 'valueRange', 'valueRatio', 'valueSampledData', 'valueTime', 'valueDateTime', 'valuePeriod'], // prettier-ignore
    },
    effective: { of: ['effectiveDateTime', 'effectivePeriod', 'effectiveTiming', 'effectiveInstant'] },
  },
  ServiceRequest: { occurrence: { of: ['occurrenceDateTime', 'occurrencePeriod', 'occurrenceTiming'] } },
  MedicationAdministration: {
    medication: { of: ['medicationCodeableConcept', 'medicationReference'], required: true },
    effective: { of: ['effectiveDateTime', 'effectivePeriod'] },
  },
  DiagnosticReport: { effective: { of: ['effectiveDateTime', 'effectivePeriod'] } },
};
