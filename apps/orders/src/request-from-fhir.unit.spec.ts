import { describe, expect, it } from '@jest/globals';
import type { Identifier, ServiceRequest } from 'fhir/r4.js';
import { dicomUidIdentifier, patientIdOf, systems, typedIdentifier } from '#fhir';
import { failureOf, site as aSite } from '#testing';
import { anOrderByFhir as order, placer } from './an-order-by-fhir.spec.js';
import { orderFromFhir } from './request-from-fhir.js';

const site = aSite();

describe('A single order', () => {
  const known = { subject: { reference: 'Patient/abc' } };

  it('is for a patient named by id or by number', () => {
    expect(orderFromFhir(order(known), site)).toMatchObject({ patientId: 'abc', serviceRequest: known });
    const identifier = { system: 'urn:oid:2.25.1001', value: 'P1' };
    expect(orderFromFhir(order({ subject: { identifier } }), site).patientId).toBe(patientIdOf(identifier));
  });

  it('keeps its other numbers, the placer order number in front', () => {
    const identifier = [typedIdentifier('ACSN', systems.accessionNumber, 'A1'), { ...placer }];
    expect(
      orderFromFhir(order({ ...known, identifier }), site).serviceRequest.identifier?.map((one) => one.value),
    ).toEqual(['ORD1', 'A1']);
  });

  const numbers = (...more: Identifier[]) => ({ ...known, identifier: [placer, ...more] });
  it.each<[string, Partial<ServiceRequest>, string, string]>([
    ['for nobody', { subject: { display: 'somebody' } }, 'field-invalid', 'ServiceRequest.subject'],
    [
      'for a patient of another server',
      { subject: { reference: 'http://x/Patient/1' } },
      'field-invalid',
      'ServiceRequest.subject',
    ],
    [
      'without placer order number',
      { ...known, identifier: [{ value: 'ORD1' }] },
      'field-missing',
      'ServiceRequest.identifier',
    ],
    [
      'of a procedure unknown here',
      { ...known, code: { coding: [{ code: 'MRKNEE' }] } },
      'value-unknown',
      'ServiceRequest.code.coding',
    ],
    [
      'with an accession number too long for DICOM',
      numbers(typedIdentifier('ACSN', 'urn:a', 'A'.repeat(17))),
      'field-invalid',
      'ServiceRequest.identifier',
    ],
    [
      'with an accession number DICOM would split',
      numbers(typedIdentifier('ACSN', 'urn:a', 'A\\B')),
      'field-invalid',
      'ServiceRequest.identifier',
    ],
    [
      'with a study UID that is none',
      numbers(dicomUidIdentifier('1.2.03')),
      'field-invalid',
      'ServiceRequest.identifier',
    ],
    [
      'with a study UID too long',
      numbers(dicomUidIdentifier(`1.${'2.'.repeat(31)}34`)),
      'field-invalid',
      'ServiceRequest.identifier',
    ],
  ])('%s is refused', (_what, overrides, code, field) => {
    const failure = failureOf(() => orderFromFhir(order(overrides), site));
    expect({ code: failure.code, field: failure.field }).toEqual({ code, field });
  });
});
