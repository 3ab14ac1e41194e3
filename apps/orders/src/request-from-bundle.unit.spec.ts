import { describe, expect, it } from '@jest/globals';
import type { AllergyIntolerance, Bundle, Condition, Coverage, Encounter, FhirResource, Observation } from 'fhir/r4.js';
import { serviceRequestIdOf, systems, uuidFrom } from '#fhir';
import { aPatient, failureOf, site as aSite } from '#testing';
import { anOrderByFhir as order, placer } from './an-order-by-fhir.spec.js';
import { requestFromBundle } from './request-from-bundle.js';

const site = aSite();
const patient = () => ({ ...aPatient(), id: 'whatever' });
const visit = (): Encounter => ({
  resourceType: 'Encounter',
  identifier: [{ system: 'urn:v', value: 'V1' }],
  status: 'arrived',
  class: { code: 'AMB' },
});
const bundle = (...resources: FhirResource[]): Bundle => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: resources.map((resource) => ({
    fullUrl: `urn:uuid:${resource.resourceType === 'Patient' ? 'p' : resource.id}`,
    resource,
    request: { method: 'POST' as const, url: resource.resourceType },
  })),
});
const subject = { reference: 'urn:uuid:p' };
const weight: Observation = {
  resourceType: 'Observation',
  id: 'w',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
  subject,
  effectiveDateTime: '2026-03-01',
  valueQuantity: { value: 80, code: 'kg' },
};
const allergy: AllergyIntolerance = {
  resourceType: 'AllergyIntolerance',
  patient: subject,
  code: { text: 'Iopromide' },
};
const coverage: Coverage = {
  resourceType: 'Coverage',
  id: 'c',
  status: 'active',
  beneficiary: subject,
  payor: [{ display: 'Payor' }],
};
const own = `Patient/${aPatient().id}`;
const read = (...resources: FhirResource[]) => requestFromBundle(bundle(...resources), site);
/** The resources of a type that a Bundle asks for. */
const asked = <T extends FhirResource['resourceType']>(type: T, ...resources: FhirResource[]) =>
  read(...resources)
    .entries.map(({ resource }) => resource as FhirResource)
    .filter((one) => one.resourceType === type) as Extract<FhirResource, { resourceType: T }>[];
/** A Bundle of a patient and one order that is asked for like this. */
const askedBy = (request: object) => ({
  ...bundle(patient()),
  entry: [...bundle(patient()).entry!, { resource: order(), request }],
});

