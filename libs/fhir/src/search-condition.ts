import { fail } from '#platform';
import { dateSearched, type DateSearch } from './search-date.js';
import { referencedId } from './identity.js';
import { alternativesOf, tokensSearched } from './search-token.js';

/** Search parameters that a service may serve; which of them, it says per type. */
export type SearchParameter =
  | '_id'
  | 'identifier'
  | 'patient'
  | 'status'
  | 'code'
  | 'authored'
  | 'encounter'
  | 'based-on'
  | 'focus'
  | 'implicated'
  | 'target'
  | 'location'
  | 'practitioner'
  | 'schedule'
  | 'business-status'
  | '_lastUpdated';

/** FHIR search parameter types, for the CapabilityStatement. */
export const searchParameterTypes: Record<SearchParameter, 'token' | 'reference' | 'date'> = {
  _id: 'token',
  identifier: 'token',
  patient: 'reference',
  status: 'token',
  code: 'token',
  authored: 'date',
  encounter: 'reference',
  'based-on': 'reference',
  focus: 'reference',
  implicated: 'reference',
  target: 'reference',
  location: 'reference',
  practitioner: 'reference',
  schedule: 'reference',
  'business-status': 'token',
  _lastUpdated: 'date',
};

/** Types whose patient R4 calls `subject` as well. */
export const withSubject = [
  'ServiceRequest',
  'Encounter',
  'Condition',
  'Observation',
  'Task',
  'Procedure',
  'DiagnosticReport',
  'ImagingStudy',
  'MedicationRequest',
  'MedicationAdministration',
  'AdverseEvent',
  'Communication',
];

/** A search parameter as it was asked: under the name it is served by, with its modifier or chain. */
export interface AskedParameter {
  name: SearchParameter;
  how?: 'missing' | 'not' | 'identifier';
  values: string[];
}

/**
 * Reads the name of a parameter (FHIR R4 sections 3.1.1.4.4 and 3.1.1.4.6): `:missing`; `:not` of a token; the patient
 * by a number of theirs, as `patient.identifier` or `patient:Patient.identifier`.
 *
 * @returns undefined for one that is not served for this type
 */
export function parameterNamed(
  type: string,
  given: string,
  served: readonly SearchParameter[],
): Omit<AskedParameter, 'values'> | undefined {
  const [, base = '', modifier, chained] = /^([\w-]+)(?::(\w+))?(?:\.(\w+))?$/.exec(given) ?? [];
  const name = (base === 'subject' && withSubject.includes(type) ? 'patient' : base) as SearchParameter;
  if (!served.includes(name)) return undefined;
  if (chained !== undefined)
    return name === 'patient' && chained === 'identifier' && [undefined, 'Patient'].includes(modifier)
      ? { name, how: 'identifier' }
      : undefined;
  if (modifier === undefined || (modifier === 'Patient' && name === 'patient')) return { name };
  if (modifier === 'missing' && name in columns) return { name, how: 'missing' };
  return modifier === 'not' && searchParameterTypes[name] === 'token' ? { name, how: 'not' } : undefined;
}

/** How a parameter's name may go on, for the CapabilityStatement. */
export function formsOf(name: SearchParameter): string {
  const forms = [
    ...(name in columns ? [':missing'] : []),
    ...(searchParameterTypes[name] === 'token' ? [':not'] : []),
    ...(name === 'patient' ? ['.identifier'] : []),
  ];
  return forms.join(', ');
}

/** Binds a value to a statement. @returns its placeholder */
export type Bind = (value: unknown) => string;

/** A parameter as the SQL condition it is. @throws Failure field-invalid if its value cannot be read */
export function conditionOf({ name, how }: AskedParameter, text: string, bind: Bind): string {
  const value = clean(name, text);
  switch (how) {
    case 'missing':
      if (value !== 'true' && value !== 'false')
        throw fail('field-invalid', 'must be true or false', { field: `${name}:missing` });
      return `(${columns[name]}) IS ${value === 'true' ? 'TRUE' : 'NOT TRUE'}`;
    case 'not':
      return `(${conditions[name](value, bind)}) IS NOT TRUE`;
    case 'identifier':
      return `patient_id IN (SELECT p.id FROM resource AS p WHERE p.type = 'Patient' AND p.identifiers && ${bind(tokensSearched(value))}::text[])`;
    default:
      return conditions[name](value, bind);
  }
}

/** What is so where an element is not there. */
const columns: Partial<Record<SearchParameter, string>> = {
  identifier: "identifiers = '{}'",
  patient: 'patient_id IS NULL',
  status: 'status IS NULL',
  code: "body->'code' IS NULL",
  authored: "body->'authoredOn' IS NULL",
  encounter: "body->'encounter' IS NULL",
  'based-on': "body->'basedOn' IS NULL",
  focus: "body->'focus' IS NULL",
  'business-status': "body->'businessStatus' IS NULL",
};

