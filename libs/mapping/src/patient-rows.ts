import type { Extension, Identifier, Patient, PatientContact } from 'fhir/r4.js';
import { contentError, type Segment } from '#hl7v2';
import { typedIdentifier } from '#fhir';
import { ofTable } from '#platform';
import {
  addressFromXad,
  compact,
  conceptFromCwe,
  conceptOf,
  conceptOfTable,
  contactsFrom,
  dateTimeFrom,
  identifierFromCx,
  listOf,
  nameFromXpn,
  periodFrom,
  systemOfHd,
} from './data-types.js';
import { fhirDate } from './date-time.js';
import { organizationFromXon, personFromXcn } from './references.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import sexes from './tables/administrative-sex.json' with { type: 'json' };

const core = (name: string) => `extension http://hl7.org/fhir/StructureDefinition/${name}` as const;

/** IG segment map PID[Patient]. */
export const patientRows: readonly Row<Patient>[] = [
  row(3, 'identifier', (pid, field, around) =>
    eachRepetition(pid, field, (repetition) => identifierFromCx(pid, field, repetition, around)),
  ),
  row(5, 'name', names),
  row(6, core('patient-mothersMaidenName'), (pid, field) => valueString(pid.get(field))),
  row(7, 'birthDate', (pid, field) => (pid.get(field) ? fhirDate(pid.get(field)!, pid.at(field)) : undefined)),
  row(7, '_birthDate', birthTime),
  row(8, 'gender', (pid, field) => {
    const code = pid.get(field);
    const gender = ofTable(sexes, code);
    if (code && !gender)
      throw contentError(103, 'PID-8 must be a code of table 0001: M, F, O, U, A or N', pid.at(field));
    return gender;
  }),
  row(9, 'name', names),
  row(11, 'address', addresses),
  row(13, 'telecom', (pid, field) => contactsFrom(pid, field, 'home')),
  row(14, 'telecom', (pid, field) => contactsFrom(pid, field, 'work')),
  row(15, 'communication', (pid, field) => {
    const language = conceptFromCwe(pid, field);
    return language && [{ language }];
  }),
  row(16, 'maritalStatus', (pid, field) => conceptOf(pid, field, 'MaritalStatus')),
  row(17, core('patient-religion'), (pid, field) => valueConcept(conceptOf(pid, field, 'Religion'))),
  row(23, core('patient-birthPlace'), (pid, field) =>
    pid.get(field) ? { valueAddress: { text: pid.get(field) } } : undefined,
  ),
  row(24, 'multipleBirthBoolean', (pid, field) => (pid.raw(25) === '' ? yesOrNo(pid.get(field)) : undefined)),
  row(25, 'multipleBirthInteger', (pid, field) => {
    const order = Number(pid.get(field));
    return Number.isInteger(order) ? order : undefined;
  }),
  row(26, core('patient-citizenship'), codedExtensions),
  row(28, core('patient-nationality'), codedExtensions),
  row(29, 'deceasedDateTime', dateTimeFrom),
  row(30, 'deceasedBoolean', (pid, field) => (pid.raw(29) === '' ? yesOrNo(pid.get(field)) : undefined)),
  row(39, core('patient-citizenship'), codedExtensions),
  row(40, 'telecom', (pid, field) => contactsFrom(pid, field)),
];

/**
 * IG segment map PID[Patient], the numbers beside PID-3. They never say who the patient is: one without an authority is
 * left without a system, not taken for one of ours.
 */
export const furtherNumberRows: readonly Row<Patient>[] = [
  row(2, 'identifier', furtherNumbers),
  row(4, 'identifier', furtherNumbers),
  row(19, 'identifier', (pid, field) =>
    pid.get(field) ? [typedIdentifier('SS', 'http://hl7.org/fhir/sid/us-ssn', pid.get(field)!)] : undefined,
  ),
  row(20, 'identifier', driversLicense),
];

/** IG segment map PD1[Patient]. */
export const additionalDemographicRows: readonly Row<Patient>[] = [
  row(3, 'generalPractitioner', (pd1, field, around) => listOf(organizationFromXon(pd1, field, around))),
  row(4, 'generalPractitioner', (pd1, field, around) =>
    eachRepetition(pd1, field, (repetition) => personFromXcn(pd1, field, around, repetition)),
  ),
  row(6, core('patient-disability'), (pd1, field) => valueConcept(conceptFromCwe(pd1, field))),
  row(14, core('patient-congregation'), (pd1, field) => valueString(pd1.get(field))),
];