describe('A Bundle', () => {
  it('becomes a patient, a visit and orders, identified by their numbers and not by what it calls them', () => {
    const { patient: stated, entries } = read(order({ id: 'x' }), visit(), patient());
    expect(stated.id).toBe(aPatient().id);
    const [serviceRequest, encounter] = entries.map(({ resource }) => resource);
    expect(entries.map(({ resource }) => resource.resourceType)).toEqual(['ServiceRequest', 'Encounter', 'Patient']);
    expect(encounter).toMatchObject({ subject: { reference: own } });
    expect(serviceRequest).toMatchObject({
      id: serviceRequestIdOf(placer),
      subject: { reference: own },
      encounter: { reference: `Encounter/${encounter?.id}` },
      identifier: [{ ...placer, type: { coding: [{ code: 'PLAC' }] } }],
    });
  });

  it('brings what is known of the patient, which the order may refer to', () => {
    const stated = order({ insurance: [{ reference: 'urn:uuid:c' }], supportingInfo: [{ reference: 'urn:uuid:w' }] });
    const [first] = asked('ServiceRequest', patient(), coverage, weight, stated);
    const [observation] = asked('Observation', patient(), weight, order());
    // As an HL7 message that says the same is read.
    expect(observation?.id).toBe(uuidFrom('Observation', aPatient().id!, 'http://loinc.org|29463-7', '', '2026-03-01'));
    expect(observation?.subject).toEqual({ reference: own });
    expect(first?.supportingInfo).toEqual([{ reference: `Observation/${observation?.id}` }]);
    expect(first?.insurance?.[0]?.reference).toMatch(/^Coverage\/[\w-]{36}$/);
  });

  it('says the diagnosis of a visit as an HL7 message does, so that it is known once', () => {
    const headache = (encounter?: string): Condition => ({
      resourceType: 'Condition',
      code: { text: 'Headache' },
      subject,
      ...(encounter ? { encounter: { reference: encounter } } : {}),
    });
    const idOf = (condition: Condition) =>
      asked('Condition', patient(), order(), { ...visit(), id: 'v' }, condition)[0]?.id;
    const [{ id: visitId } = { id: undefined }] = asked('Encounter', patient(), order(), visit());
    const id = (of: string) => uuidFrom('Condition', aPatient().id!, of, 'headache');
    expect([idOf(headache('urn:uuid:v')), idOf(headache())]).toEqual([id(visitId!), id('')]);
  });

  it('may call its entries by the URL of their server', () => {
    const of = (reference: string) => order({ subject: { reference } });
    const from = (reference: string) => {
      const { entry, ...rest } = bundle(patient(), of(reference));
      return { ...rest, entry: [{ ...entry![0], fullUrl: 'https://emr.example/Patient/whatever' }, entry![1]] };
    };
    for (const reference of ['https://emr.example/Patient/whatever', 'Patient/whatever'])
      expect(requestFromBundle(from(reference), site).entries[1]?.resource).toMatchObject({
        subject: { reference: own },
      });
  });

  it('puts our procedure first and keeps the codes beside it', () => {
    expect(asked('ServiceRequest', patient(), order())[0]?.code).toEqual({
      coding: [
        { system: systems.procedure, code: 'CTHEAD', display: 'CT head without contrast' },
        { system: 'http://loinc.org', code: '24725-4' },
      ],
      text: 'CT',
    });
  });

  it('gives no order a visit or version of somebody else', () => {
    const [stated] = asked(
      'ServiceRequest',
      patient(),
      order({ encounter: { reference: 'Encounter/other' }, meta: { versionId: '9' } }),
    );
    expect([stated?.encounter, stated?.meta]).toEqual([undefined, undefined]);
  });

  it.each<[string, object, object]>([
    ['a create', { method: 'POST', url: 'ServiceRequest' }, { keepsOther: false, isUpdate: false }],
    [
      'a conditional create',
      { method: 'POST', url: 'ServiceRequest', ifNoneExist: 'identifier=urn:oid:2.25.1002|ORD1' },
      { keepsOther: true, isUpdate: false },
    ],
    [
      'a conditional update',
      { method: 'PUT', url: 'ServiceRequest?identifier=urn%3Aoid%3A2.25.1002%7CORD1' },
      { isUpdate: true, mustExist: false },
    ],
    [
      'an update',
      { method: 'PUT', url: `ServiceRequest/${serviceRequestIdOf(placer)}`, ifMatch: 'W/"1"' },
      { isUpdate: true, mustExist: true, ifMatch: 'W/"1"' },
    ],
  ])('may ask for %s', (_what, request, expected) => {
    expect(requestFromBundle(askedBy(request), site).entries[1]).toMatchObject(expected);
  });

  it.each<[string, FhirResource[], string, string]>([
    ['without Patient', [order()], 'field-missing', 'Bundle.entry'],
    ['of two patients', [patient(), patient(), order()], 'field-invalid', 'Bundle.entry'],
    ['without order', [patient()], 'field-missing', 'Bundle.entry'],
    ['of two visits', [patient(), visit(), visit(), order()], 'field-invalid', 'Bundle.entry'],
    [
      'with something else',
      [patient(), order(), { resourceType: 'Basic', code: {} }],
      'not-supported',
      'Bundle.entry[2]',
    ],
    [
      'whose order is for somebody else',
      [patient(), order({ subject: { reference: 'Patient/1' } })],
      'field-invalid',
      'Bundle.entry[1].resource.subject.reference',
    ],
    [
      'whose allergy is of somebody else',
      [patient(), order(), { ...allergy, patient: { reference: 'Patient/1' } }],
      'field-invalid',
      'Bundle.entry[2].resource.patient.reference',
    ],
    [
      'whose allergy is to nothing',
      [patient(), order(), { ...allergy, code: {} }],
      'field-missing',
      'Bundle.entry[2].resource.identifier',
    ],
    [
      'that refers to what it does not bring',
      [patient(), order({ supportingInfo: [{ reference: 'urn:uuid:w' }] })],
      'field-invalid',
      'Bundle.entry[1].resource.supportingInfo[0].reference',
    ],
    [
      'whose patient has no number of the site',
      [{ ...patient(), identifier: [{ system: 'urn:x', value: '1' }] }, order()],
      'field-missing',
      'Bundle.entry[0].resource.identifier',
    ],
    [
      'whose visit has no number',
      [patient(), { ...visit(), identifier: [{ value: 'V1' }] }, order()],
      'field-missing',
      'Bundle.entry[1].resource.identifier',
    ],
  ])('%s is refused', (_what, resources, code, field) => {
    const failure = failureOf(() => read(...resources));
    expect({ code: failure.code, field: failure.field }).toEqual({ code, field });
  });

  it.each<[object, string, string]>([
    [{ method: 'DELETE', url: 'ServiceRequest/1' }, 'not-supported', 'method'],
    [{ method: 'POST', url: 'Patient' }, 'field-invalid', 'url'],
    [{ method: 'PUT', url: 'ServiceRequest/1' }, 'field-invalid', 'url'],
    [{ method: 'PUT', url: 'ServiceRequest?identifier=urn:x|2' }, 'field-invalid', 'url'],
    [{ method: 'PUT', url: 'ServiceRequest?identifier=%E0%A4%A' }, 'field-invalid', 'url'],
    [{ method: 'POST', url: 'ServiceRequest', ifNoneExist: 'identifier=urn:x|2' }, 'field-invalid', 'ifNoneExist'],
  ])('is refused for the request %j', (request, code, element) => {
    const field = `Bundle.entry[1].request.${element}`;
    const failure = failureOf(() => requestFromBundle(askedBy(request), site));
    expect({ code: failure.code, field: failure.field }).toEqual({ code, field });
  });
});
