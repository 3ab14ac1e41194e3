import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  AdverseEvent,
  AllergyIntolerance,
  Appointment,
  FhirResource,
  MedicationAdministration,
  Procedure,
} from 'fhir/r4.js';
import { systems } from '#fhir';
import { anAdministration, anAllergy, aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { fieldOf } from '../../../../test/sandbox/hl7.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';

/** One that takes transactions, one that takes updates one by one, one that wants every message, one referring site. */
const [whole, single, ris, site] = Array.from({ length: 4 }, () => new SandboxEmr()) as [
  SandboxEmr,
  SandboxEmr,
  SandboxEmr,
  SandboxEmr,
];
const emrs = [whole, single, ris, site];
let service: AResultsService;
beforeAll(async () => {
  await Promise.all(emrs.map((emr) => emr.start()));
  const everything = {
    kind: 'fhir',
    timeoutSeconds: 5,
    gets: ['results', 'contrast', 'reactions', 'appointments'],
  } as const;
  const mllp = { kind: 'mllp', host: '127.0.0.1', facility: 'SGH', ackTimeoutSeconds: 2 } as const;
  service = await AResultsService.start({
    destinations: [
      { ...everything, gets: [...everything.gets], name: 'whole', url: whole.fhirUrl },
      { ...everything, gets: [...everything.gets], name: 'single', url: single.fhirUrl, by: 'updates' },
      {
        ...mllp,
        name: 'ris',
        port: ris.mllpPort,
        application: 'RIS',
        gets: ['results', 'orderStatus', 'documents', 'contrast', 'reactions'],
      },
      {
        ...mllp,
        name: 'site',
        port: site.mllpPort,
        application: 'SITE',
        only: { requesters: ['SITE7'] },
        leavesOut: ['demographics'],
      },
    ],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all(emrs.map((emr) => emr.stop()));
});

/** An exam with contrast, from its booking on, of an order that a referring site placed or the hospital itself. */
function aCase(name: string, requester?: string) {
  const patient = aPatient({ mrn: name, name: [{ family: 'ZZCANARY' }] });
  const placed = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT' },
    ...(requester ? { requester: { identifier: { value: requester } } } : {}),
  });
  const subject = { reference: `Patient/${patient.id}` };
  const uid = `1.2.${[...name].map((letter) => letter.charCodeAt(0)).join('.')}`;
  const appointment = (status: Appointment['status']): Appointment => ({
    resourceType: 'Appointment',
    id: `a-${name}`,
    status,
    start: '2030-03-02T09:00:00Z',
    end: '2030-03-02T09:20:00Z',
    identifier: [{ system: systems.scheduledProcedureStepId, value: name }],
    participant: [{ status: 'accepted', actor: { display: 'CT 1' } }],
  });
  const exam = (status: Procedure['status']) => anExam(uid, status, patient, [placed]);
  const given = (overrides: Partial<MedicationAdministration> = {}) =>
    anAdministration(
      { id: `plan-${name}`, subject },
      { id: `m-${name}`, identifier: [{ system: 'urn:test:injector', value: name }], ...overrides },
    );
  const adverse: AdverseEvent = {
    resourceType: 'AdverseEvent',
    id: `e-${name}`,
    actuality: 'actual',
    event: { text: 'Reaction to contrast' },
    date: '2030-03-02T09:10:00Z',
    subject,
  };
  const allergy = (overrides: Omit<Partial<AllergyIntolerance>, 'patient'> = {}) =>
    anAllergy('iopromide', { patient, ...overrides });
  const done = { ...placed, status: 'completed' as const };
  const of = (emr: SandboxEmr) =>
    emr.messages.filter((message) => message.includes(`|${name}^`) || message.includes(`|1||${name}^`));
  return { name, patient, placed, done, uid, appointment, exam, given, adverse, allergy, of };
}
const summary = (message: string) => {
  const type = fieldOf(message, 'MSH', 9).split('^').slice(0, 2).join('^');
  const more = [
    fieldOf(message, 'ORC', 5),
    fieldOf(message, 'ORC', 25).split('^')[0],
    fieldOf(message, 'RXA', 21),
    fieldOf(message, 'IAM', 6).split('^')[0],
  ];
  return [type, ...more].filter(Boolean).join(' ');
};
const kept = (emr: SandboxEmr, type: FhirResource['resourceType'], value: string) =>
  emr.store
    .all(type)
    .filter((one) => JSON.stringify((one as { identifier?: object }).identifier).includes(`"${value}"`));

describe('Several systems at once', () => {
  it('are each told the course of an exam in its order, each fact once, as the site file says', async () => {
    const one = aCase('COURSE');
    const { patient, placed, done } = one;
    await service.tell('imaging.schedule.booked.v1', one.appointment('booked'), placed, patient);
    await service.tell('imaging.schedule.moved.v1', one.appointment('arrived'), placed, patient);
    await service.tell(
      'imaging.schedule.exam-started.v1',
      one.exam('in-progress'),
      patient,
      one.appointment('arrived'),
      placed,
    );
    await service.handled(patient);
    await service.tell('imaging.contrast.administered.v1', one.given(), patient, placed);
    await service.tell('imaging.contrast.administered.v1', one.given({ note: [{ text: 'by hand' }] }), patient, placed);
    await service.tell('imaging.contrast.reaction-recorded.v1', one.adverse, patient, one.allergy(), placed);
    const wrong = {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: 'entered-in-error' },
      ],
    };
    await service.tell(
      'imaging.contrast.reaction-recorded.v1',
      one.adverse,
      patient,
      one.allergy({ verificationStatus: wrong }),
      placed,
    );
    await service.handled(patient);
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      one.exam('completed'),
      patient,
      one.appointment('fulfilled'),
      done,
    );
    // eight facts, three destinations
    await service.delivered(patient, 24);

    expect(one.of(ris).map(summary)).toEqual([
      'ORM^O01 SC',
      'ORM^O01 SC ARRIVED',
      'ORM^O01 IP',
      'RAS^O17 A',
      'RAS^O17 U',
      'ADT^A60 A',
      'ADT^A60 D',
      'ORM^O01 CM',
    ]);
    expect(site.messages.join('')).not.toContain('COURSE');
    for (const emr of [whole, single]) {
      const [theirs] = kept(emr, 'Patient', 'COURSE');
      const subject = { reference: `Patient/${theirs!.id}` };
      expect(kept(emr, 'Appointment', 'COURSE')).toMatchObject([{ status: 'fulfilled' }]);
      expect(kept(emr, 'ServiceRequest', 'COURSE')).toMatchObject([{ status: 'completed', subject }]);
      expect(kept(emr, 'Procedure', `urn:oid:${one.uid}`)).toMatchObject([{ status: 'completed', subject }]);
      expect(kept(emr, 'MedicationAdministration', 'COURSE')).toMatchObject([{ note: [{ text: 'by hand' }], subject }]);
      expect(kept(emr, 'AllergyIntolerance', one.allergy().id!)).toMatchObject([
        { verificationStatus: wrong, patient: subject },
      ]);
      expect(kept(emr, 'AdverseEvent', 'e-COURSE')).toMatchObject([{ subject }]);
    }
    expect(whole.fhirRequests.every(({ path }) => path === '')).toBe(true);
    expect(single.fhirRequests.every(({ path }) => path !== '')).toBe(true);
    const states = single.fhirRequests
      .filter(({ path }) => path.startsWith('Appointment'))
      .map(({ body }) => (body as Appointment).status);
    expect(states).toEqual(['booked', 'arrived', 'arrived', 'fulfilled']);
  }, 60_000);

  it('with a filter and minimum data is told of its own orders, and not more than it may know', async () => {
    const one = aCase('REFERRED', 'SITE7');
    await service.tell('imaging.schedule.exam-started.v1', one.exam('in-progress'), one.patient, one.placed);
    await service.delivered(one.patient, 4);
    expect(one.of(site).map(summary)).toEqual(['ORU^R01']);
    expect(one.of(site)[0]).not.toContain('ZZCANARY');
    expect(one.of(ris)[0]).toContain('ZZCANARY');
  });

  it('that tells a reaction back does not hear of it again', async () => {
    const one = aCase('ECHO');
    await service.tell('imaging.contrast.reaction-recorded.v1', one.adverse, one.patient, one.allergy(), one.placed);
    await service.delivered(one.patient, 3);
    // As orders tells it when an EMR sent ADT^A60.
    await service.tell('imaging.patient.updated.v1', one.patient, one.allergy());
    await service.handled(one.patient);
    expect(await service.deliveries('waiting', one.patient)).toEqual([]);
    expect(await service.deliveries('done', one.patient)).toHaveLength(3);
  });

  it('an update that fails half way is told again from its start, and has its effect once', async () => {
    const one = aCase('HALFWAY');
    single.fhirFault = { kind: 'status', status: 500, about: `urn:oid:${one.uid}`, times: 1 };
    await service.tell('imaging.schedule.exam-started.v1', one.exam('in-progress'), one.patient, one.placed);
    await service.delivered(one.patient, 3);
    const [delivery] = (await service.deliveries('done', one.patient)).filter(
      ({ destination }) => destination === 'single',
    );
    expect(delivery!.attempts).toBe(2);
    for (const type of ['Patient', 'ServiceRequest'] as const) expect(kept(single, type, 'HALFWAY')).toHaveLength(1);
    expect(kept(single, 'Procedure', `urn:oid:${one.uid}`)).toHaveLength(1);
  });

  it('have a number each for the oldest that is not delivered', async () => {
    const age = /collimator_delivery_oldest_seconds\{destination="(\w+)"\} (\S+)/g;
    const shown = async () =>
      Object.fromEntries(
        [...(await (await fetch(`${service.url}/metrics`)).text()).matchAll(age)].map(([, name, value]) => [
          name,
          Number(value),
        ]),
      );
    await until(async () => JSON.stringify(await shown()) === '{"whole":0,"single":0,"ris":0,"site":0}', {
      within: 15_000,
      what: 'all to be delivered',
    });
    const one = aCase('OLD');
    whole.fhirFault = { kind: 'status', status: 422, about: one.uid };
    await service.tell('imaging.schedule.exam-started.v1', one.exam('in-progress'), one.patient, one.placed);
    await until(async () => (await shown()).whole! > 0 && (await shown()).single === 0, {
      within: 15_000,
      what: 'a parked one to count',
    });
  }, 60_000);
});