/** IG segment map PV1[Patient]. */
export const visitPatientRows: readonly Row<Patient>[] = [
  row(16, core('patient-importance'), (pv1, field) => valueConcept(conceptOfTable(pv1, field, '0099'))),
];

/** IG segment map NK1[Patient]. */
const contactRows: readonly Row<PatientContact>[] = [
  row(2, 'name', (nk1, field) => nameFromXpn(nk1, field, 1)),
  row(3, 'relationship', (nk1, field) => listOf(conceptOf(nk1, field, 'Relationship'))),
  row(4, 'address', (nk1, field) => addressFromXad(nk1, field, 1)),
  row(5, 'telecom', (nk1, field) => contactsFrom(nk1, field)),
  row(6, 'telecom', (nk1, field) => contactsFrom(nk1, field, 'work')),
  row(7, 'relationship', (nk1, field) => listOf(conceptOf(nk1, field, 'ContactRole'))),
  row(13, 'organization', (nk1, field, around) => organizationFromXon(nk1, field, around)),
  row(15, 'gender', (nk1, field) => ofTable(sexes, nk1.get(field))),
  row(40, 'telecom', (nk1, field) => contactsFrom(nk1, field)),
  row(41, 'telecom', (nk1, field) => contactsFrom(nk1, field)),
];

/** A next of kin or other contact (IG segment map NK1[Patient]); undefined where the segment names nobody. */
export function contactFromNk1(nk1: Segment, around: Surroundings): PatientContact | undefined {
  const stated = compact(applyRows(contactRows, nk1, around));
  const period = periodFrom(nk1, 8, 9, around);
  // FHIR rule pat-1: a contact has a name, a number, an address or an organization.
  if (!stated.name && !stated.telecom && !stated.address && !stated.organization) return undefined;
  return { ...stated, ...(period ? { period } : {}) };
}

function names(pid: Segment, field: number): Patient['name'] {
  return eachRepetition(pid, field, (repetition) => nameFromXpn(pid, field, repetition));
}

/** PID-11; PID-12 county is the district of the first address that says none. */
function addresses(pid: Segment, field: number): Patient['address'] {
  const stated = eachRepetition(pid, field, (repetition) => addressFromXad(pid, field, repetition));
  const county = pid.get(12);
  return stated.map((address, index) =>
    index === 0 && county && !address.district ? { ...address, district: county } : address,
  );
}

/** The time of birth where PID-7 says more than the day. */
function birthTime(pid: Segment, field: number, around: Surroundings): Patient['_birthDate'] {
  const text = pid.get(field);
  if (!text || text.length <= 8) return undefined;
  const valueDateTime = dateTimeFrom(pid, field, around);
  return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime', valueDateTime }] };
}

function furtherNumbers(pid: Segment, field: number, around: Surroundings): Identifier[] {
  return eachRepetition(pid, field, (repetition) => identifierFromCx(pid, field, repetition, around));
}

/** DLN → Identifier: the number, its issuer, and until when it is valid. */
function driversLicense(pid: Segment, field: number, around: Surroundings): Identifier[] {
  const value = pid.get(field);
  if (!value) return [];
  const end = dateTimeFrom(pid, field, around, 3);
  const issuer = systemOfHd(around, pid.get(field, 2), undefined, undefined);
  return [{ ...typedIdentifier('DL', issuer, value), ...(end ? { period: { end } } : {}) }];
}

function codedExtensions(pid: Segment, field: number): object[] {
  return eachRepetition(pid, field, (repetition) => {
    const concept = conceptFromCwe(pid, field, repetition);
    return concept && { extension: [{ url: 'code', valueCodeableConcept: concept }] };
  });
}

function valueConcept(valueCodeableConcept: Extension['valueCodeableConcept']) {
  return valueCodeableConcept && { valueCodeableConcept };
}

function valueString(text: string | undefined) {
  return text ? { valueString: text } : undefined;
}

function yesOrNo(code: string | undefined): boolean | undefined {
  return code === 'Y' ? true : code === 'N' ? false : undefined;
}
