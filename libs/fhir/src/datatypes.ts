/** One element of a structure: its datatype, whether it is required, whether it repeats, and its required binding. */
export interface Element {
  is: string;
  required?: true;
  repeats?: true;
  codes?: readonly string[];
}

/** Elements by name; `value[x]` choices are spelled out, and {@link choices} says which exclude each other. */
export type Structure = Readonly<Record<string, Element>>;

/** Zero or one. */
export const one = (is: string, codes?: readonly string[]): Element => ({ is, ...(codes ? { codes } : {}) });
/** One. */
export const must = (is: string, codes?: readonly string[]): Element => ({ ...one(is, codes), required: true });
/** Any number. */
export const many = (is: string, codes?: readonly string[]): Element => ({ ...one(is, codes), repeats: true });
/** One or more. */
export const some = (is: string): Element => ({ is, repeats: true, required: true });

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
  time: text(/^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?$/),
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
  BackboneElement: {},
  'AdverseEvent.suspectEntity': { instance: must('Reference'), causality: many('BackboneElement') },
  'Patient.link': {
    other: must('Reference'),
    type: must('code', ['replaced-by', 'replaces', 'refer', 'seealso']),
  },
  'Appointment.participant': {
    type: many('CodeableConcept'),
    actor: one('Reference'),
    required: one('code', ['required', 'optional', 'information-only']),
    status: must('code', ['accepted', 'declined', 'tentative', 'needs-action']),
    period: one('Period'),
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
  'Observation.referenceRange': { low: one('Quantity'), high: one('Quantity'), text: one('string') },
  'Practitioner.qualification': {
    identifier: many('Identifier'),
    code: must('CodeableConcept'),
    period: one('Period'),
  },
  'PractitionerRole.availableTime': {
    daysOfWeek: many('code', ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']),
    allDay: one('boolean'),
    availableStartTime: one('time'),
    availableEndTime: one('time'),
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
