import { describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import type { Failure } from '#platform';
import { failureOf } from '#testing';
import { validateResource, type Profile } from './index.js';

type Content = Record<string, unknown>;
const order = (overrides: Content = {}): Content => ({
  resourceType: 'ServiceRequest',
  identifier: [{ system: 'urn:oid:1', value: 'ORD1' }],
  status: 'active',
  intent: 'order',
  code: { coding: [{ system: 'urn:x', code: 'CTHEAD' }] },
  subject: { reference: 'Patient/1' },
  ...overrides,
});
const administration = (overrides: Content = {}): Content => ({
  resourceType: 'MedicationAdministration',
  status: 'completed',
  medicationReference: { reference: '#agent' },
  subject: { reference: 'Patient/1' },
  ...overrides,
});

describe('validateResource', () => {
  it.each<[string, Content]>([
    ['ServiceRequest', order()],
    [
      'ServiceRequest',
      order({
        occurrenceDateTime: '2026-03',
        extension: [{ url: 'urn:x', extension: [{ url: 'y', valueCode: 'z' }] }],
      }),
    ],
    [
      'MedicationAdministration',
      administration({ contained: [{ resourceType: 'Medication', batch: { lotNumber: '4711' } }] }),
    ],
    [
      'Patient',
      { resourceType: 'Patient', identifier: [{ value: '1' }], name: [{ given: ['A', null], _given: [null, {}] }] },
    ],
    ['Encounter', { resourceType: 'Encounter', status: 'in-progress', class: { code: 'AMB' } }],
    [
      'DiagnosticReport',
      { resourceType: 'DiagnosticReport', status: 'final', code: { text: 'Report' }, issued: '2026-03-02T08:00:00Z' },
    ],
    [
      'Bundle',
      {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource: order(), request: { method: 'POST', url: 'ServiceRequest' } }],
      },
    ],
  ])('takes a right %s as it is', (type, body) => {
    expect(validateResource(body, type as 'Patient')).toBe(body);
  });

  it.each<[string, string, Content, string]>([
    ['field-invalid', 'resourceType', { ...order(), resourceType: 'Patient' }, 'ServiceRequest'],
    ['field-missing', 'ServiceRequest.subject', order({ subject: undefined }), 'ServiceRequest'],
    ['field-invalid', 'ServiceRequest.identifier', order({ identifier: { value: '1' } }), 'ServiceRequest'],
    [
      'field-invalid',
      'ServiceRequest.identifier[1]',
      order({ identifier: [{ value: '1' }, 'ORD2'] }),
      'ServiceRequest',
    ],
    ['field-invalid', 'ServiceRequest.identifier[0].value', order({ identifier: [{ value: 5 }] }), 'ServiceRequest'],
    [
      'field-invalid',
      'ServiceRequest.identifier[0].type.coding[0].code',
      order({ identifier: [{ value: '1', type: { coding: [{ code: {} }] } }] }),
      'ServiceRequest',
    ],
    ['field-invalid', 'ServiceRequest.code.coding', order({ code: { coding: 'CTHEAD' } }), 'ServiceRequest'],
    ['field-invalid', 'ServiceRequest.priority', order({ priority: 'high' }), 'ServiceRequest'],
    ['field-invalid', 'ServiceRequest.status', order({ status: ['active'] }), 'ServiceRequest'],
    [
      'field-invalid',
      'ServiceRequest.occurrenceDateTime',
      order({ occurrenceDateTime: '2026-03-02T08:00' }),
      'ServiceRequest',
    ],
    ['field-invalid', 'ServiceRequest.authoredOn', order({ authoredOn: '2026-13' }), 'ServiceRequest'],
    [
      'field-invalid',
      'ServiceRequest.occurrence',
      order({ occurrenceDateTime: '2026', occurrencePeriod: { start: '2026' } }),
      'ServiceRequest',
    ],
    ['field-missing', 'ServiceRequest.note[0].text', order({ note: [{ authorString: 'x' }] }), 'ServiceRequest'],
    ['field-missing', 'ServiceRequest.extension[0].url', order({ extension: [{ valueCode: 'x' }] }), 'ServiceRequest'],
    ['field-invalid', 'ServiceRequest', order({ patientInstruction: 'a\0b' }), 'ServiceRequest'],
    ['field-invalid', 'ServiceRequest', order({ patientInstruction: '\ud800' }), 'ServiceRequest'],
    [
      'field-missing',
      'MedicationAdministration.medication',
      administration({ medicationReference: undefined }),
      'MedicationAdministration',
    ],
    [
      'field-invalid',
      'MedicationAdministration.dosage.dose.value',
      administration({ dosage: { dose: { value: '80' } } }),
      'MedicationAdministration',
    ],
    [
      'field-missing',
      'MedicationAdministration.performer[0].actor',
      administration({ performer: [{}] }),
      'MedicationAdministration',
    ],
    [
      'field-invalid',
      'MedicationAdministration.contained[0].batch',
      administration({ contained: [{ resourceType: 'Medication', batch: '4711' }] }),
      'MedicationAdministration',
    ],
    [
      'field-missing',
      'MedicationAdministration.contained[0].resourceType',
      administration({ contained: [{}] }),
      'MedicationAdministration',
    ],
    [
      'field-missing',
      'Bundle.entry[0].resource',
      { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'POST', url: 'x' } }] },
      'Bundle',
    ],
    [
      'field-missing',
      'Bundle.entry[0].request',
      { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: order() }] },
      'Bundle',
    ],
    [
      'field-invalid',
      'Bundle.type',
      {
        resourceType: 'Bundle',
        type: 'message',
        entry: [{ resource: order(), request: { method: 'POST', url: 'x' } }],
      },
      'Bundle',
    ],
    [
      'field-missing',
      'DiagnosticReport.code',
      { resourceType: 'DiagnosticReport', status: 'final' },
      'DiagnosticReport',
    ],
    ['field-invalid', 'Encounter.class', { resourceType: 'Encounter', status: 'planned', class: 'AMB' }, 'Encounter'],
  ])('refuses by %s at %s', (code, field, body, type) => {
    const failure = failureOf(() => validateResource(body, type as 'Patient'));
    expect({ code: failure.code, field: failure.field }).toEqual({ code, field });
  });

  it('names all that is wrong at once, in a Bundle by entry, 50 at most', () => {
    const request = { method: 'POST', url: 'ServiceRequest' };
    const resource = order({ status: 'any', subject: undefined, priority: 'high' });
    const failure = failureOf(() =>
      validateResource({ resourceType: 'Bundle', type: 'transaction', entry: [{ resource, request }] }, 'Bundle'),
    );
    expect([failure, ...failure.also].map(({ code, field }) => [code, field])).toEqual([
      ['field-invalid', 'Bundle.entry[0].resource.status'],
      ['field-invalid', 'Bundle.entry[0].resource.priority'],
      ['field-missing', 'Bundle.entry[0].resource.subject'],
    ]);
    const identifier = Array.from({ length: 100 }, () => ({ value: 5 }));
    expect(failureOf(() => validateResource(order({ identifier }), 'ServiceRequest')).also).toHaveLength(49);
  });

  const profile: Profile<ServiceRequest> = {
    id: 'test-order',
    type: 'ServiceRequest',
    title: 'Test',
    description: 'Test',
    elements: [
      { element: 'identifier', min: 1, why: 'it is its identity' },
      { element: 'modifierExtension', max: '0', why: 'it is not understood' },
    ],
    rules: [
      {
        key: 'test-number',
        element: 'identifier',
        reads: ['identifier', 'priority'],
        code: 'field-missing',
        human: 'must have a system',
        expression: 'identifier.system.exists()',
        holds: ({ identifier }) => identifier!.every(({ system }) => system),
      },
    ],
  };
  it.each<[string, Content, [string, string][]]>([
    ['nothing of what conforms', {}, []],
    ['a missing element once, though a rule reads it', { identifier: [] }, [['field-missing', 'identifier']]],
    ['what must not be there', { modifierExtension: [{ url: 'urn:x' }] }, [['field-invalid', 'modifierExtension']]],
    ['a rule that does not hold', { identifier: [{ value: '1' }] }, [['field-missing', 'identifier']]],
    [
      'what is no valid R4, of which no rule speaks',
      { identifier: [{ value: '1' }], priority: 'high' },
      [['field-invalid', 'priority']],
    ],
    [
      'all of it at once',
      { identifier: null, modifierExtension: [{ url: 'urn:x' }], status: 'any' },
      [
        ['field-invalid', 'status'],
        ['field-missing', 'identifier'],
        ['field-invalid', 'modifierExtension'],
      ],
    ],
  ])('by a profile tells %s, in a Bundle as well, but not of what is contained', (_what, overrides, problems) => {
    const told = (body: object, type: 'ServiceRequest' | 'Bundle' | 'MedicationAdministration') => {
      try {
        validateResource(body, type, { ServiceRequest: profile });
        return [];
      } catch (error) {
        return [error as Failure, ...(error as Failure).also].map(({ code, field }) => [code, field]);
      }
    };
    const resource = order(overrides);
    expect(told(resource, 'ServiceRequest')).toEqual(problems.map(([code, at]) => [code, `ServiceRequest.${at}`]));
    const bundle = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ resource, request: { method: 'POST', url: 'ServiceRequest' } }],
    };
    expect(told(bundle, 'Bundle')).toEqual(problems.map(([code, at]) => [code, `Bundle.entry[0].resource.${at}`]));
    const ofR4 = problems.filter(([, at]) => ['status', 'priority'].includes(at));
    const contained = told(administration({ contained: [resource] }), 'MedicationAdministration');
    expect(contained).toEqual(ofR4.map(([code, at]) => [code, `MedicationAdministration.contained[0].${at}`]));
  });

  it.each([[null], [undefined], ['text'], [5], [[]], [{}]])('refuses %j', (body) => {
    expect(failureOf(() => validateResource(body, 'Patient')).field).toBe('resourceType');
  });

  it('refuses what is nested without end, and is not overrun by it', () => {
    const deep = JSON.parse(`${'{"url":"u","extension":['.repeat(40_000)}${']}'.repeat(40_000)}`);
    expect(failureOf(() => validateResource(order({ extension: [deep] }), 'ServiceRequest')).code).toBe(
      'field-invalid',
    );
  });

  it('quotes no value', () => {
    const patient = { resourceType: 'Patient', identifier: [{ value: '1' }], birthDate: '31.01.1970', gender: 'F' };
    const { message } = failureOf(() => validateResource(patient, 'Patient'));
    expect(message).toBe('Patient.gender must be one of male, female, other, unknown');
    expect(failureOf(() => validateResource({ ...patient, gender: 'female' }, 'Patient')).message).not.toContain(
      '1970',
    );
  });
});
