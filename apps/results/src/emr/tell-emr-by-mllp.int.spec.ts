import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Procedure } from 'fhir/r4.js';
import { aPatient, aServiceRequest, until } from '#testing';
import type { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { acknowledgementOf, fieldOf } from '../../../../test/sandbox/hl7.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => ({ emr, service } = await AResultsService.tellingEmr('mllp')), 60_000);
afterAll(() => Promise.all([service?.stop(), emr?.stop()]));
afterEach(() => void (emr.acknowledges = 'AA'));

/** A patient with an exam, known by one word, which is also the placer order number. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name, name: [{ family: 'ZZCANARY' }] });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const exam = (status: Procedure['status']) =>
    [anExam(`1.2.${name.length}`, status, patient, [order]), patient, order] as const;
  return {
    name,
    patient,
    start: () => service.tell('imaging.schedule.exam-started.v1', ...exam('in-progress')),
    complete: () => service.tell('imaging.schedule.exam-completed.v1', ...exam('completed')),
  };
}
/** The messages about an order, in the order they came. */
const about = ({ name }: { name: string }) =>
  emr.messages.filter((message) => fieldOf(message, 'OBR', 2).startsWith(`${name}^`));
/** Exam states told of an order; a message that was repeated under its control id counts once. */
const told = (one: { name: string }) => {
  const byControlId = new Map(about(one).map((message) => [fieldOf(message, 'MSH', 10), fieldOf(message, 'OBX', 5)]));
  return [...byControlId.values()];
};
/** Answers messages about one order so, and takes every other. */
const answering = (one: { name: string }, answer: (message: string) => string | undefined) => (message: string) =>
  fieldOf(message, 'OBR', 2).startsWith(`${one.name}^`)
    ? answer(message)
    : acknowledgementOf(message, 'AA', new Date());
const code =
  (msa1: string, err = '') =>
  (message: string) =>
    `${acknowledgementOf(message, msa1, new Date())}${err}\r`;

describe('A fact for an EMR that speaks HL7 v2', () => {
  it.each<[string, string, (message: string) => string | undefined]>([
    ['AR', 'peer-error', code('AR')],
    ['CR', 'peer-error', code('CR', 'ERR|||207^x^HL70357|E')],
    ['nothing', 'peer-timeout', () => undefined],
    ['to another message', 'peer-error', (message) => code('AA')(message.replace(/\|P\|2/, 'x|P|2'))],
  ])(
    'is sent again where it answers %s, before any later fact of the patient, while others go on',
    async (what, failure, answer) => {
      const one = aCase(`RETRY${what.replaceAll(' ', '')}`);
      const other = aCase(`BESIDE${what.replaceAll(' ', '')}`);
      emr.acknowledges = answering(one, answer);
      await one.start();
      await one.complete();
      const waiting = await until(
        async () => {
          const found = await service.deliveries('waiting', one.patient);
          return found.length === 2 && found[0]!.attempts >= 2 && found;
        },
        { what: 'two attempts' },
      );
      expect(waiting).toMatchObject([{ code: failure }, { code: null, attempts: 0 }]);
      await other.start();
      await service.delivered(other.patient, 1);
      expect(told(one)).toEqual(['started']);

      emr.acknowledges = 'AA';
      await service.delivered(one.patient, 2);
      expect(told(one)).toEqual(['started', 'completed']);
      // The same bytes under the same control id, so that the EMR can see that it is the same.
      expect(new Set(about(one)).size).toBe(2);
      expect(about(one).length).toBeGreaterThan(2);
    },
  );

  it.each<[string, string, (message: string) => string]>([
    ['AE', 'peer-refused', code('AE', 'ERR||PID^1^3|204^Unknown key identifier^HL70357|E|||ZZCANARY')],
    ['CE', 'peer-refused', code('CE')],
    ['AR because it takes no such message', 'peer-refused', code('AR', 'ERR|||200^x^HL70357|E')],
    ['a code that is none', 'peer-answer-malformed', code('ZZCANARY')],
    ['garbage', 'peer-answer-malformed', () => 'ZZCANARY'],
  ])(
    'is parked where it answers %s, before any later fact of the patient, while others go on',
    async (what, failure, answer) => {
      const one = aCase(`PARK${what.replaceAll(' ', '')}`);
      const other = aCase(`OTHER${what.replaceAll(' ', '')}`);
      emr.acknowledges = answering(one, answer);
      await one.start();
      await one.complete();
      const [parked] = await service.delivered(one.patient, 1, 'parked');
      expect(parked).toMatchObject({ code: failure, attempts: 1, reason: expect.any(String) });
      expect(parked!.reason).not.toContain('ZZCANARY');
      await other.start();
      await other.complete();
      await service.delivered(other.patient, 2);
      expect(await service.deliveries('waiting', one.patient)).toMatchObject([{ attempts: 0 }]);
      expect(about(one)).toHaveLength(1);

      emr.acknowledges = 'AA';
      expect(await service.post(`/deliveries/${parked!.id}/retry`)).toBe(200);
      await service.delivered(one.patient, 2);
      expect(told(one)).toEqual(['started', 'completed']);
    },
  );

  it('is done where it answers CA', async () => {
    const one = aCase('CA');
    emr.acknowledges = answering(one, code('CA'));
    await one.start();
    await service.delivered(one.patient, 1);
    expect(about(one)).toHaveLength(1);
  });

  it('waits out an EMR that is away, and comes once and in order', async () => {
    const one = aCase('AWAY');
    await emr.stopMllp();
    await one.start();
    await one.complete();
    await until(async () => (await service.deliveries('waiting', one.patient))[0]?.code === 'peer-unavailable', {
      what: 'an attempt',
    });
    await emr.startMllp();
    await service.delivered(one.patient, 2);
    expect(about(one).map((message) => fieldOf(message, 'OBX', 5))).toEqual(['started', 'completed']);
  });

  it('is sent to its end before the service stops', async () => {
    const one = aCase('STOP');
    let asked: string | undefined;
    emr.acknowledges = answering(one, (message) => void (asked = message));
    await one.start();
    await until(() => asked, { what: 'the message' });
    await service.restart();
    // No connection was closed under it: the attempt that ran at the stop ended by its own time.
    const { attempts } = await service.get<{ attempts: { outcome: string }[] }>(
      `/deliveries/${(await service.deliveries('waiting', one.patient))[0]!.id}/attempts`,
    );
    expect(attempts[0]!.outcome).toBe('peer-timeout');
    emr.acknowledges = 'AA';
    await service.delivered(one.patient, 1);
  });

  it('tells each of several orders of one exam', async () => {
    const { patient } = aCase('GROUP');
    const orders = ['GROUP1', 'GROUP2'].map((name) =>
      aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient }),
    );
    await service.tell(
      'imaging.schedule.exam-started.v1',
      anExam('1.2.99', 'in-progress', patient, orders),
      patient,
      ...orders,
    );
    await service.delivered(patient, 1);
    const segments = about({ name: 'GROUP1' })[0]!
      .split('\r')
      .filter((line) => /^OB[RX]/.test(line));
    expect(segments.map((line) => line.split('|').slice(0, 3).join('|'))).toEqual([
      'OBR|1|GROUP1^EMR',
      'OBX|1|ST',
      'OBR|2|GROUP2^EMR',
      'OBX|1|ST',
    ]);
  });

  it('leaves no patient data in the log, whatever became of it', () => {
    expect(service.log.some((line) => line.includes('not delivered'))).toBe(true);
    expect(service.log.join('')).not.toContain('ZZCANARY');
  });
});
