import { describe, expect, it } from '@jest/globals';
import type {
  BundleEntry,
  DiagnosticReport,
  Endpoint,
  FhirResource,
  ImagingStudy,
  Patient,
  Procedure,
} from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { dicomUidIdentifier, typedIdentifier } from '#fhir';
import { aPatient, aServiceRequest, given, site } from '#testing';
import { examStatusOf, resourcesIn } from './emr-fact.js';
import { transactionOf } from './emr-transaction.js';
import { deliveriesOf } from './emr-update.decider.js';

const PATIENTS = 'urn:oid:2.25.1001';
const hospital = site({
  destinations: [
    { name: 'emr-fhir', kind: 'fhir', url: 'http://emr.example/fhir', timeoutSeconds: 1 },
    { name: 'emr-hl7', kind: 'mllp', host: 'emr', port: 1, application: 'A', facility: 'F', ackTimeoutSeconds: 1 },
  ],
});

const patient = aPatient();
const order = aServiceRequest();
const reference = (one: FhirResource) => ({ reference: `${one.resourceType}/${one.id}` });
const procedure: Procedure = {
  resourceType: 'Procedure',
  id: 'procedure',
  meta: { versionId: '4' },
  identifier: [dicomUidIdentifier('1.2.3')],
  status: 'completed',
  subject: reference(patient),
  basedOn: [reference(order)],
  performer: [{ actor: { reference: 'Device/ct', display: 'CT01' } }],
  location: { reference: 'Location/unknown' },
};
const wado: Endpoint = {
  resourceType: 'Endpoint',
  id: 'wado',
  status: 'active',
  connectionType: {},
  payloadType: [],
  address: 'http://pacs.example',
};
const aStudy = (status: ImagingStudy['status']): ImagingStudy => ({
  resourceType: 'ImagingStudy',
  id: 'study',
  identifier: [dicomUidIdentifier('1.2')],
  status,
  subject: reference(patient),
  contained: [wado],
  endpoint: [{ reference: '#wado' }],
});
const report: DiagnosticReport = {
  resourceType: 'DiagnosticReport',
  id: 'report',
  identifier: [typedIdentifier('FILL', 'urn:oid:2.25.1003', 'REP1')],
  status: 'final',
  code: { text: 'Report' },
  subject: reference(patient),
};

const anEvent = (type: EventType, ...resources: FhirResource[]) =>
  newEvent({ type, patientId: patient.id!, cause: 'c', now: new Date(0), resources });
const told = deliveriesOf(anEvent('imaging.schedule.exam-completed.v1', procedure, patient, order), hospital);
const typesIn = (deliveries: typeof told) => deliveries[0]?.body.resources.map((one) => one.resourceType);

describe('What the EMR is told', () => {
  it('is one delivery a destination, in order per patient, known by the event', () => {
    const event = anEvent('imaging.schedule.exam-completed.v1', procedure, patient, order);
    expect(told).toEqual(
      [
        ['emr-fhir', 'fhir'],
        ['emr-hl7', 'mllp'],
      ].map(([destination, kind]) => ({
        destination,
        kind,
        key: patient.id,
        idempotencyKey: event.id,
        body: { fact: 'schedule.exam-completed', resources: [procedure, patient, order] },
      })),
    );
    expect(deliveriesOf(event, site())).toEqual([]);
  });

  it('leaves out the schedule, the plan, and images that are only expected', () => {
    const plan = { resourceType: 'MedicationRequest', id: 'm' } as FhirResource;
    const appointment = { resourceType: 'Appointment', id: 'a' } as FhirResource;
    const resources = [procedure, patient, order, plan, appointment];
    const types = (status: ImagingStudy['status']) =>
      typesIn(deliveriesOf(anEvent('imaging.schedule.exam-completed.v1', ...resources, aStudy(status)), hospital));
    expect(types('registered')).toEqual(['Procedure', 'Patient', 'ServiceRequest']);
    expect(types('available')).toEqual(['Procedure', 'Patient', 'ServiceRequest', 'ImagingStudy']);
  });

  it('is nothing of an exam without an order, nor of somebody without a number', () => {
    const exam = (...resources: FhirResource[]) =>
      deliveriesOf(anEvent('imaging.schedule.exam-started.v1', procedure, ...resources), hospital);
    expect(exam(patient)).toEqual([]);
    expect(exam(aPatient({ identifier: undefined }), order)).toEqual([]);
    expect(exam(aPatient({ identifier: [{ value: 'P1' }] }), order)).toEqual([]);
    expect(exam(patient, order)).toHaveLength(2);
  });

  it('is a report even where its order is not known', () => {
    expect(typesIn(deliveriesOf(anEvent('imaging.result.reported.v1', report, patient), hospital))).toEqual([
      'DiagnosticReport',
      'Patient',
    ]);
  });

  it.each([
    ['schedule.exam-started', 'started'],
    ['schedule.exam-discontinued', 'discontinued'],
    ['result.reported', undefined],
    ['contrast.administered', undefined],
  ])('of %s says exam status %s', (fact, status) => {
    expect(examStatusOf({ fact, resources: [] })).toBe(status);
  });

  it('is found by type, all of it', () => {
    const fact = { fact: '', resources: [order, patient, aServiceRequest({ placerOrderNumber: 'ORD2' })] };
    expect(resourcesIn(fact, 'ServiceRequest')).toHaveLength(2);
    expect(resourcesIn(fact, 'Procedure')).toEqual([]);
  });
});

