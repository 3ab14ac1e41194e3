import { describe, expect, it } from '@jest/globals';
import type {
  AdverseEvent,
  Appointment,
  DiagnosticReport,
  FhirResource,
  ImagingStudy,
  Observation,
  Patient,
  Procedure,
} from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { dicomUidIdentifier, systems, typedIdentifier } from '#fhir';
import { parseMessage } from '#hl7v2';
import { envelopeTo } from '#mapping';
import type { SiteContent } from '#platform';
import { anAdministration, anAllergy, aPatient, aServiceRequest, site } from '#testing';
import type { ToldBefore } from './emr-fact.js';
import { messageOf } from './emr-message.js';
import { asSent, transactionOf, writesOf } from './emr-transaction.js';
import { deliveriesOf, type EmrDelivery, type MessageKind } from './emr-update.decider.js';

type Given = NonNullable<SiteContent['destinations']>[number];
const mllp = { kind: 'mllp', host: 'emr', port: 1, application: 'A', facility: 'F' } as const;
const fhir = { kind: 'fhir', url: 'http://emr.example/fhir' } as const;
const withDestinations = (...destinations: Given[]) => site({ destinations });

const patient = aPatient({ address: [{ city: 'ZZTOWN' }] });
const source = 'urn:collimator:sender:EMR:SGH';
const order = aServiceRequest({
  patient,
  meta: { source },
  requester: { identifier: { value: '9001' }, display: 'Dr Rita Referrer' },
  note: [{ text: 'ZZNOTE' }],
});
const stranger = aServiceRequest({
  patient,
  placerOrderNumber: 'ORD2',
  procedure: { code: 'XRCHEST2', display: 'X-ray' },
  identifier: [typedIdentifier('PLAC', 'urn:oid:2.25.1003', 'ORD2')],
});
const procedure: Procedure = {
  resourceType: 'Procedure',
  id: 'x',
  identifier: [dicomUidIdentifier('1.2.3')],
  status: 'in-progress',
  subject: { reference: `Patient/${patient.id}`, display: 'ZZNAME' },
};
const appointment: Appointment = {
  resourceType: 'Appointment',
  id: 'ap',
  status: 'booked',
  start: '2026-03-02T09:00:00Z',
  identifier: [{ system: systems.scheduledProcedureStepId, value: 'S1' }],
  participant: [{ status: 'accepted', actor: { display: 'CT 1' } }],
};
const report: DiagnosticReport = {
  resourceType: 'DiagnosticReport',
  id: 'r',
  status: 'final',
  meta: { versionId: '2' },
  identifier: [typedIdentifier('FILL', 'urn:oid:2.25.1003', 'REP1')],
  code: { text: 'CT' },
  conclusion: 'ZZFINDING',
};
const given = anAdministration({ id: 'plan', subject: { reference: `Patient/${patient.id}` } }, { id: 'm' });
const allergy = anAllergy('iopromide', { patient });
const adverse: AdverseEvent = {
  resourceType: 'AdverseEvent',
  id: 'e',
  actuality: 'actual',
  event: { text: 'Extravasation' },
  subject: { reference: `Patient/${patient.id}` },
};

const study: ImagingStudy = {
  resourceType: 'ImagingStudy',
  id: 's',
  status: 'available',
  identifier: [dicomUidIdentifier('1.2')],
  subject: { reference: `Patient/${patient.id}` },
};
const dose: Observation = {
  resourceType: 'Observation',
  id: 'd',
  status: 'final',
  identifier: [dicomUidIdentifier('1.2.9'), { system: systems.dose, value: 'N1' }],
  code: { coding: [{ system: 'http://loinc.org', code: '73569-6' }] },
  subject: { reference: `Patient/${patient.id}` },
  focus: [{ reference: 'ImagingStudy/s' }],
  note: [{ text: 'ZZNOTE' }],
  component: [
    {
      code: { coding: [{ system: systems.dicomCode, code: '113813' }] },
      valueQuantity: { value: 900, unit: 'mGy.cm', code: 'mGy.cm', system: 'http://unitsofmeasure.org' },
    },
  ],
};

const told = (hospital: ReturnType<typeof site>, type: EventType, resources: FhirResource[], before?: ToldBefore[]) =>
  deliveriesOf(newEvent({ type, patientId: patient.id!, cause: 'c', now: new Date(0), resources }), hospital, before);
const written = ({ kind, body }: EmrDelivery, hospital: ReturnType<typeof site>) =>
  parseMessage(
    messageOf(
      body,
      kind as MessageKind,
      envelopeTo({ application: 'A', facility: 'F' }, { controlId: 'C', now: new Date(0) }, hospital),
      hospital,
    ),
  );

