import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DatasetInput } from '#dicom';
import { aPatient, aServiceRequest, aSiuMessage, site, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { fieldOf } from '../../../../test/sandbox/hl7.js';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let portal: SandboxEmr;
let ris: SandboxEmr;
let service: ASchedulingService;
beforeAll(async () => {
  [portal, ris] = [await new SandboxEmr().start(), await new SandboxEmr().start()];
  const [emr, reports, schedules] = site().senders;
  const mllp = {
    kind: 'mllp',
    host: '127.0.0.1',
    facility: 'SGH',
    ackTimeoutSeconds: 1,
    gets: ['appointments'],
  } as const;
  service = await ASchedulingService.start({
    senders: [emr!, reports!, { ...schedules!, repliesTo: 'ris' }],
    destinations: [
      { ...mllp, gets: [...mllp.gets], name: 'portal', port: portal.mllpPort, application: 'PORTAL' },
      { ...mllp, gets: [...mllp.gets], name: 'ris', port: ris.mllpPort, application: 'RADSYS' },
      { ...mllp, name: 'emr', port: 9, application: 'EMR', gets: ['results'] },
    ],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([portal?.stop(), ris?.stop()]);
});

/** An order of a patient of its own, both known by one word. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const siu = (parts: Parameters<typeof aSiuMessage>[0]) =>
    service.take(aSiuMessage({ mrn: name, placerOrderNumber: name, ...parts }));
  return { name, patient, order, siu };
}
const messagesTo = (system: SandboxEmr, name: string) =>
  system.messages.filter((one) => fieldOf(one, 'PID', 3).startsWith(`${name}^`));
const newsTo = (system: SandboxEmr, name: string) =>
  messagesTo(system, name).map((one) => fieldOf(one, 'MSH', 9).split('^')[1]);
const toldAll = async (system: SandboxEmr, name: string, ...news: string[]) => {
  await until(() => newsTo(system, name).length >= news.length, { what: `${news.join(', ')} of ${name}` });
  expect(newsTo(system, name)).toEqual(news);
};

describe('Whoever gets appointments', () => {
  it('is told of each that is booked, moved, changed and cancelled, in that order, with time, station and numbers', async () => {
    const one = aCase('LIFE');
    await service.tell(
      'imaging.order.placed.v1',
      { ...one.order, occurrenceDateTime: '2026-03-02T09:30:00+01:00' },
      one.patient,
    );
    const moved = { ...one.order, occurrenceDateTime: '2026-03-03T09:30:00+01:00' };
    await service.tell('imaging.order.changed.v1', moved, one.patient);
    await service.tell('imaging.order.changed.v1', { ...moved, priority: 'urgent' }, one.patient);
    await service.tell('imaging.order.cancelled.v1', { ...moved, status: 'revoked' }, one.patient);
    await toldAll(portal, 'LIFE', 'S12', 'S13', 'S14', 'S15');
    const [first, second, , last] = messagesTo(portal, 'LIFE');
    expect([fieldOf(first!, 'AIS', 4), fieldOf(first!, 'AIG', 3), fieldOf(first!, 'SCH', 25)]).toEqual([
      '20260302083000+0000',
      'CT01^CT 1^L',
      'Booked^Booked^HL70278',
    ]);
    expect([fieldOf(first!, 'SCH', 26), fieldOf(first!, 'SCH', 27)]).toEqual(['LIFE^EMR', 'LIFE^COLLIMATOR']);
    expect(fieldOf(second!, 'AIS', 4)).toBe('20260303083000+0000');
    expect([fieldOf(last!, 'SCH', 6), fieldOf(last!, 'SCH', 25)]).toEqual([
      '^the order was cancelled',
      'Cancelled^Cancelled^HL70278',
    ]);
    // Nobody else hears of it, and the message log shows what went out.
    expect(await service.sql("SELECT FROM delivery WHERE destination = 'emr'")).toEqual([]);
    const log = await service.sql<{ type: string }>(
      'SELECT message_type AS type FROM hl7_message WHERE control_id = $1',
      [fieldOf(first!, 'MSH', 10)],
    );
    expect(log).toMatchObject([{ type: 'SIU^S12' }]);
  });

  it('is told once of what is told twice, and the same again under the same control id', async () => {
    const one = aCase('AGAIN');
    portal.acknowledges = (message) =>
      newsTo(portal, 'AGAIN').length < 2
        ? undefined
        : `MSH|^~\\&|PORTAL|SGH|COLLIMATOR|SGH|20260302||ACK|1|P|2.5.1\rMSA|AA|${fieldOf(message, 'MSH', 10)}\r`;
    await service.tell('imaging.order.placed.v1', one.order, one.patient);
    await until(() => newsTo(portal, 'AGAIN').length >= 2, { what: 'the message again', within: 20_000 });
    portal.acknowledges = 'AA';
    expect(new Set(messagesTo(portal, 'AGAIN').map((message) => fieldOf(message, 'MSH', 10))).size).toBe(1);
  });

  it('is told what a RIS says, the RIS itself only what it did not say', async () => {
    const one = aCase('LOOP');
    await service.tell('imaging.order.placed.v1', one.order, one.patient);
    await toldAll(ris, 'LOOP', 'S12');
    await one.siu({ start: '20260303093000' });
    await one.siu({ event: 'S14', status: 'Arrived' });
    await one.siu({ event: 'S26' });
    await one.siu({ event: 'S12', start: '20260304093000' });
    await toldAll(portal, 'LOOP', 'S12', 'S13', 'S14', 'S26', 'S12');
    // The order asks for another time, and then ends: that is no word of the RIS.
    const later = { ...one.order, occurrenceDateTime: '2026-03-06T10:00:00+01:00' };
    await service.tell('imaging.order.changed.v1', later, one.patient);
    await service.tell('imaging.order.cancelled.v1', { ...later, status: 'revoked' }, one.patient);
    await toldAll(portal, 'LOOP', 'S12', 'S13', 'S14', 'S26', 'S12', 'S13', 'S15');
    await toldAll(ris, 'LOOP', 'S12', 'S13', 'S15');
  });

  it('is told of an exam that begins, ends, is stopped, or was the wrong one; the RIS that booked it too', async () => {
    let uids = 0;
    const examined = async (name: string, ...ends: DatasetInput[]) => {
      const one = aCase(name);
      await service.tell('imaging.order.placed.v1', one.order, one.patient);
      const item = await service.listed(name);
      await one.siu({ start: '20260303093000' });
      for (const end of ends) {
        const uid = `1.2.826.0.1.3680043.12.${process.pid}.${++uids}`;
        expect((await service.create(uid, [item])).status).toBe(0);
        expect((await service.set(uid, end)).status).toBe(0);
      }
    };
    const stopped = (code: string): DatasetInput => ({
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: [
        { CodeValue: code, CodingSchemeDesignator: 'DCM', CodeMeaning: 'given up' },
      ],
    });
    const statusesTo = (system: SandboxEmr, name: string) =>
      messagesTo(system, name).map(
        (one) => `${fieldOf(one, 'MSH', 9).split('^')[1]} ${fieldOf(one, 'SCH', 25).split('^')[0]}`,
      );
    const toldOf = async (system: SandboxEmr, name: string, ...all: string[]) => {
      await until(() => statusesTo(system, name).length >= all.length, { what: all.join(', ') });
      expect(statusesTo(system, name)).toEqual(all);
    };
    await examined('DONE', { PerformedProcedureStepStatus: 'COMPLETED' });
    await toldOf(portal, 'DONE', 'S12 Booked', 'S13 Booked', 'S14 Started', 'S14 Complete');
    await toldOf(ris, 'DONE', 'S12 Booked', 'S14 Started', 'S14 Complete');
    await examined('STOPPED', stopped('110501'));
    await toldOf(ris, 'STOPPED', 'S12 Booked', 'S14 Started', 'S16 Dc');
    expect(fieldOf(messagesTo(ris, 'STOPPED').at(-1)!, 'SCH', 6)).toBe('^the exam was discontinued');
    await examined('WRONG', stopped('110514'), { PerformedProcedureStepStatus: 'COMPLETED' });
    await toldOf(ris, 'WRONG', 'S12 Booked', 'S14 Started', 'S14 Booked', 'S14 Started', 'S14 Complete');
  });

  it('is told that a patient is here by another word than that the exam has begun', async () => {
    const one = aCase('HERE');
    await service.tell('imaging.order.placed.v1', one.order, one.patient);
    await service.listed('HERE');
    await one.siu({ start: '20260303093000' });
    await one.siu({ event: 'S14', status: 'Arrived' });
    await toldAll(portal, 'HERE', 'S12', 'S13', 'S14');
    expect(fieldOf(messagesTo(portal, 'HERE').at(-1)!, 'SCH', 25)).toBe('Arrived^Arrived^HL70278');
  });
});
