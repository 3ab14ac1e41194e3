import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  Appointment,
  Bundle,
  DetectedIssue,
  Location,
  Medication,
  MedicationAdministration,
  OperationOutcome,
} from 'fhir/r4.js';
import { extensions, uuidFrom } from '#fhir';
import { aMerge, anAdministration, aPatient, aServiceRequest, until } from '#testing';
import { AContrastService, signedPolicyFile } from '../a-contrast-service.spec.js';
import { CONTAINER } from './stated-supply.js';
import { WatchStock } from './watch-stock.worker.js';

const SINGLE = '09521234000013';
const MULTI = '09521234000020';
const HOUR = 60 * 60 * 1000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();

let service: AContrastService;
beforeAll(async () => {
  service = await AContrastService.start(signedPolicyFile(), {
    supplies: { stores: ['Store', 'Low'], low: [{ room: 'Low', agent: 'iopromide', lowContainers: 1 }] },
  });
}, 60_000);
afterAll(() => service?.stop());

let numbers = 0;
const identifier = (value = `S${++numbers}`) => ({ system: 'urn:test:pharmacy', value });
async function say<T = { id: string; lot: { id: string }; sealed: number; objections: { code: string }[] }>(
  path: string,
  body: object,
) {
  const response = await fetch(`${service.url}/supplies/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as T };
}
const receive = (lotNumber: string, containers: number, more: object = {}) =>
  say('receipts', {
    identifier: identifier(),
    gtin: SINGLE,
    lotNumber,
    expiresOn: '2099-12-31',
    room: 'CT room 1',
    containers,
    ...more,
  });
const stockOf = async (lotNumber: string, room = 'CT room 1') => {
  type Line = { lot: { lotNumber: string }; sealed: number; volumeMl: number; objections: { code: string }[] };
  const { lots } = await service.get<{ lots: Line[] }>(`/supplies/stock?room=${encodeURIComponent(room)}`);
  return lots.find(({ lot }) => lot.lotNumber === lotNumber);
};
const sealedOf = async (lotNumber: string, room?: string) => (await stockOf(lotNumber, room))?.sealed ?? 0;
type Line = {
  administrationId: string;
  unaccountedMl: number;
  volumeMl: number;
  room: string | null;
  objections: { code: string }[];
};
const discrepancyOf = async (id: string) => {
  const { discrepancies } = await service.get<{ discrepancies: Line[] }>('/supplies/discrepancies');
  return discrepancies.find(({ administrationId }) => administrationId === id);
};

/** A patient on the CT of room 1, and what an injector posts of them. */
async function onTheTable(name: string, room: string | undefined = undefined) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' },
  });
  await service.tell('imaging.order.placed.v1', order, patient);
  const plan = await service.planOf(order);
  const appointment: Appointment = {
    resourceType: 'Appointment',
    id: `step-${name}`,
    status: 'arrived',
    start: inHours(0),
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    extension: [{ url: extensions.stationAeTitle, valueString: 'CT01' }],
    participant: [{ status: 'accepted' }],
  };
  await service.tell('imaging.schedule.booked.v1', appointment, order, patient);
  await until(
    async () =>
      (await service.sql("SELECT FROM resource WHERE type = 'Appointment' AND id = $1", [appointment.id])).length > 0,
    { what: 'the step to be known' },
  );
  const given = (lotNumber: string, ml: number, more: Given = {}): Partial<MedicationAdministration> => ({
    identifier: [{ system: 'urn:test:injector', value: more.number ?? name }],
    effectiveDateTime: more.at ?? new Date().toISOString(),
    contained: [
      <Medication>{
        resourceType: 'Medication',
        id: 'm',
        code: { text: 'iopromide' },
        identifier: [
          ...(more.gtin === null ? [] : [{ system: 'https://www.gs1.org/gtin', value: more.gtin ?? SINGLE }]),
          ...(more.container ? [{ system: CONTAINER, value: more.container }] : []),
        ],
        batch: { lotNumber },
      },
    ],
    ...(room ? { extension: [{ url: extensions.supplyRoom, valueString: room }] } : {}),
    dosage: { ...anAdministration(plan).dosage!, dose: { value: ml, unit: 'mL' } },
  });
  const give = async (lotNumber: string, ml: number, more: Given = {}) => {
    const answer = await service.send(
      'POST',
      'MedicationAdministration',
      anAdministration(plan, given(lotNumber, ml, more)),
    );
    expect(answer.status).toBeLessThan(300);
    return answer.body as MedicationAdministration;
  };
  const correct = async (was: MedicationAdministration, overrides: Partial<MedicationAdministration>) => {
    const { status, body } = await service.send(
      'PUT',
      `MedicationAdministration/${was.id}`,
      { ...was, ...overrides },
      { 'if-match': `W/"${was.meta!.versionId}"` },
    );
    expect(status).toBe(200);
    return body as MedicationAdministration;
  };
  return { patient, order, plan, give, given, correct };
}
interface Given {
  number?: string;
  at?: string;
  gtin?: string | null;
  container?: string;
}

describe('Stock', () => {
  it('comes in by a scan, once however often it is sent, and is a Medication', async () => {
    const said = {
      identifier: identifier(),
      barcode: `(01)${SINGLE}(17)991231(10)SCAN1`,
      room: 'CT room 1',
      containers: 10,
    };
    const answers = await Promise.all([say('receipts', said), say('receipts', said), say('receipts', said)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(await sealedOf('SCAN1')).toBe(10);
    expect((await say('receipts', { ...said, containers: 11 })).status).toBe(409);
    const medication = await service.get<Medication>(`/fhir/Medication/${answers[0]!.body.lot.id}`);
    expect(medication).toMatchObject({
      status: 'active',
      batch: { lotNumber: 'SCAN1', expirationDate: '1999-12-31' },
      ingredient: [{ strength: { numerator: { value: 370, unit: 'mg' }, denominator: { value: 1, unit: 'mL' } } }],
    });
    // It is in stock, and may not be given: 31 December 1999 is over.
    expect(answers[0]!.body.objections.map(({ code }) => code)).toEqual(['lot-expired']);
  });

  it.each([
    ['an unknown room', { room: 'Attic' }, 422, 'room'],
    ['no room', { room: undefined }, 400, 'room'],
    ['a wrong check digit', { gtin: '09521234000014' }, 400, 'gtin'],
    ['a GTIN nobody stocks', { gtin: '09521234543213' }, 422, 'gtin'],
    ['half a bottle', { containers: 0.5 }, 400, 'containers'],
    ['no number of its own', { identifier: undefined }, 400, 'identifier'],
    ['no expiry', { expiresOn: undefined }, 400, 'expiresOn'],
    ['an element that is none', { colour: 'red' }, 400, 'colour'],
    ['another lot than its barcode', { barcode: `(01)${SINGLE}(10)B` }, 400, 'lotNumber'],
    ['a receipt of tomorrow', { at: inHours(24) }, 400, 'at'],
  ])('refuses %s, naming it', async (_, wrong, status, field) => {
    const answer = await receive('WRONG', 1, wrong);
    expect([answer.status, answer.body as unknown as { field?: string; detail?: string }]).toEqual([
      status,
      expect.objectContaining({ field }),
    ]);
    expect(await sealedOf('WRONG')).toBe(0);
  });

  it('goes from room to room, is counted and thrown away, and the waste is known', async () => {
    const { body } = await receive('WAYS', 5, { room: 'Store' });
    const move = { identifier: identifier(), lot: body.lot.id, from: 'Store', to: 'CT room 1', containers: 3 };
    expect((await say('moves', move)).status).toBe(201);
    expect((await say('moves', move)).status).toBe(200);
    expect([await sealedOf('WAYS', 'Store'), await sealedOf('WAYS')]).toEqual([2, 3]);
    expect((await say('moves', { ...move, identifier: identifier() })).status).toBe(409);
    await say('counts', { identifier: identifier(), lot: body.lot.id, room: 'Store', containers: 4 });
    await say('discards', {
      identifier: identifier(),
      lot: body.lot.id,
      room: 'Store',
      containers: 1,
      reason: 'damaged',
    });
    expect(await sealedOf('WAYS', 'Store')).toBe(3);
    const { waste } = await service.get<{ waste: object[] }>(`/supplies/waste?from=${inHours(-1)}&to=${inHours(1)}`);
    expect(waste).toContainEqual(
      expect.objectContaining({
        lotNumber: 'WAYS',
        room: 'Store',
        reason: 'damaged',
        volumeMl: 100,
        agent: 'iopromide',
      }),
    );
  });
});

describe('What is given', () => {
  it('is taken from the room of its exam once, the rest of a single dose is waste, and a correction takes the difference', async () => {
    await receive('DOSE', 3);
    const { give, correct, given } = await onTheTable('DOSE');
    const at = new Date().toISOString();
    const first = await give('DOSE', 78, { at });
    await give('DOSE', 78, { at });
    expect(await sealedOf('DOSE')).toBe(2);
    const more = await correct(first, { dosage: given('DOSE', 130).dosage! });
    expect(await sealedOf('DOSE')).toBe(1);
    const wasteOf = async () => {
      const { waste } = await service.get<{ waste: { lotNumber: string; volumeMl: number }[] }>(
        `/supplies/waste?from=${inHours(-1)}&to=${inHours(1)}`,
      );
      return waste.filter(({ lotNumber }) => lotNumber === 'DOSE').reduce((sum, { volumeMl }) => sum + volumeMl, 0);
    };
    expect(await wasteOf()).toBe(70);
    await correct(more, { status: 'entered-in-error' });
    expect([await sealedOf('DOSE'), await wasteOf()]).toEqual([3, 0]);
  });

  it('moves to the other lot when the lot was the wrong one', async () => {
    await receive('LOTA', 2);
    await receive('LOTB', 2);
    const { give, correct, given } = await onTheTable('SWAP');
    const recorded = await give('LOTA', 50);
    await correct(recorded, { contained: given('LOTB', 50).contained! });
    expect([await sealedOf('LOTA'), await sealedOf('LOTB')]).toEqual([2, 1]);
  });

  it('takes nothing where nothing was given', async () => {
    await receive('NOTDONE', 2);
    const { plan, given } = await onTheTable('NOTDONE');
    await service.send(
      'POST',
      'MedicationAdministration',
      anAdministration(plan, { ...given('NOTDONE', 50), status: 'not-done' }),
    );
    expect(await sealedOf('NOTDONE')).toBe(2);
  });

  it('twenty at the same moment, with stock for five: none below zero, and fifteen unaccounted for', async () => {
    await receive('RACE', 5);
    const tables = [];
    for (let index = 0; index < 20; index++) tables.push(await onTheTable(`RACE${index}`));
    const given = await Promise.all(tables.map(({ give }) => give('RACE', 80)));
    expect(await sealedOf('RACE')).toBe(0);
    const [sums] = await service.sql<{ sealed: string; used: string; unaccounted: string }>(
      `SELECT sum(sealed) AS sealed, sum(volume) FILTER (WHERE kind = 'used') AS used,
              sum(volume) FILTER (WHERE kind = 'unaccounted') AS unaccounted
         FROM stock_movement AS m JOIN supply_lot AS l ON l.id = m.lot_id WHERE l.lot_number = 'RACE'`,
    );
    expect(sums).toEqual({ sealed: '0', used: String(5 * 80_000), unaccounted: String(15 * 80_000) });
    const listed = await Promise.all(given.map(({ id }) => discrepancyOf(id!)));
    expect(listed.filter((one) => one?.unaccountedMl === 80)).toHaveLength(15);
    // The database itself would not have it otherwise.
    await expect(service.sql('UPDATE stock_balance SET sealed = -1')).rejects.toThrow('stock_never_negative');
  }, 120_000);

  it('is settled by a count, and covered by a receipt that was only written down late', async () => {
    const { give } = await onTheTable('LATE');
    const unknown = await give('LATE', 80);
    expect(await discrepancyOf(unknown.id!)).toMatchObject({
      unaccountedMl: 80,
      objections: [{ code: 'lot-unknown' }],
    });
    await receive('LATE', 10, { at: inHours(-2) });
    expect(await sealedOf('LATE')).toBe(9);
    expect(await discrepancyOf(unknown.id!)).toMatchObject({ unaccountedMl: 0 });

    const other = await onTheTable('COUNTED');
    const { body } = await receive('COUNTED', 1);
    await other.give('COUNTED', 100);
    const second = await other.give('COUNTED', 60, { number: 'COUNTED2' });
    expect(await discrepancyOf(second.id!)).toMatchObject({ unaccountedMl: 60, room: 'CT room 1' });
    await say('counts', { identifier: identifier(), lot: body.lot.id, room: 'CT room 1', containers: 7 });
    expect(await discrepancyOf(second.id!)).toBeUndefined();
    // What was given before the count, and is said or corrected only now, was not among what was counted.
    await other.correct(second, { status: 'entered-in-error' });
    await other.give('COUNTED', 90, { number: 'COUNTED3', at: inHours(-1) });
    expect(await sealedOf('COUNTED')).toBe(7);
  });
});

describe('An opened container', () => {
  type Container = {
    id: string;
    remainingMl: number;
    doses: number;
    objections: { code: string }[];
    usableUntil?: string;
    wastedMl: number;
  };
  const open = (lot: string, more: object = {}) =>
    say<Container>('containers', { identifier: identifier(), gtin: MULTI, lotNumber: lot, room: 'CT room 1', ...more });
  const container = (id: string) => service.get<Container>(`/supplies/containers/${id}`);

  it('serves patient after patient until its time is over or it is thrown away', async () => {
    await receive('MULTI', 2, { gtin: MULTI });
    const { body } = await open('MULTI');
    expect(Date.parse(body.usableUntil!) - Date.now()).toBeGreaterThan(9 * HOUR);
    const [one, two] = [await onTheTable('MULTI1'), await onTheTable('MULTI2')];
    await one.give('MULTI', 100, { gtin: MULTI, container: body.id });
    await two.give('MULTI', 150, { gtin: MULTI });
    expect(await container(body.id)).toMatchObject({ remainingMl: 250, doses: 2, objections: [] });
    expect(await sealedOf('MULTI')).toBe(1);
    expect((await say<Container>(`containers/${body.id}/discard`, {})).body).toMatchObject({
      remainingMl: 0,
      wastedMl: 250,
    });
    const check = await say('check', { gtin: MULTI, lotNumber: 'MULTI', container: body.id });
    expect(check.body).toMatchObject({ mayBeGiven: false, objections: [{ code: 'container-discarded' }] });
    const suggested = await service.get<{ suggestions: { container?: string; lot: { lotNumber: string } }[] }>(
      '/supplies/suggestion?room=CT%20room%201&agent=iopromide',
    );
    expect(suggested.suggestions.map((one) => one.container)).not.toContain(body.id);
  });

  it('that is overdue is refused beforehand, and afterwards the fact is kept and flagged', async () => {
    await receive('OVERDUE', 2, { gtin: MULTI });
    const { body } = await open('OVERDUE', { at: inHours(-11) });
    const check = await say('check', { gtin: MULTI, lotNumber: 'OVERDUE', container: body.id });
    expect(check.body).toMatchObject({ mayBeGiven: false, objections: [{ code: 'container-overdue' }] });
    const { give } = await onTheTable('OVERDUE');
    const given = await give('OVERDUE', 100, { gtin: MULTI, container: body.id });
    expect(await container(body.id)).toMatchObject({ remainingMl: 400 });
    expect(await discrepancyOf(given.id!)).toMatchObject({
      unaccountedMl: 0,
      objections: [{ code: 'container-overdue' }],
    });
  });

  it('is not opened of a lot that is expired', async () => {
    await receive('EXPIRED', 1, { gtin: MULTI, expiresOn: '2020-01' });
    expect((await open('EXPIRED')).status).toBe(409);
    const { expired } = await service.get<{ expired: { lot: { lotNumber: string; expiresOn: string } }[] }>(
      '/supplies/expiring',
    );
    expect(expired.map(({ lot }) => [lot.lotNumber, lot.expiresOn])).toContainEqual(['EXPIRED', '2020-01-31']);
  });
});

describe('A recall', () => {
  it('finds everybody who received of the lot in one query, audited, and nothing of it may be given any more', async () => {
    await receive('RECALL', 3);
    const { body: opened } = await say<{ id: string }>('containers', {
      identifier: identifier(),
      gtin: SINGLE,
      lotNumber: 'RECALL',
      room: 'CT room 1',
    });
    const [one, two, merged, wrong] = [
      await onTheTable('RC1'),
      await onTheTable('RC2'),
      await onTheTable('RC3'),
      await onTheTable('RC4'),
    ];
    await one.give('RECALL', 80, { at: inHours(-3) });
    // Told without the package: it may have been this lot.
    await two.give('RECALL', 70, { gtin: null, at: inHours(-2) });
    await merged.give('RECALL', 60, { at: inHours(-1) });
    await wrong.correct(await wrong.give('RECALL', 50), { status: 'entered-in-error' });
    const survivor = aPatient({ mrn: 'RC3REAL' });
    await service.tell('imaging.patient.merged.v1', ...aMerge(merged.patient, survivor));
    await until(
      async () =>
        (
          await service.sql("SELECT FROM resource WHERE type = 'MedicationAdministration' AND patient_id = $1", [
            survivor.id,
          ])
        ).length > 0,
      { what: 'the merge' },
    );

    const said = { identifier: identifier(), barcode: `(01)${SINGLE}(10)RECALL`, reason: 'particles' };
    const { status, body } = await say<{ lot: { id: string }; rooms: object[] }>('recalls', said);
    expect([status, body.rooms]).toEqual([
      201,
      [expect.objectContaining({ room: 'CT room 1', openContainers: [opened.id] })],
    ]);
    expect((await say('recalls', said)).status).toBe(200);
    expect((await say('recalls', { ...said, identifier: identifier() })).status).toBe(201);

    type Recipients = {
      recipients: {
        patient: { id: string; identifier: { value: string }[] };
        order: { identifier: { value: string }[] };
        volumeMl: number;
        knownBy: string;
      }[];
    };
    const { recipients } = await service.get<Recipients>(`/supplies/lots/${body.lot.id}/recipients`);
    expect(recipients.map(({ patient, volumeMl }) => [patient.id, volumeMl])).toEqual([
      [one.patient.id, 80],
      [two.patient.id, 70],
      [survivor.id, 60],
    ]);
    expect(recipients[0]).toMatchObject({
      patient: { identifier: [{ value: 'RC1' }] },
      room: 'CT room 1',
      knownBy: 'lot',
    });
    const audits = await service.sql(
      "SELECT FROM audit_event WHERE body->'entity' @> $1::jsonb AND body::text LIKE '%search-type%'",
      [JSON.stringify([{ what: { reference: `Patient/${two.patient.id}` } }])],
    );
    expect(audits).toHaveLength(1);

    const told = await service.published('imaging.contrast.lot-recalled.v1', body.lot.id);
    expect(told).toEqual([
      [
        expect.objectContaining({
          resourceType: 'Medication',
          status: 'inactive',
          extension: [{ url: extensions.recallReason, valueString: 'particles' }],
        }),
      ],
    ]);
    const check = await say('check', { gtin: SINGLE, lotNumber: 'RECALL', container: opened.id });
    expect(check.body).toMatchObject({
      mayBeGiven: false,
      objections: [{ code: 'lot-recalled', reason: 'this lot is recalled: particles' }],
    });
    expect(service.log.join('\n')).not.toContain('RC1');
  });

  it('refuses what is about to be given with the reason, and of what was given keeps and flags the fact', async () => {
    const { body } = await receive('RIGHTS', 2);
    const { plan, given, give } = await onTheTable('RIGHTS');
    const beginning = { ...anAdministration(plan, given('RIGHTS', 80)), status: 'in-progress' };
    const check = () => service.send('POST', 'MedicationAdministration/$check', beginning);
    const reasons = (answer: { body: never }) =>
      (answer.body as OperationOutcome).issue.map(({ diagnostics }) => diagnostics);
    expect(reasons(await check()).join()).not.toContain('supply');
    await say('recalls', { identifier: identifier(), lot: body.lot.id, reason: 'particles' });
    expect(reasons(await check())).toContain('supply: this lot is recalled: particles');
    expect((await service.send('POST', 'MedicationAdministration', beginning)).status).toBe(409);
    const recorded = await give('RIGHTS', 80);
    expect(await sealedOf('RIGHTS')).toBe(1);
    const issues = await service.get<Bundle<DetectedIssue>>(
      `/fhir/DetectedIssue?patient=${recorded.subject.reference}`,
    );
    expect(issues.entry!.map(({ resource }) => resource!.detail)).toContain(
      'not right: this lot is recalled: particles',
    );
  });

  it('of a lot that never came is known when it comes', async () => {
    await say('recalls', { identifier: identifier(), gtin: SINGLE, lotNumber: 'NEVER', reason: 'label' });
    expect((await receive('NEVER', 1)).body.objections.map(({ code }) => code)).toEqual(['lot-recalled']);
  });

  it('is not lost to a receipt at the same moment, and is told once though two say it', async () => {
    const recall = () =>
      say('recalls', { identifier: identifier(), gtin: SINGLE, lotNumber: 'AT-ONCE', reason: 'label' });
    const more = () => Array.from({ length: 5 }, () => receive('AT-ONCE', 1));
    const [{ body }] = await Promise.all([recall(), ...more(), recall(), ...more()]);
    expect(await stockOf('AT-ONCE')).toMatchObject({ sealed: 10, objections: [{ code: 'lot-recalled' }] });
    expect(await service.published('imaging.contrast.lot-recalled.v1', body.lot.id)).toHaveLength(1);
  });
});

describe('Low stock', () => {
  it('is told once for each fall, not again after a restart, and again after there was more', async () => {
    const told = async () => (await service.published('imaging.contrast.stock-low.v1')).length;
    const { body } = await receive('LEVEL', 4, { room: 'Low' });
    expect(await told()).toBe(0);
    const tables = [];
    for (let index = 0; index < 3; index++) tables.push(await onTheTable(`LEVEL${index}`, 'Low'));
    await Promise.all(tables.map(({ give }) => give('LEVEL', 80)));
    expect(await told()).toBe(1);
    const [[medication, location]] = (await service.published('imaging.contrast.stock-low.v1')) as [
      [Medication, Location],
    ];
    expect(medication).toMatchObject({ code: { text: 'iopromide' } });
    expect(medication.extension).toContainEqual({ url: extensions.stockContainers, valueInteger: 1 });
    // As scheduling knows the room.
    expect(location).toMatchObject({ id: uuidFrom('Location', 'urn:collimator:room', 'Low'), name: 'Low' });
    await service.restart();
    await (await onTheTable('LEVEL9', 'Low')).give('LEVEL', 80);
    expect(await told()).toBe(1);
    await receive('LEVEL', 5, { room: 'Low' });
    await say('recalls', { identifier: identifier(), lot: body.lot.id, reason: 'particles' });
    expect(await told()).toBe(2);
    const agents = async () => (await service.get<{ agents: object[] }>('/supplies/stock?room=Low')).agents;
    expect(await agents()).toEqual([{ room: 'Low', agent: 'iopromide', containers: 0, volumeMl: 0, isLow: true }]);

    // A recall that was a mistake is over; what expires overnight is told by the clock, once.
    await say('recalls/withdrawals', { identifier: identifier(), lot: body.lot.id, reason: 'another lot was meant' });
    expect(await agents()).toEqual([{ room: 'Low', agent: 'iopromide', containers: 5, volumeMl: 500, isLow: false }]);
    const look = () => service.app.get(WatchStock).look();
    await look();
    expect(await told()).toBe(2);
    await service.sql("UPDATE supply_lot SET expires_on = '2020-01-01' WHERE id = $1", [body.lot.id]);
    await Promise.all([look(), look()]);
    expect(await told()).toBe(3);
  });
});
