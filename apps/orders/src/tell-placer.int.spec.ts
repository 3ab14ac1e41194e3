import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { aMergeMessage, anOrmMessage, site, until } from '#testing';
import { SandboxEmr } from '../../../test/sandbox/emr.js';
import { fieldOf } from '../../../test/sandbox/hl7.js';
import { AnOrdersService } from './an-orders-service.spec.js';

let placer: SandboxEmr;
let pacs: SandboxEmr;
let service: AnOrdersService;
beforeAll(async () => {
  [placer, pacs] = [await new SandboxEmr().start(), await new SandboxEmr().start()];
  const [emr, reports] = site().senders;
  const mllp = { kind: 'mllp', host: '127.0.0.1', facility: 'SGH', ackTimeoutSeconds: 1 } as const;
  service = await AnOrdersService.start({
    senders: [
      { ...emr!, repliesTo: 'placer' },
      reports!,
      { ...emr!, application: 'MUTE' },
      { ...emr!, application: 'CPOE', orderAnswer: 'ORDER', repliesTo: 'placer' },
    ],
    destinations: [
      { ...mllp, name: 'placer', port: placer.mllpPort, application: 'EMR', gets: [] },
      { ...mllp, name: 'pacs', port: pacs.mllpPort, application: 'PACS', gets: ['merges'] },
    ],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([placer?.stop(), pacs?.stop()]);
});

/** An order placed by HL7, known by one word, as it is stored. */
async function placed(name: string, application = 'EMR') {
  await service.take(anOrmMessage({ mrn: name, placerOrderNumber: name, application }));
  const [order] = await service.search<ServiceRequest>('ServiceRequest', name);
  const [patient] = await service.search<Patient>('Patient', name);
  return { order: order!, patient: patient! };
}
const exam = (order: ServiceRequest, status: Procedure['status']): Procedure => ({
  resourceType: 'Procedure',
  id: `exam-${order.id}`,
  status,
  subject: order.subject,
});
/** What the placer was told of an order: ORC-1 and ORC-5, in the order it came. */
const told = (name: string) =>
  placer.messages
    .filter((one) => fieldOf(one, 'ORC', 2).startsWith(`${name}^`))
    .map((one) => `${fieldOf(one, 'ORC', 1)}/${fieldOf(one, 'ORC', 5)}`);
const toldAll = (name: string, ...news: string[]) =>
  until(() => told(name).length >= news.length, { what: `${news.join(', ')} of ${name}` }).then(() =>
    expect(told(name)).toEqual(news),
  );

describe('The placer of an order', () => {
  it('is told when it is scheduled, begun and done, in that order, with both numbers', async () => {
    const { order, patient } = await placed('NEWS1');
    const appointment = {
      resourceType: 'Appointment' as const,
      id: 'a1',
      status: 'booked' as const,
      start: '2026-03-02T09:00:00Z',
      participant: [],
    };
    await service.tell('imaging.schedule.booked.v1', appointment, order, patient);
    await service.tell('imaging.schedule.exam-started.v1', exam(order, 'in-progress'), patient, order);
    await service.tell('imaging.schedule.exam-completed.v1', exam(order, 'completed'), patient, {
      ...order,
      status: 'completed',
    });
    await toldAll('NEWS1', 'SC/SC', 'SC/IP', 'SC/CM');
    const [first] = placer.messages.filter((one) => fieldOf(one, 'ORC', 2) === 'NEWS1^EMR');
    expect(fieldOf(first!, 'MSH', 9)).toBe('ORM^O01^ORM_O01');
    expect(fieldOf(first!, 'ORC', 3)).toBe(`${order.identifier![1]!.value}^COLLIMATOR`);
    expect(fieldOf(first!, 'ORC', 7)).toBe('^^^20260302090000+0000');
    expect(fieldOf(first!, 'PID', 3)).toMatch(/^NEWS1\^/);
  });

  it('is told that it could not be cancelled where the exam was done all the same', async () => {
    const { order, patient } = await placed('LATE1');
    await service.take(anOrmMessage({ mrn: 'LATE1', placerOrderNumber: 'LATE1', control: 'CA' }));
    await service.tell('imaging.schedule.exam-completed.v1', exam(order, 'completed'), patient, {
      ...order,
      status: 'completed',
    });
    await toldAll('LATE1', 'UC/CM');
    expect((await service.search<ServiceRequest>('ServiceRequest', 'LATE1'))[0]?.status).toBe('completed');
  });

  it('is told of a cancellation that was not its own, and not of its own', async () => {
    await placed('OTHERS1');
    await service.take(
      anOrmMessage({ mrn: 'OTHERS1', placerOrderNumber: 'OTHERS1', control: 'CA', application: 'CPOE' }),
    );
    await toldAll('OTHERS1', 'OC/CA');
  });

  it('is told nothing where its sender does not want it', async () => {
    const { order, patient } = await placed('MUTE1', 'MUTE');
    await service.tell('imaging.schedule.exam-started.v1', exam(order, 'in-progress'), patient, order);
    const behind = await placed('BEHIND1');
    await service.tell(
      'imaging.schedule.exam-started.v1',
      exam(behind.order, 'in-progress'),
      behind.patient,
      behind.order,
    );
    await toldAll('BEHIND1', 'SC/IP');
    expect(told('MUTE1')).toEqual([]);
  });

  it('in enhanced mode gets the accept acknowledgement at once and the application’s behind', async () => {
    const message = anOrmMessage({ mrn: 'ENH1', placerOrderNumber: 'ENH1', application: 'CPOE', controlId: 'ENH1' })
      .toString()
      .replace('|2.5.1|||', '|2.5.1|||AL|AL');
    for (let again = 0; again < 2; again++) expect((await service.take(message)).code).toBe('CA');
    const answers = () => placer.messages.filter((one) => fieldOf(one, 'MSA', 2) === 'ENH1');
    await until(() => answers().length > 0, { what: 'the application acknowledgement' });
    const [answer] = answers();
    expect([fieldOf(answer!, 'MSH', 9), fieldOf(answer!, 'MSA', 1), fieldOf(answer!, 'ORC', 1)]).toEqual([
      'ORR^O02^ORR_O02',
      'AA',
      'OK',
    ]);
    expect([fieldOf(answer!, 'MSH', 15), fieldOf(answer!, 'MSH', 16)]).toEqual(['AL', 'NE']);
    expect(answers()).toHaveLength(1);
  });
});

describe('Whoever gets merges', () => {
  it('is told of one, and only that', async () => {
    await placed('WHO1');
    await service.take(aMergeMessage({ mrn: 'WHO2', prior: 'WHO1' }));
    await until(() => pacs.messages.length > 0, { what: 'the merge at the PACS' });
    const [message] = pacs.messages;
    expect([fieldOf(message!, 'MSH', 9), fieldOf(message!, 'PID', 3), fieldOf(message!, 'MRG', 1)]).toEqual([
      'ADT^A40^ADT_A39',
      'WHO2^^^SGH^MR',
      'WHO1^^^SGH^MR',
    ]);
    expect(pacs.messages).toHaveLength(1);
    expect(placer.messages.filter((one) => one.includes('|ADT^'))).toEqual([]);
  });
});
