import { describe, expect, it } from '@jest/globals';
import type { MedicationAdministration } from 'fhir/r4.js';
import { anAdministration } from '#testing';
import { lotNumberOf, readAdministration } from './read-administration.js';

const plan = { id: 'plan', subject: { reference: 'Patient/p' } };
const said = (overrides: object) => anAdministration(plan, overrides as Partial<MedicationAdministration>);
const dosage = (overrides: object) => ({ dosage: { ...anAdministration(plan).dosage, ...overrides } });
const medication = (overrides: object) => ({ contained: [{ resourceType: 'Medication', id: 'm', ...overrides }] });

describe('an administration that is read', () => {
  it.each<[string, object, string]>([
    ['no number of its own', { identifier: [] }, 'identifier'],
    ['a number without its system', { identifier: [{ value: '1' }] }, 'identifier'],
    ['no contrast record', { request: undefined }, 'request'],
    ['a contrast record that is none', { request: { reference: 'Task/1' } }, 'request'],
    [
      'an order other than the record’s',
      { supportingInformation: [{ reference: 'ServiceRequest/x' }] },
      'supportingInformation',
    ],
    ['no agent', medication({ batch: { lotNumber: 'L' } }), 'medicationReference'],
    ['an agent without name or code', medication({ code: {}, batch: { lotNumber: 'L' } }), 'medicationReference'],
    ['no lot', medication({ code: { text: 'iopromide' } }), 'contained'],
    [
      'a blank lot',
      medication({ code: { text: 'iopromide' }, batch: { lotNumber: '  ' } }),
      'contained[0].batch.lotNumber',
    ],
    [
      'a lot that no reference ties to it',
      { medicationReference: undefined, medicationCodeableConcept: { text: 'iopromide' } },
      'contained',
    ],
    ['no time', { effectiveDateTime: undefined }, 'effectiveDateTime'],
    [
      'a period without a start',
      { effectiveDateTime: undefined, effectivePeriod: { end: '2026-03-02' } },
      'effectiveDateTime',
    ],
    ['no dosage', { dosage: undefined }, 'dosage.dose'],
    ['a dose of nothing', dosage({ dose: { value: 0, unit: 'mL' } }), 'dosage.dose.value'],
    ['a negative dose', dosage({ dose: { value: -80, unit: 'mL' } }), 'dosage.dose.value'],
    ['a bound for a dose', dosage({ dose: { value: 80, comparator: '<', unit: 'mL' } }), 'dosage.dose.comparator'],
    ['a dose without unit', dosage({ dose: { value: 80 } }), 'dosage.dose.unit'],
    ['a rate without unit', dosage({ rateQuantity: { value: 3 } }), 'dosage.rateQuantity.unit'],
    ['a rate of nothing', dosage({ rateQuantity: { value: 0, unit: 'mL/s' } }), 'dosage.rateQuantity.value'],
    [
      'half a ratio',
      dosage({ rateQuantity: undefined, rateRatio: { numerator: { value: 3, unit: 'mL' } } }),
      'dosage.rateRatio.denominator',
    ],
    ['no route', dosage({ route: undefined }), 'dosage.route'],
    ['an empty route', dosage({ route: {} }), 'dosage.route'],
    ['nobody who gave it', { performer: [] }, 'performer'],
    ['a performer who is nobody', { performer: [{ actor: {} }] }, 'performer'],
    ['no known outcome', { status: 'unknown' }, 'status'],
  ])('is refused with %s, naming the element', (_, overrides, path) => {
    expect(() => readAdministration(said(overrides))).toThrow(
      expect.objectContaining({ field: `MedicationAdministration.${path}`, fate: 'refuse' }),
    );
  });
  it('is refused if it is none', () => {
    expect(() => readAdministration({ resourceType: 'Patient' })).toThrow(
      expect.objectContaining({ code: 'field-invalid' }),
    );
  });
  it('needs no rate: a hand injection has none', () => {
    expect(readAdministration(said(dosage({ rateQuantity: undefined }))).planId).toBe('plan');
  });
  it('needs no lot, dose and time where nothing was given', () => {
    const nothing = {
      status: 'not-done',
      dosage: undefined,
      effectiveDateTime: undefined,
      performer: undefined,
      ...medication({ code: { text: 'iopromide' } }),
    };
    expect(readAdministration(said(nothing)).administration.status).toBe('not-done');
  });
  it('is known by its number: the same number is the same administration', () => {
    const ids = [
      said({}),
      said({ status: 'stopped' }),
      said({ identifier: [{ system: 'urn:test:injector', value: 'INJ-2' }] }),
    ].map((one) => readAdministration(one).administration.id);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });
  it('has the lot of what it refers to, not of the saline beside it', () => {
    const saline = { resourceType: 'Medication', id: 's', code: { text: 'saline' }, batch: { lotNumber: 'SALINE' } };
    const both = said({ contained: [saline, ...anAdministration(plan).contained!] });
    expect(lotNumberOf(readAdministration(both).administration)).toBe('LOT7');
  });
});
