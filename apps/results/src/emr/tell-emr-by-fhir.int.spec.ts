import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Procedure } from 'fhir/r4.js';
import { aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr, type Fault } from '../../../../test/sandbox/emr.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => {
  emr = await new SandboxEmr().start();
  service = await AResultsService.start({
    destinations: [{ name: 'emr', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 0.5 }],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await emr.stop();
});
afterEach(() => void (emr.fhirFault = undefined));

/** A patient with an exam, known by one word; `uid` is in every fact about it and in no other. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name, name: [{ family: 'ZZCANARY' }] });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const uid = `1.2.${[...name].map((letter) => letter.charCodeAt(0)).join('.')}`;
  const exam = (status: Procedure['status']) => [anExam(uid, status, patient, [order]), patient, order] as const;
  return {
    patient,
    order,
    uid,
    start: () => service.tell('imaging.schedule.exam-started.v1', ...exam('in-progress')),
    complete: () => service.tell('imaging.schedule.exam-completed.v1', ...exam('completed')),
  };
}
const exams = (bundle: unknown) =>
  ((bundle as Bundle).entry ?? [])
    .map(({ resource }) => resource)
    .filter((one): one is Procedure => one?.resourceType === 'Procedure');
/** The states of an exam that the EMR was told and took, in order. */
const taken = ({ uid }: { uid: string }) =>
  emr.fhirRequests
    .filter(({ status }) => status === 200)
    .flatMap(({ body }) => exams(body))
    .filter(({ identifier }) => identifier![0]!.value === `urn:oid:${uid}`)
    .map(({ status }) => status);
const kept = ({ uid }: { uid: string }) =>
  emr.store.all('Procedure').filter(({ identifier }) => identifier![0]!.value === `urn:oid:${uid}`);

describe('A fact for an EMR that speaks FHIR', () => {
  it.each<[string, Fault, string]>([
    ['answers 409', { kind: 'status', status: 409 }, 'peer-error'],
    ['answers 500', { kind: 'status', status: 500 }, 'peer-error'],
    ['answers 429', { kind: 'status', status: 429 }, 'peer-busy'],
    ['never answers', { kind: 'never' }, 'peer-timeout'],
    ['acts and never answers', { kind: 'mute' }, 'peer-timeout'],
    ['closes the connection', { kind: 'close' }, 'peer-unavailable'],
  ])(
    'is tried again where it %s, before any later fact of the patient, while others go on',
    async (what, fault, code) => {
      const one = aCase(`RETRY ${what}`);
      const other = aCase(`BESIDE ${what}`);
      emr.fhirFault = { ...fault, about: one.uid };
      await one.start();
      await one.complete();
      const [first, second] = await until(
        async () => {
          const waiting = await service.deliveries('waiting', one.patient);
          return waiting.length === 2 && waiting[0]!.attempts >= 2 && waiting;
        },
        { what: 'two attempts' },
      );
      expect(first).toMatchObject({ code, reason: expect.any(String) });
      expect(second).toMatchObject({ code: null, attempts: 0 });
      await other.start();
      await service.delivered(other.patient, 1);
      expect(taken(one)).toEqual([]);

      emr.fhirFault = undefined;
      await service.delivered(one.patient, 2);
      expect(taken(one)).toEqual(['in-progress', 'completed']);
      expect(kept(one)).toMatchObject([{ status: 'completed' }]);
    },
  );

  it.each([400, 412, 422])(
    'is parked where it answers %i, before any later fact of the patient, while others go on',
    async (status) => {
      const one = aCase(`PARK ${status}`);
      const other = aCase(`OTHER ${status}`);
      emr.fhirFault = { kind: 'status', status, about: one.uid };
      await one.start();
      await one.complete();
      const [parked] = await service.delivered(one.patient, 1, 'parked');
      expect(parked).toMatchObject({
        code: 'peer-refused',
        reason: expect.stringContaining(String(status)),
        attempts: 1,
      });
      await other.start();
      await other.complete();
      await service.delivered(other.patient, 2);
      expect(await service.deliveries('waiting', one.patient)).toMatchObject([{ attempts: 0 }]);

      emr.fhirFault = undefined;
      expect(await service.post(`/deliveries/${parked!.id}/retry`)).toBe(200);
      await service.delivered(one.patient, 2);
      expect(taken(one)).toEqual(['in-progress', 'completed']);
      expect(kept(one)).toHaveLength(1);
    },
  );

  it('waits out an EMR that is away, and a restart, and then comes once and in order', async () => {
    const one = aCase('AWAY');
    await emr.stopFhir();
    await one.start();
    await one.complete();
    await until(async () => (await service.deliveries('waiting', one.patient))[0]?.code === 'peer-unavailable', {
      what: 'an attempt',
    });
    await service.restart();
    await emr.startFhir();
    await service.delivered(one.patient, 2);
    expect(taken(one)).toEqual(['in-progress', 'completed']);
  }, 90_000);

  it('refers to the patient the EMR has, and changes nothing of them', async () => {
    const one = aCase('KNOWN');
    const theirs = { ...one.patient, id: 'theirs', name: [{ family: 'As the EMR has it' }] };
    emr.store.handle('PUT', 'Patient/theirs', theirs);
    await one.start();
    await service.delivered(one.patient, 1);
    expect(emr.store.all('Patient').filter(({ identifier }) => identifier![0]!.value === 'KNOWN')).toMatchObject([
      theirs,
    ]);
    expect(kept(one)).toMatchObject([{ subject: { reference: 'Patient/theirs' } }]);
  });

  it('names every order of an exam that performs several, each as it stands', async () => {
    const { patient, uid } = aCase('GROUP');
    const orders = ['GROUP1', 'GROUP2'].map((name) =>
      aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient }),
    );
    for (const order of orders) await service.tell('imaging.order.placed.v1', order, patient);
    await service.handled(patient);
    const completed = orders.map((order) => ({ ...order, status: 'completed' as const }));
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam(uid, 'completed', patient, orders),
      patient,
      ...completed,
    );
    await service.delivered(patient, 1);
    const told = emr.store.all('ServiceRequest').filter(({ identifier }) => identifier![0]!.value!.startsWith('GROUP'));
    expect(told.map(({ identifier, status }) => [identifier![0]!.value, status])).toEqual([
      ['GROUP1', 'completed'],
      ['GROUP2', 'completed'],
    ]);
    expect(kept({ uid })[0]!.basedOn).toHaveLength(2);
    expect(await service.get('/parked')).toEqual({ parked: [] });
  });

  it('is one fact however often its event is handled', async () => {
    const one = aCase('TWICE');
    await one.start();
    await service.delivered(one.patient, 1);
    const [row] = await service.sql<{ idempotency_key: string }>(
      'SELECT idempotency_key FROM delivery WHERE key = $1',
      [one.patient.id],
    );
    await service.sql('DELETE FROM inbox WHERE event_id = $1', [row!.idempotency_key]);
    await service.sql('UPDATE outbox SET published_at = NULL WHERE id = $1', [row!.idempotency_key]);
    await service.handled(one.patient);
    await one.complete();
    await service.delivered(one.patient, 2);
    expect(taken(one)).toEqual(['in-progress', 'completed']);
  });

  it('leaves no patient data in the log, whatever became of it', () => {
    expect(service.log.some((line) => line.includes('not delivered'))).toBe(true);
    for (const text of ['ZZCANARY', 'RETRY answers 409', 'PARK 422']) expect(service.log.join('')).not.toContain(text);
  });
});
