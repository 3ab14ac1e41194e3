import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from 'fhir/r4.js';
import { DataSource } from 'typeorm';
import { MllpServer } from '#hl7v2';
import { Retention } from '#platform';
import { anOrmMessage, aMergeMessage, aPatient, until } from '#testing';
import { AnOrdersService, type LoggedMessage } from './an-orders-service.spec.js';

type Found = LoggedMessage & {
  direction: string;
  messageType: string;
  patientId: string;
  effects: { resources: string[]; events: { type: string }[] } | null;
};

let answers = 'AA';
const arrived: string[] = [];
const emr = new MllpServer({ host: '127.0.0.1', port: 0 }, async (bytes) => {
  arrived.push(bytes.toString());
  return Buffer.from(`MSH|^~\\&|EMR|SGH|||20260302||ACK|1|P|2.5.1\rMSA|${answers}|${bytes.toString().split('|')[9]}\r`);
});

let service: AnOrdersService;
beforeAll(async () => {
  const port = await emr.start();
  service = await AnOrdersService.start({
    destinations: [
      { name: 'pacs', kind: 'mllp', host: '127.0.0.1', port, application: 'PACS', facility: 'SGH', gets: ['merges'] },
    ],
    retention: { messageDays: 30, auditDays: 40 },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await emr.stop();
});

const post = (path: string, body: object = {}) =>
  fetch(`${service.url}/hl7-messages/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const find = async (query: object): Promise<Found[]> =>
  ((await (await post('search', query)).json()) as { messages: Found[] }).messages;
const patient = (value: string) => ({ patient: { system: 'urn:oid:2.25.1001', value } });

describe('The message log', () => {
  it('finds a message by any number it names or its order was given, and says what it brought about', async () => {
    await service.take(anOrmMessage({ mrn: 'LOG1', placerOrderNumber: 'LOG1', controlId: 'LOG1-NEW' }));
    const [order] = await service.search('ServiceRequest', 'LOG1');
    const accession = (order as { identifier: { value: string }[] }).identifier.find(({ value }) =>
      value.startsWith('TST'),
    )!.value;
    for (const query of [{ number: 'LOG1' }, { number: accession }, patient('LOG1'), { controlId: 'LOG1-NEW' }]) {
      const found = await find(query);
      expect(found.map(({ controlId, direction, outcome }) => [controlId, direction, outcome])).toEqual([
        ['LOG1-NEW', 'in', 'accepted'],
      ]);
    }
    const [{ effects }] = (await find({ number: 'LOG1' })) as [Found];
    expect(effects!.events.map(({ type }) => type)).toEqual([
      'imaging.patient.registered.v1',
      'imaging.order.placed.v1',
    ]);
    expect(effects!.resources).toEqual([
      `Patient/${aPatient({ mrn: 'LOG1' }).id}/_history/1`,
      `ServiceRequest/${order!.id}/_history/1`,
    ]);
  });

  it('finds by time, type and outcome, and what is refused by its numbers too', async () => {
    const since = new Date().toISOString();
    await service.take(anOrmMessage({ mrn: 'LOG2', placerOrderNumber: 'LOG2', procedure: 'NONE' }));
    expect((await find({ number: 'LOG2', outcome: 'refused', messageType: 'ORM^O01', since })).length).toBe(1);
    expect(await find({ number: 'LOG2', until: since })).toEqual([]);
    expect(await find({ number: 'LOG2', messageType: 'ADT^A08' })).toEqual([]);
  });

  it('is searched without a trace in a URL, and every search is audited', async () => {
    await find({ number: 'LOG1' });
    const rows: { body: AuditEvent }[] = await service.app
      .get(DataSource)
      .query('SELECT body FROM audit_event ORDER BY recorded DESC LIMIT 1');
    expect(rows[0]!.body.subtype![0]!.code).toBe('search-type');
    expect(rows[0]!.body.entity!.map(({ what }) => what?.reference)).toContain(
      `Patient/${aPatient({ mrn: 'LOG1' }).id}`,
    );
    for (const [body, field] of [
      [{ limit: 0 }, 'limit'],
      [{ nonsense: 1 }, 'nonsense'],
      [{ since: 'today' }, 'since'],
    ] as const) {
      const response = await post('search', body);
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(field)]);
    }
  });

  it('keeps what goes out with its answer, and sends it again', async () => {
    await service.take(anOrmMessage({ mrn: 'LOG3', placerOrderNumber: 'LOG3' }));
    await service.take(aMergeMessage({ prior: 'LOG3', mrn: 'LOG4' }));
    const sent = await until(async () => (await find({ ...patient('LOG4'), direction: 'out' }))[0], {
      what: 'the merge in the log',
    });
    expect(sent).toMatchObject({
      messageType: 'ADT^A40',
      acknowledgement: 'AA',
      outcome: 'accepted',
      destination: 'pacs',
    });
    // What was said of the one who is no more is found under who stands for them.
    expect((await find(patient('LOG4'))).map(({ messageType }) => messageType)).toContain('ORM^O01');
    expect((await post(`${sent.id}/resend`)).status).toBe(202);
    await until(() => arrived.length === 2, { what: 'the message again' });
    expect(arrived[1]).toBe(arrived[0]);
    expect((await post(`${sent.id}/reprocess`)).status).toBe(409);
  });

  it('says what a receiver refused', async () => {
    answers = 'AE';
    await service.take(aMergeMessage({ prior: 'LOG5', mrn: 'LOG6' }));
    const [refused] = await until(
      async () => {
        const all = await find({ direction: 'out', outcome: 'refused' });
        return all.length > 0 && all;
      },
      { what: 'the refusal' },
    );
    expect(refused).toMatchObject({ acknowledgement: 'AE', messageType: 'ADT^A40' });
    answers = 'AA';
  });

  it('takes a refused message again, once what was missing is there, and an accepted one never', async () => {
    const message = anOrmMessage({ mrn: 'LOG7', placerOrderNumber: 'LOG7', control: 'CA', controlId: 'LOG7-CA' });
    expect((await service.take(message)).code).toBe('AE');
    await service.take(anOrmMessage({ mrn: 'LOG7', placerOrderNumber: 'LOG7', controlId: 'LOG7-NW' }));
    const [{ id }] = (await find({ controlId: 'LOG7-CA' })) as [Found];
    const again = (await (await post(`${id}/reprocess`)).json()) as { acknowledgement: string };
    expect(again.acknowledgement).toContain('\rMSA|AA|LOG7-CA');
    expect((await service.search('ServiceRequest', 'LOG7'))[0]).toMatchObject({ status: 'revoked' });
    expect(await find({ controlId: 'LOG7-CA' })).toMatchObject([
      { outcome: 'accepted', attempts: 2, patientId: aPatient({ mrn: 'LOG7' }).id },
    ]);
    expect((await post(`${id}/reprocess`)).status).toBe(409);
    expect((await post(`${id}/resend`)).status).toBe(409);
    expect((await post('00000000-0000-0000-0000-000000000000/resend')).status).toBe(404);
  });

  it('forgets what is older than the site keeps it, and nothing younger', async () => {
    const send = (name: string) => service.take(anOrmMessage({ mrn: name, placerOrderNumber: name, controlId: name }));
    await Promise.all([send('LOG8'), send('LOG9')]);
    await service.sql(
      "UPDATE hl7_message SET received_at = received_at - interval '31 days' WHERE control_id = 'LOG8'",
    );
    await service.sql(
      "UPDATE audit_event SET recorded = recorded - interval '41 days' WHERE id = (SELECT id FROM audit_event LIMIT 1)",
    );
    const audits = () => service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit_event');
    const [{ n: before }] = (await audits()) as [{ n: number }];
    await service.app.get(Retention).removeAll();
    expect(
      await service.sql<object>("SELECT control_id FROM hl7_message WHERE control_id IN ('LOG8', 'LOG9')"),
    ).toEqual([{ control_id: 'LOG9' }]);
    expect(await audits()).toEqual([{ n: before - 1 }]);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('collimator_rows_removed_total{table="hl7_message"} 1');
  });
});