/** Postgres takes no NUL in a text; nothing stored here has an empty key. */
function clean(field: string, text: string): string {
  if (text !== '' && !text.includes('\0')) return text;
  throw fail('field-invalid', 'must not be empty, and hold no NUL', { field });
}

const conditions: Record<SearchParameter, (text: string, bind: Bind) => string> = {
  _id: (text, bind) => `id = ANY(${bind(alternativesOf(text))})`,
  status: (text, bind) => `status = ANY(${bind(alternativesOf(text).map((one) => one.replace(/^.*\|/, '')))})`,
  identifier: (text, bind) => `identifiers && ${bind(tokensSearched(text))}::text[]`,
  patient: (text, bind) => {
    const wanted = alternativesOf(text);
    const patients = `patient_id = ANY(${bind(wanted.map((one) => one.replace(/^Patient\//, '')))})`;
    // A subject may be something else, such as the Device whose quality was controlled.
    const others = wanted.filter((one) => one.includes('/') && !one.startsWith('Patient/'));
    return others.length > 0 ? `(${patients} OR refs && ${bind(others)}::text[])` : patients;
  },
  // A Task refers to its order by its focus as well.
  'based-on': (text, bind) =>
    `(refs && ${references('ServiceRequest', text, bind)} AND (type <> 'Task' OR body->'basedOn' IS NOT NULL))`,
  focus: (text, bind) => {
    const wanted = references('ServiceRequest', text, bind);
    return `(refs && ${wanted} AND body->'focus'->>'reference' = ANY(${wanted}))`;
  },
  // What a Provenance is of, the patient among it.
  target: (text, bind) => {
    const wanted = alternativesOf(text).flatMap(ofAnyType);
    const patients = wanted.flatMap((one) => referencedId(one, 'Patient') ?? []);
    return `(refs && ${bind(wanted)}::text[] OR patient_id = ANY(${bind(patients)}))`;
  },
  location: (text, bind) => `refs && ${references('Location', text, bind)}`,
  practitioner: (text, bind) => `refs && ${references('Practitioner', text, bind)}`,
  schedule: (text, bind) => `refs && ${references('Schedule', text, bind)}`,
  implicated: (text, bind) => `refs && ${references('ServiceRequest', text, bind)}`,
  code: (text, bind) => anyCoding('code', text, bind),
  'business-status': (text, bind) => anyCoding('businessStatus', text, bind),
  encounter: (text, bind) => `refs && ${references('Encounter', text, bind)}`,
  authored: (text, bind) => anyMoment('authored', AUTHORED, text, bind),
  _lastUpdated: (text, bind) => anyMoment('_lastUpdated', 'last_updated', text, bind),
};

/** References searched for: `Type/id`, or an id of this type. */
function references(type: string, text: string, bind: Bind): string {
  return `${bind(alternativesOf(text).map((one) => (one.includes('/') ? one : `${type}/${one}`)))}::text[]`;
}

/** What a Provenance here is of, where only an id is given: ids are made from content, so it is one of these. */
function ofAnyType(reference: string): string[] {
  return reference.includes('/')
    ? [reference]
    : ['ServiceRequest', 'Encounter', 'Patient'].map((type) => `${type}/${reference}`);
}

function anyCoding(element: 'code' | 'businessStatus', text: string, bind: Bind): string {
  const wanted = alternativesOf(text).map((one) => JSON.stringify([codingSearched(one)]));
  return `(${wanted.map((one) => `body->'${element}'->'coding' @> ${bind(one)}::jsonb`).join(' OR ')})`;
}

/** A dateTime as the moment it begins: a year or month alone is no time that Postgres reads. */
const AUTHORED = `(rpad(body->>'authoredOn', greatest(10, length(body->>'authoredOn')), substr('0000-01-01', 1 + length(body->>'authoredOn'))))::timestamptz`;

function anyMoment(field: string, moment: string, text: string, bind: Bind): string {
  const dates = alternativesOf(text).map((one) => dateSearched(field, one));
  return `(${dates.map((date) => momentIs(moment, date, bind)).join(' OR ')})`;
}

/** `system|code`, `code`, `system|` or `|code` as what a coding must hold. */
function codingSearched(text: string): object {
  const bar = text.indexOf('|');
  const [system, code] = bar < 0 ? ['', text] : [text.slice(0, bar), text.slice(bar + 1)];
  return { ...(system ? { system } : {}), ...(code ? { code } : {}) };
}

function momentIs(moment: string, { prefix, from, until }: DateSearch, bind: Bind): string {
  const is = (operator: string, at: Date) => `${moment} ${operator} ${bind(at)}::timestamptz`;
  switch (prefix) {
    case 'eq':
      return `(${is('>=', from)} AND ${is('<', until)})`;
    case 'ne':
      return `(${is('<', from)} OR ${is('>=', until)})`;
    case 'gt':
    case 'sa':
      return is('>=', until);
    case 'ge':
      return is('>=', from);
    case 'lt':
    case 'eb':
      return is('<', from);
    case 'le':
      return is('<', until);
  }
}
