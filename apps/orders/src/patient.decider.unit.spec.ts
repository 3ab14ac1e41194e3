import { describe, expect, it } from '@jest/globals';
import type { AllergyIntolerance, Encounter, Patient } from 'fhir/r4.js';
import { typedIdentifier } from '#fhir';
import { anAllergy, aPatient, given } from '#testing';
import { decideClinical, decideEncounter, decidePatient } from './patient.decider.js';

const known = (overrides: Partial<Patient> = {}): Patient => aPatient({ meta: { versionId: '2' }, ...overrides });
const states = (stated: Patient) => (current: Patient | undefined) => decidePatient(current, stated);
const other = typedIdentifier('PI', 'urn:oid:9', '55');

describe('A patient', () => {
  it('becomes known', () => {
    given<Patient | undefined>(undefined)
      .when(states(aPatient()))
      .thenExactly({ patient: aPatient(), event: 'imaging.patient.registered.v1' });
  });
  it('of whom nothing new is said stays', () => {
    given(known()).when(states(aPatient())).thenExactly({ patient: known() });
  });
  it('keeps what is not stated, and takes what is', () => {
    const { id, identifier } = aPatient();
    given(known())
      .when(states({ resourceType: 'Patient', id, identifier, name: [{ family: 'Married' }] }))
      .thenExactly({ patient: { ...known(), name: [{ family: 'Married' }] }, event: 'imaging.patient.updated.v1' });
  });
  it('loses what is stated to be no more', () => {
    const { patient, event } = decidePatient(known(), { ...aPatient(), birthDate: undefined });
    expect([event, patient.birthDate]).toEqual(['imaging.patient.updated.v1', undefined]);
  });
  it('keeps the numbers of other authorities', () => {
    const both = known({ identifier: [other, ...aPatient().identifier!] });
    given(both).when(states(aPatient())).thenExactly({ patient: both });
  });
  it('keeps extensions of other kinds, and loses one that is said to be no more', () => {
    const [religion, importance] = ['religion', 'importance'].map((url) => ({ url, valueString: url }));
    const joined = decidePatient(known({ extension: [religion!] }), aPatient({ extension: [importance!] })).patient;
    expect(joined.extension).toEqual([religion, importance]);
    const { patient, event } = decidePatient(joined, aPatient({ extension: [{ url: 'religion' }] }));
    expect([event, patient.extension]).toEqual(['imaging.patient.updated.v1', [importance]]);
    expect(decidePatient(undefined, aPatient({ extension: [{ url: 'religion' }] })).patient.extension).toBeUndefined();
  });
  it('has one of a choice: a time of death takes the place of its yes', () => {
    const { patient } = decidePatient(known({ deceasedBoolean: true }), aPatient({ deceasedDateTime: '2026-03-01' }));
    expect([patient.deceasedBoolean, patient.deceasedDateTime]).toEqual([undefined, '2026-03-01']);
  });
  it('gets a number more behind those known', () => {
    const { patient, event } = decidePatient(known(), aPatient({ identifier: [other, ...aPatient().identifier!] }));
    expect(event).toBe('imaging.patient.updated.v1');
    expect(patient.identifier).toEqual([...aPatient().identifier!, other]);
  });
});

describe('An allergy', () => {
  const error = { coding: [{ code: 'entered-in-error' }] };
  it('that was an error loses its clinical status, and has it again when it is said again', () => {
    const deleted = decideClinical(
      anAllergy('Latex'),
      anAllergy('Latex', { clinicalStatus: undefined, verificationStatus: error }),
    );
    expect(deleted).toMatchObject({ verificationStatus: error });
    expect((deleted as AllergyIntolerance).clinicalStatus).toBeUndefined();
    const back = decideClinical(deleted, anAllergy('Latex')) as AllergyIntolerance;
    expect([back.verificationStatus, back.clinicalStatus?.coding?.[0]?.code]).toEqual([undefined, 'active']);
  });
});

describe('A visit', () => {
  const visit = (overrides: Partial<Encounter> = {}): Encounter => ({
    resourceType: 'Encounter',
    id: 'v1',
    status: 'arrived',
    class: { code: 'AMB' },
    ...overrides,
  });
  it('becomes known', () => expect(decideEncounter(undefined, visit())).toEqual(visit()));
  it('of which nothing new is said stays', () => {
    expect(decideEncounter(visit({ meta: { versionId: '1' } }), visit())).toBeUndefined();
  });
  it('keeps its status where the message states none', () => {
    expect(decideEncounter(visit(), visit({ status: 'unknown' }))).toBeUndefined();
    const moved = decideEncounter(visit(), visit({ status: 'unknown', location: [{ location: { display: '4W' } }] }));
    expect(moved).toMatchObject({ status: 'arrived', location: [{ location: { display: '4W' } }] });
  });
  it('keeps of the stay what is not said again', () => {
    const admitted = visit({
      hospitalization: { dietPreference: [{ text: 'vegan' }] },
      period: { start: '2026-03-01' },
    });
    const left = visit({ hospitalization: { dischargeDisposition: { text: 'home' } }, period: { end: '2026-03-04' } });
    expect(decideEncounter(admitted, left)).toMatchObject({
      hospitalization: { dietPreference: [{ text: 'vegan' }], dischargeDisposition: { text: 'home' } },
      period: { start: '2026-03-01', end: '2026-03-04' },
    });
  });
  it('ends', () => expect(decideEncounter(visit(), visit({ status: 'finished' }))?.status).toBe('finished'));
});
