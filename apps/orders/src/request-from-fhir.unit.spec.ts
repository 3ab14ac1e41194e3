import { describe, expect, it } from '@jest/globals';
import type { Encounter, FhirResource, Identifier, ServiceRequest } from 'fhir/r4.js';
import { dicomUidIdentifier, patientIdOf, serviceRequestIdOf, systems, typedIdentifier } from '#fhir';
import { Failure } from '#platform';
import { aPatient, site as aSite } from '#testing';
import { orderFromFhir, requestFromBundle } from './request-from-fhir.js';

const site = aSite();
const placer = { system: 'urn:oid:2.25.1002', value: 'ORD1' };
const order = (overrides: Partial<ServiceRequest> = {}): ServiceRequest => ({
  resourceType: 'ServiceRequest',
  identifier: [placer],
  status: 'active',
  intent: 'order',
  code: { coding: [{ system: 'http://loinc.org', code: '24725-4' }, { code: 'CTHEAD' }], text: 'CT' },
  subject: { reference: 'urn:uuid:p' },
  ...overrides,
});
const patient = () => ({ ...aPatient(), id: 'whatever' });
const visit = (): Encounter => ({
  resourceType: 'Encounter',
  identifier: [{ system: 'urn:v', value: 'V1' }],
  status: 'arrived',
  class: { code: 'AMB' },
});
const bundle = (...resources: FhirResource[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: resources.map((resource) => ({
    fullUrl: resource.resourceType === 'Patient' ? 'urn:uuid:p' : undefined,
    resource,
    request: { method: 'POST', url: resource.resourceType },
  })),
});
function failureOf(read: () => unknown): { code: string; field?: string } {
  try {
    read();
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, field: error.field };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('A Bundle', () => {
  it('becomes a patient, a visit and new orders, identified by their numbers and not by what it calls them', () => {
    const asked = requestFromBundle(bundle(order({ id: 'x' }), visit(), patient()), site);
    expect(asked.patient.id).toBe(aPatient().id);
    expect(asked.encounter?.subject?.reference).toBe(`Patient/${aPatient().id}`);
    expect(asked.orders).toMatchObject([
      {
        control: 'NW',
        serviceRequest: {
          id: serviceRequestIdOf(placer),
          subject: { reference: `Patient/${aPatient().id}` },
          encounter: { reference: `Encounter/${asked.encounter?.id}` },
          identifier: [{ ...placer, type: { coding: [{ code: 'PLAC' }] } }],
        },
      },
    ]);
  });

  it('puts our procedure first and keeps the codes beside it', () => {
    const [{ serviceRequest } = { serviceRequest: undefined }] = requestFromBundle(
      bundle(patient(), order()),
      site,
    ).orders;
    expect(serviceRequest?.code).toEqual({
      coding: [
        { system: systems.procedure, code: 'CTHEAD', display: 'CT head without contrast' },
        { system: 'http://loinc.org', code: '24725-4' },
      ],
      text: 'CT',
    });
  });

  it('gives no order a visit or version of somebody else', () => {
    const [asked] = requestFromBundle(
      bundle(patient(), order({ encounter: { reference: 'Encounter/other' }, meta: { versionId: '9' } })),
      site,
    ).orders;
    expect([asked?.serviceRequest.encounter, asked?.serviceRequest.meta]).toEqual([undefined, undefined]);
  });

  it.each<[string, FhirResource[], string, string]>([
    ['without Patient', [order()], 'field-missing', 'Bundle.entry'],
    ['of two patients', [patient(), patient(), order()], 'field-invalid', 'Bundle.entry'],
    ['without order', [patient()], 'field-missing', 'Bundle.entry'],
    ['of two visits', [patient(), visit(), visit(), order()], 'field-invalid', 'Bundle.entry'],
    ['with something else', [patient(), order(), { resourceType: 'Basic', code: {} }], 'not-supported', 'Bundle.entry'],
    ['whose order is for somebody else', [patient(), order({ subject: { reference: 'Patient/1' } })], 'field-invalid', 'ServiceRequest.subject.reference'], // prettier-ignore
    ['whose patient has no number of the site', [{ ...patient(), identifier: [{ system: 'urn:x', value: '1' }] }, order()], 'field-missing', 'Patient.identifier'], // prettier-ignore
    ['whose visit has no number', [patient(), { ...visit(), identifier: [{ value: 'V1' }] }, order()], 'field-missing', 'Encounter.identifier'], // prettier-ignore
  ])('%s is refused', (_what, resources, code, field) => {
    expect(failureOf(() => requestFromBundle(bundle(...resources), site))).toEqual({ code, field });
  });
});

describe('A single order', () => {
  const known = { subject: { reference: 'Patient/abc' } };

  it('is for a patient named by id or by number', () => {
    expect(orderFromFhir(order(known), site)).toMatchObject({ patientId: 'abc', serviceRequest: known });
    const identifier = { system: 'urn:oid:2.25.1001', value: 'P1' };
    expect(orderFromFhir(order({ subject: { identifier } }), site).patientId).toBe(patientIdOf(identifier));
  });

  it('keeps its other numbers, the placer order number in front', () => {
    const identifier = [typedIdentifier('ACSN', systems.accessionNumber, 'A1'), { ...placer }];
    expect(orderFromFhir(order({ ...known, identifier }), site).serviceRequest.identifier?.map((one) => one.value)).toEqual(['ORD1', 'A1']); // prettier-ignore
  });

  const numbers = (...more: Identifier[]) => ({ ...known, identifier: [placer, ...more] });
  it.each<[string, Partial<ServiceRequest>, string, string]>([
    ['for nobody', { subject: { display: 'somebody' } }, 'field-invalid', 'ServiceRequest.subject'],
    ['for a patient of another server', { subject: { reference: 'http://x/Patient/1' } }, 'field-invalid', 'ServiceRequest.subject'], // prettier-ignore
    ['without placer order number', { ...known, identifier: [{ value: 'ORD1' }] }, 'field-missing', 'ServiceRequest.identifier'], // prettier-ignore
    ['of a procedure unknown here', { ...known, code: { coding: [{ code: 'MRKNEE' }] } }, 'value-unknown', 'ServiceRequest.code.coding'], // prettier-ignore
    ['with an accession number too long for DICOM', numbers(typedIdentifier('ACSN', 'urn:a', 'A'.repeat(17))), 'field-invalid', 'ServiceRequest.identifier'], // prettier-ignore
    ['with an accession number DICOM would split', numbers(typedIdentifier('ACSN', 'urn:a', 'A\\B')), 'field-invalid', 'ServiceRequest.identifier'], // prettier-ignore
    ['with a study UID that is none', numbers(dicomUidIdentifier('1.2.03')), 'field-invalid', 'ServiceRequest.identifier'], // prettier-ignore
    ['with a study UID too long', numbers(dicomUidIdentifier(`1.${'2.'.repeat(31)}34`)), 'field-invalid', 'ServiceRequest.identifier'], // prettier-ignore
  ])('%s is refused', (_what, overrides, code, field) => {
    expect(failureOf(() => orderFromFhir(order(overrides), site))).toEqual({ code, field });
  });
});