describe('A fact as a FHIR transaction', () => {
  const entriesOf = (...resources: FhirResource[]): BundleEntry[] =>
    transactionOf({ fact: '', resources }, PATIENTS).entry!;
  const requestOf = (resource: FhirResource) => entriesOf(resource)[0]!.request;

  it('updates each resource by its identifier, and creates the patient only where there is none', () => {
    given({ fact: '', resources: [procedure, patient, order] })
      .when((fact) => transactionOf(fact, PATIENTS))
      .then({
        type: 'transaction',
        entry: [
          { request: { method: 'PUT', url: 'Procedure?identifier=urn%3Adicom%3Auid%7Curn%3Aoid%3A1.2.3' } },
          { request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn%3Aoid%3A2.25.1001%7CP1' } },
          { request: { method: 'PUT', url: 'ServiceRequest?identifier=urn%3Aoid%3A2.25.1002%7CORD1' } },
        ],
      });
  });

  it('refers within itself, and to nothing it does not hold', () => {
    const [entry] = entriesOf(procedure, patient, order);
    expect(entry).toMatchObject({ fullUrl: 'urn:uuid:procedure' });
    expect(entry!.resource).toEqual({
      ...procedure,
      id: undefined,
      meta: undefined,
      location: undefined,
      subject: { reference: `urn:uuid:${patient.id}` },
      basedOn: [{ reference: `urn:uuid:${order.id}` }],
      performer: [{ actor: { display: 'CT01' } }],
    });
    expect((entriesOf(procedure, patient)[0]!.resource as Procedure).basedOn).toBeUndefined();
  });

  it('leaves out what R4 wants a reference of that it does not hold: whom a merged patient replaces', () => {
    const merged = aPatient({ link: [{ type: 'replaces', other: { reference: 'Patient/before' } }] });
    expect((entriesOf(merged)[0]!.resource as Patient).link).toBeUndefined();
    const nobody: Procedure = { ...procedure, performer: [{ actor: { reference: 'Device/ct' } }] };
    expect((entriesOf(nobody)[0]!.resource as Procedure).performer).toBeUndefined();
  });

  it('keeps what is contained, and the references to it', () => {
    const study = entriesOf(aStudy('available'))[0]!.resource as ImagingStudy;
    expect(study.endpoint).toEqual([{ reference: '#wado' }]);
    expect(study.contained).toMatchObject([{ id: 'wado' }]);
  });

  it("knows the patient by the number of the site's authority, whichever comes first", () => {
    const numbers = [typedIdentifier('MR', 'urn:oid:2.25.9', '999'), ...patient.identifier!];
    expect(requestOf(aPatient({ identifier: numbers }))!.ifNoneExist).toBe('identifier=urn%3Aoid%3A2.25.1001%7CP1');
    expect(requestOf(aPatient({ identifier: numbers.slice(0, 1) }))!.ifNoneExist).toContain('999');
  });

  it('asks for a number that holds a comma or a bar as one number', () => {
    const url = requestOf(aServiceRequest({ placerOrderNumber: 'A,B|C' }))!.url;
    expect(decodeURIComponent(url)).toBe('ServiceRequest?identifier=urn:oid:2.25.1002|A\\,B\\|C');
  });

  it('cannot be made of what has no identifier, and says which', () => {
    const nameless: Patient = { resourceType: 'Patient', id: 'p' };
    given({ fact: '', resources: [nameless] })
      .when((fact) => transactionOf(fact, PATIENTS))
      .thenFails('field-missing');
    expect(() => requestOf({ ...procedure, identifier: [{ value: '1' }] })).toThrow('Procedure.identifier');
  });

  it('is the same however often it is made', () => {
    expect(JSON.stringify(entriesOf(procedure, patient))).toBe(JSON.stringify(entriesOf(procedure, patient)));
  });
});