const otherMeasure = { code: { coding: [{ system: systems.dicomCode, code: '113730' }] }, valueQuantity: { value: 1 } };

describe('A fact for a system that speaks HL7 v2', () => {
  const all = withDestinations({
    ...mllp,
    name: 'all',
    gets: ['results', 'orderStatus', 'documents', 'contrast', 'reactions', 'dose'],
  });
  const plain = withDestinations({ ...mllp, name: 'plain' });
  const cases: [EventType, FhirResource[], string, string | undefined][] = [
    ['imaging.schedule.booked.v1', [appointment, order, patient], 'ORM^O01', undefined],
    ['imaging.schedule.moved.v1', [{ ...appointment, status: 'arrived' }, order, patient], 'ORM^O01', undefined],
    ['imaging.schedule.cancelled.v1', [{ ...appointment, status: 'cancelled' }, order, patient], 'ORM^O01', undefined],
    ['imaging.schedule.exam-started.v1', [procedure, order, patient], 'ORM^O01', 'ORU^R01'],
    ['imaging.schedule.exam-discontinued.v1', [procedure, order, patient], 'ORM^O01', 'ORU^R01'],
    ['imaging.contrast.administered.v1', [given, order, patient], 'RAS^O17', 'ORU^R01'],
    ['imaging.contrast.reaction-recorded.v1', [adverse, allergy, order, patient], 'ADT^A60', undefined],
    ['imaging.contrast.reaction-recorded.v1', [adverse, order, patient], 'ORU^R01', undefined],
    ['imaging.result.reported.v1', [report, order, patient], 'MDM^T02', 'ORU^R01'],
    ['imaging.result.dose-recorded.v1', [dose, order, patient, study], 'ORU^R01', 'ORU^R01'],
    ['imaging.result.dose-recorded.v1', [dose, patient, study], undefined as never, undefined],
  ];

  it.each(cases)('%s comes once: %#', (type, resources, asAll, asPlain) => {
    const kinds = (hospital: typeof all) => told(hospital, type, resources).map((one) => written(one, hospital).type);
    expect(kinds(all)).toEqual(asAll ? [asAll] : []);
    expect(kinds(plain)).toEqual(asPlain ? [asPlain] : []);
  });

  it.each<[EventType, FhirResource, string, string, string | undefined]>([
    ['imaging.schedule.booked.v1', appointment, 'SC', 'SC', undefined],
    ['imaging.schedule.moved.v1', { ...appointment, status: 'arrived' }, 'SC', 'SC', 'ARRIVED'],
    ['imaging.schedule.cancelled.v1', { ...appointment, status: 'noshow' }, 'SC', 'IP', 'NOSHOW'],
    ['imaging.schedule.cancelled.v1', { ...appointment, status: 'cancelled' }, 'SC', 'IP', 'UNSCHEDULED'],
    ['imaging.schedule.exam-started.v1', procedure, 'SC', 'IP', undefined],
    ['imaging.schedule.exam-completed.v1', procedure, 'SC', 'IP', undefined],
    ['imaging.schedule.exam-discontinued.v1', procedure, 'OD', 'DC', undefined],
    ['imaging.result.reported.v1', report, 'SC', 'CM', 'REPORTED'],
  ])('%s is order control %s', (type, focus, control, status, modifier) => {
    const hospital = withDestinations({ ...mllp, name: 'status', gets: ['orderStatus'] });
    const [delivery] = told(hospital, type, [focus, order, patient]);
    const orc = written(delivery!, hospital).first('ORC')!;
    expect([orc.get(1), orc.get(5), orc.get(25)]).toEqual([control, status, modifier]);
  });

  it.each([
    ['completed', 'SC', 'CM'],
    ['revoked', 'OC', 'CA'],
    ['on-hold', 'OH', 'HD'],
  ] as const)('an order that is %s is told as %s/%s', (status, control, code) => {
    const hospital = withDestinations({ ...mllp, name: 'status', gets: ['orderStatus'] });
    const type = status === 'completed' ? 'imaging.schedule.exam-completed.v1' : 'imaging.schedule.cancelled.v1';
    const [delivery] = told(hospital, type, [
      status === 'completed' ? procedure : appointment,
      { ...order, status },
      patient,
    ]);
    const orc = written(delivery!, hospital).first('ORC')!;
    expect([orc.get(1), orc.get(5)]).toEqual([control, code]);
  });

  it('an exam of two orders is news of each', () => {
    const hospital = withDestinations({ ...mllp, name: 'status', gets: ['orderStatus'] });
    const deliveries = told(hospital, 'imaging.schedule.exam-started.v1', [procedure, order, stranger, patient]);
    expect(deliveries.map((one) => written(one, hospital).first('ORC')!.get(2))).toEqual(['ORD1', 'ORD2']);
    expect(new Set(deliveries.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
  });

  it('what was told before is corrected, what was recorded in error is taken back', () => {
    const before = [{ id: 'm' }, { id: 'r', status: 'preliminary' }, { id: allergy.id! }];
    const field = (type: EventType, focus: FhirResource[], segment: string, at: number) =>
      written(told(all, type, [...focus, order, patient], before)[0]!, all)
        .first(segment)!
        .get(at);
    expect(field('imaging.contrast.administered.v1', [given], 'RXA', 21)).toBe('U');
    expect(field('imaging.contrast.administered.v1', [{ ...given, status: 'entered-in-error' }], 'RXA', 21)).toBe('D');
    expect(field('imaging.contrast.reaction-recorded.v1', [adverse, allergy], 'IAM', 6)).toBe('U');
    const wrong = { coding: [{ code: 'entered-in-error' }] };
    expect(
      field('imaging.contrast.reaction-recorded.v1', [adverse, { ...allergy, verificationStatus: wrong }], 'IAM', 6),
    ).toBe('D');
    expect(written(told(all, 'imaging.result.reported.v1', [report, order, patient], before)[0]!, all).type).toBe(
      'MDM^T04',
    );
    const gone = [{ id: 'd', status: 'final', component: [...dose.component!, otherMeasure] }];
    const corrected = told(
      all,
      'imaging.result.dose-recorded.v1',
      [{ ...dose, status: 'corrected' }, order, patient],
      gone,
    );
    const lines = written(corrected[0]!, all).all('OBX');
    expect(lines.map((obx) => [obx.get(3), obx.get(11)])).toEqual([
      ['113813', 'C'],
      ['113730', 'D'],
    ]);
  });
});

describe('A fact for a FHIR server', () => {
  const typesFor = (destination: Given, type: EventType, ...resources: FhirResource[]) =>
    told(withDestinations(destination), type, resources)[0]?.body.resources.map(({ resourceType }) => resourceType);

  it('is an appointment only where it gets those', () => {
    const everything = {
      ...fhir,
      name: 'e',
      gets: ['results', 'contrast', 'reactions', 'appointments'],
    } satisfies Given;
    expect(typesFor({ ...fhir, name: 'e' }, 'imaging.schedule.booked.v1', appointment, order, patient)).toBeUndefined();
    expect(typesFor(everything, 'imaging.schedule.booked.v1', appointment, order, patient)).toEqual([
      'Appointment',
      'ServiceRequest',
      'Patient',
    ]);
    expect(
      typesFor(
        { ...everything, gets: ['appointments'] },
        'imaging.schedule.exam-started.v1',
        procedure,
        appointment,
        order,
        patient,
      ),
    ).toEqual(['Appointment', 'ServiceRequest', 'Patient']);
  });

  it('is a reaction by numbers of ours, also without an order', () => {
    const [delivery] = told(withDestinations({ ...fhir, name: 'e' }), 'imaging.contrast.reaction-recorded.v1', [
      adverse,
      allergy,
      patient,
    ]);
    const urls = transactionOf(delivery!.body, 'urn:oid:2.25.1001').entry!.map(({ request }) =>
      decodeURIComponent(request!.url),
    );
    expect(urls).toEqual([
      'AdverseEvent?identifier=urn:collimator:adverse-event|e',
      `AllergyIntolerance?identifier=urn:collimator:allergy-intolerance|${allergy.id}`,
      'Patient',
    ]);
  });

  it('is a dose with what it refers to, by the number that stays, and no other Observation', () => {
    const labs: Observation = { ...dose, id: 'labs', code: { text: 'eGFR' } };
    const resources = [dose, labs, study, order, patient];
    expect(typesFor({ ...fhir, name: 'e' }, 'imaging.result.dose-recorded.v1', ...resources)).toEqual([
      'Observation',
      'ImagingStudy',
      'ServiceRequest',
      'Patient',
    ]);
    const only = (gets: ('results' | 'dose')[]) =>
      typesFor({ ...fhir, name: 'e', gets }, 'imaging.result.dose-recorded.v1', ...resources);
    expect(only(['results'])).toBeUndefined();
    expect(only(['dose'])).toEqual(['Observation', 'ServiceRequest', 'Patient']);
    const urls = (one: Observation) =>
      decodeURIComponent(transactionOf({ fact: '', resources: [one] }, 'urn:oid:2.25.1001').entry![0]!.request!.url);
    expect(urls(dose)).toBe('Observation?identifier=urn:collimator:dose|N1');
    expect(urls({ ...dose, identifier: [dicomUidIdentifier('1.2.9')] })).toBe(
      'Observation?identifier=urn:collimator:dose|d',
    );
  });

  it('is told along with its study where it could not refer to it before, and is no second message', () => {
    const hospital = withDestinations(
      { ...fhir, name: 'f' },
      { ...fhir, name: 'r', gets: ['results'] },
      { ...mllp, name: 'm' },
    );
    const event = newEvent({
      type: 'imaging.result.study-available.v1',
      patientId: patient.id!,
      cause: 'c',
      now: new Date(0),
      resources: [study, order, patient],
    });
    const [byFhir, withoutDose, byHl7, ...others] = deliveriesOf(event, hospital, [], [dose]);
    expect(others).toEqual([]);
    expect(byFhir!.body.resources).toContainEqual(dose);
    for (const one of [withoutDose, byHl7]) expect(JSON.stringify(one)).not.toContain('73569-6');
  });

  it('comes one by one so that each refers to what is there already', () => {
    const writes = writesOf(
      { fact: '', resources: [dose, report, study, procedure, order, patient] },
      'urn:oid:2.25.1001',
    );
    expect(writes.map(({ resource }) => resource.resourceType)).toEqual([
      'Patient',
      'ServiceRequest',
      'Procedure',
      'ImagingStudy',
      'Observation',
      'DiagnosticReport',
    ]);
    const sent = asSent(procedure, new Map([[`Patient/${patient.id}`, 'Patient/theirs']])) as Procedure;
    expect(sent.subject.reference).toBe('Patient/theirs');
  });
});

describe('A destination with a filter', () => {
  const hears = (only: NonNullable<Given['only']>, ...resources: FhirResource[]) =>
    told(withDestinations({ ...mllp, name: 'site', only }), 'imaging.schedule.exam-started.v1', [
      procedure,
      ...resources,
      patient,
    ]).length > 0;

  it.each<[string, NonNullable<Given['only']>]>([
    ['sender', { senders: [{ application: 'EMR', facility: 'SGH' }] }],
    ['authority', { authorities: ['EMR'] }],
    ['requester by number', { requesters: ['9001'] }],
    ['requester by name', { requesters: ['Dr Rita Referrer'] }],
    ['modality', { modalities: ['CT'] }],
    ['procedure', { procedures: ['CTHEAD'] }],
    ['all of them', { authorities: ['EMR', 'RIS'], modalities: ['CT'], requesters: ['9001'] }],
  ])('by %s is told of its orders and of no other', (_what, only) => {
    expect(hears(only, order)).toBe(true);
    expect(hears(only, { ...stranger, identifier: [typedIdentifier('PLAC', 'urn:oid:2.25.9', 'ORD2')] })).toBe(false);
  });

  it('is told of nothing that is of no order, and nothing of the other order of a group', () => {
    const hospital = withDestinations({
      ...mllp,
      name: 'site',
      gets: ['results', 'reactions'],
      only: { modalities: ['CT'] },
    });
    expect(told(hospital, 'imaging.result.reported.v1', [report, patient])).toEqual([]);
    expect(told(hospital, 'imaging.contrast.reaction-recorded.v1', [adverse, allergy, patient])).toEqual([]);
    const [delivery] = told(hospital, 'imaging.schedule.exam-started.v1', [procedure, order, stranger, patient]);
    expect(JSON.stringify(delivery)).not.toContain('ORD2');
  });
});

describe('A destination with minimum data', () => {
  it('gets numbers and states, and nothing that is left out, by FHIR and by HL7 v2', () => {
    const leavesOut: Given['leavesOut'] = ['demographics', 'clinicalInformation', 'people', 'reportContent'];
    const hospital = withDestinations(
      { ...fhir, name: 'f', leavesOut },
      { ...mllp, name: 'm', leavesOut },
      { ...mllp, name: 'd', gets: ['documents'], leavesOut },
    );
    const all = [
      ...told(hospital, 'imaging.result.reported.v1', [report, order, patient]),
      ...told(hospital, 'imaging.schedule.exam-started.v1', [procedure, order, patient]),
      ...told(hospital, 'imaging.result.dose-recorded.v1', [dose, order, patient, study]),
    ];
    expect(all).toHaveLength(7);
    for (const text of ['ZZTOWN', 'ZZNOTE', 'ZZNAME', 'ZZFINDING', 'Rita', 'Tester', '1970'])
      expect(JSON.stringify(all)).not.toContain(text);
    const [, oru, mdm] = all.map((one) => (one.kind === 'fhir' ? undefined : written(one, hospital)));
    expect(oru!.first('PID')!.raw(5)).toBe('^^^^^^U');
    expect(oru!.first('OBR')!.get(25)).toBe('F');
    expect(mdm!.type).toBe('MDM^T01');
    const { resources } = all[0]!.body;
    expect((resources.find(({ resourceType }) => resourceType === 'Patient') as Patient).identifier).toEqual(
      patient.identifier,
    );
  });
});
