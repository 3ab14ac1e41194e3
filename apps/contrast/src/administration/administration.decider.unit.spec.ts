import { describe, expect, it } from '@jest/globals';
import type { MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { anAdministration, aServiceRequest, given, site } from '#testing';
import { correctAdministration, recordAdministration } from './administration.decider.js';
import { planContrast } from '../contrast-plan.decider.js';
import { readAdministration } from './read-administration.js';

const order = aServiceRequest({ procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' } });
const plan = planContrast(undefined, order, site()).plan!;
const read = (overrides: Partial<MedicationAdministration> = {}) =>
  readAdministration(anAdministration(plan, overrides)).administration;
const recorded = (overrides: Partial<MedicationAdministration> = {}): MedicationAdministration => ({
  ...recordAdministration([], read(overrides), plan).administration,
  meta: { versionId: '3', lastUpdated: '2026-03-02T09:00:00Z' },
});
const none: MedicationAdministration[] = [];

describe('recording what was given', () => {
  it('ties it to its contrast record, patient and order', () => {
    const note = { reference: 'Observation/weight' };
    given(none)
      .when((current) => recordAdministration(current, read({ supportingInformation: [note] }), plan))
      .then({
        outcome: 'new',
        tell: true,
        administration: {
          subject: order.subject,
          request: { reference: `MedicationRequest/${plan.id}` },
          supportingInformation: [{ reference: `ServiceRequest/${order.id}` }, note],
        },
      });
  });
  it('finds the record by the order too', () => {
    const supportingInformation = [{ reference: `ServiceRequest/${order.id}` }];
    const { planId } = readAdministration(anAdministration(plan, { request: undefined, supportingInformation }));
    expect(planId).toBe(plan.id);
  });
  it('records that nothing was given, and tells nobody that it was', () => {
    given(none)
      .when((current) => recordAdministration(current, read({ status: 'not-done', dosage: undefined }), plan))
      .then({ outcome: 'new', tell: false });
  });
  it('takes the same again as the same', () => {
    given([recorded()])
      .when((current) => recordAdministration(current, read(), plan))
      .then({ outcome: 'same', tell: false });
  });
  it('takes the same again as the same, under several numbers too; their order is part of it', () => {
    const [first, second] = [
      { system: 'urn:test:injector', value: 'A' },
      { system: 'urn:test:rack', value: 'B' },
    ];
    const outcome = recordAdministration(
      [recorded({ identifier: [first, second] })],
      read({ identifier: [first, second] }),
      plan,
    );
    expect(outcome.outcome).toBe('same');
    given([recorded({ identifier: [first, second] })])
      .when((current) => recordAdministration(current, read({ identifier: [second, first] }), plan))
      .thenFails('duplicate-key');
  });
  it('refuses other content under the same number', () => {
    given([recorded()])
      .when((current) => recordAdministration(current, read({ effectiveDateTime: '2026-03-02T11:00:00Z' }), plan))
      .thenFails('duplicate-key');
  });
  it('refuses one of an unknown record, and of another patient', () => {
    given(none)
      .when((current) => recordAdministration(current, read(), undefined))
      .thenFails('unknown-key');
    const another = read({ subject: { reference: 'Patient/another' } });
    given(none)
      .when((current) => recordAdministration(current, another, plan))
      .thenFails('state-conflict');
  });
  it('records and tells what was given though the order was cancelled meanwhile: it is a fact', () => {
    const cancelled: MedicationRequest = { ...plan, status: 'cancelled' };
    given(none)
      .when((current) => recordAdministration(current, read(), cancelled))
      .then({ outcome: 'new', tell: true });
  });
  it('refuses to begin with an error', () => {
    given(none)
      .when((current) => recordAdministration(current, read({ status: 'entered-in-error' }), plan))
      .thenFails('state-conflict');
  });
});

describe('correcting it', () => {
  const dosage = { ...anAdministration(plan).dosage!, dose: { value: 60, unit: 'mL' } };
  const correct = (overrides: Partial<MedicationAdministration>, version = '3', planId = plan.id!) => {
    const stated = read(overrides);
    return (current: MedicationAdministration) => correctAdministration(current, stated, planId, version);
  };
  it('keeps identity and version chain, and tells', () => {
    given(recorded())
      .when(correct({ dosage }))
      .then({
        outcome: 'corrected',
        tell: true,
        administration: { id: recorded().id, dosage, meta: recorded().meta },
      });
  });
  it('tells that what was given was an error', () => {
    given(recorded())
      .when(correct({ status: 'entered-in-error' }))
      .then({ outcome: 'corrected', tell: true });
  });
  it('tells nobody of what never was given', () => {
    given(recorded({ status: 'not-done' }))
      .when(correct({ status: 'not-done', note: [{ text: 'vein not found' }] }))
      .then({ outcome: 'corrected', tell: false });
  });
  it('does nothing for the same content', () => {
    given(recorded()).when(correct({})).then({ outcome: 'same', tell: false });
  });
  it('refuses a stale version, another number, another record and another patient', () => {
    given(recorded()).when(correct({ dosage }, '2')).thenFails('precondition-failed');
    given(recorded())
      .when(correct({ identifier: [{ system: 'urn:x', value: '2' }] }))
      .thenFails('field-invalid');
    given(recorded())
      .when(correct({ dosage }, '3', 'another'))
      .thenFails('state-conflict');
    given(recorded())
      .when(correct({ subject: { reference: 'Patient/another' } }))
      .thenFails('state-conflict');
  });
});
