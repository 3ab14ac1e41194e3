import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, Device, Location, Observation, Procedure, Slot, Task } from 'fhir/r4.js';
import { extensions } from '#fhir';
import type { SiteContent } from '#platform';
import { aPatient, aServiceRequest, until, site as aSite } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { Rebookings } from '../booking/rebookings.store.js';
import { SchedulingModule } from '../scheduling.module.js';
import { deviceIdOf, locationIdOf, operationalStatus, scheduleIdOf } from './site-resources.decider.js';
import { WatchClosures } from './watch-closures.worker.js';

const site: Partial<SiteContent> = {
  stations: [
    { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1' },
    { aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'CT room 2' },
    { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
  ],
  procedures: aSite().procedures.map((one) =>
    one.code === 'CTHEAD' ? { ...one, setup: [{ code: 'HEADREST', display: 'Head rest' }] } : one,
  ),
  qualityControl: [
    {
      code: 'UNIFORMITY',
      display: 'Water phantom uniformity',
      modalities: ['CT'],
      everyDays: 1,
      limits: { low: -4, high: 4, unit: 'HU' },
    },
    { code: 'CALIBRATION', display: 'Yearly calibration', stations: ['CT01'], everyDays: 365 },
  ],
  turnover: { isolationMinutes: 30 },
};

let service: ASchedulingService;
beforeAll(async () => {
  service = await ASchedulingService.start(site);
  watchRebookings();
}, 60_000);
afterAll(() => service?.stop());
afterEach(async () => {
  const open = await service.read<Task>('Task', 'status=draft,requested,in-progress');
  for (const task of open)
    await service.send('PUT', `Task/${task.id}`, { ...task, status: 'completed' }, ifMatch(task));
  for (const room of ['CT room 1', 'CT room 2']) await set(room, 'U');
  await service.sql('DELETE FROM quality_result');
  await service.sql('UPDATE quality_requirement SET since = now()');
  for (const slot of await service.read<Slot>('Slot', 'status=busy-unavailable'))
    await service.send('PUT', `Slot/${slot.id}`, { ...slot, status: 'entered-in-error' }, ifMatch(slot));
  displaced = [];
});

const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();
const soon = { occurrenceDateTime: hours(1) };

/** What was asked to be booked anew: step and reason. The worker that does it may be quicker than a look at the table. */
let displaced: [string, string][] = [];
function watchRebookings() {
  const rebookings = service.app.select(SchedulingModule).get(Rebookings, { strict: true });
  const displace = rebookings.displace.bind(rebookings);
  rebookings.displace = (manager, ids, reason, now) => {
    displaced.push(...ids.map((id): [string, string] => [id, reason]));
    return displace(manager, ids, reason, now);
  };
}

type Code = Parameters<typeof operationalStatus>[0];
const ifMatch = ({ meta }: { meta?: { versionId?: string } }) => ({ 'if-match': `W/"${meta!.versionId}"` });
const roomNamed = (name: string) => service.get<Location>(`/fhir/Location/${locationIdOf(name)}`);
const deviceOf = (aeTitle: string) => service.get<Device>(`/fhir/Device/${deviceIdOf(aeTitle)}`);
const readiness = (aeTitle: string) =>
  service.get<{
    isOpen: boolean;
    closures: { reason: string; end?: string }[];
    qualityControl: { state: string }[];
    warnings: string[];
    technologists: object[];
    setup: object[];
  }>(`/stations/${aeTitle}/readiness`);
async function set(name: string, code: Code) {
  const room = await roomNamed(name);
  return service.send(
    'PUT',
    `Location/${room.id}`,
    { ...room, operationalStatus: operationalStatus(code) },
    ifMatch(room),
  );
}

/** An order with a time of its own at a station, known by one word; later than any closure until further notice reaches. */
async function aBooked(
  name: string,
  overrides: NonNullable<Parameters<typeof aServiceRequest>[0]> = {},
  aeTitle = 'CT01',
) {
  const patient = overrides.patient ?? aPatient({ mrn: name });
  const steps = [
    { url: 'stepId', valueString: `S-${name}` },
    { url: 'stationAeTitle', valueString: aeTitle },
  ];
  const order = aServiceRequest({
    occurrenceDateTime: hours(36),
    ...overrides,
    extension: [{ url: extensions.scheduledProcedureStep, extension: steps }, ...(overrides.extension ?? [])],
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
  });
  await service.tell('imaging.order.placed.v1', order, patient);
  const item = await service.listed(name);
  const [appointment] = await service.read<Appointment>('Appointment', `based-on=ServiceRequest/${order.id}`);
  return { name, aeTitle, order, patient, item, appointmentId: appointment!.id! };
}
const isListed = async ({ name, aeTitle }: { name: string; aeTitle: string }) =>
  (await service.find({ AccessionNumber: name }, { ScheduledStationAETitle: aeTitle })).length === 1;
const isListedInJson = async ({ appointmentId }: { appointmentId: string }) => {
  const { items } = await service.get<{ items: { appointmentId: string }[] }>('/worklist');
  return items.some((one) => one.appointmentId === appointmentId);
};
/** Why a step was asked to be booked anew; nothing where it was not. */
const rebookedFor = ({ appointmentId }: { appointmentId: string }) =>
  displaced.filter(([id]) => id === appointmentId).map(([, reason]) => reason);
const toldOf = async (type: 'closed' | 'opened', aeTitle: string) =>
  (await service.published(`imaging.schedule.station-${type}.v1`, deviceIdOf(aeTitle))).length;
const danger = { url: extensions.danger, valueCodeableConcept: { text: 'MRSA' } };

let uids = 0;
const newUid = () => `1.2.826.0.1.3680043.10.${process.pid}.${++uids}`;
const completed = {
  PerformedProcedureStepStatus: 'COMPLETED',
  PerformedProcedureStepEndDate: '20260302',
  PerformedProcedureStepEndTime: '091500',
  PerformedSeriesSequence: [],
};
async function examine({ item }: { item: never | Awaited<ReturnType<typeof service.listed>> }) {
  const uid = newUid();
  await service.create(uid, [item]);
  await service.set(uid, completed);
  return uid;
}

describe('The department', () => {
  it('is served as the site file has it, and written once', async () => {
    const room = await roomNamed('CT room 1');
    expect(room).toMatchObject({
      status: 'active',
      physicalType: { coding: [{ code: 'ro' }] },
      operationalStatus: { code: 'U' },
    });
    const [device] = await service.read<Device>('Device', `location=${room.id}`);
    expect(device).toMatchObject({ id: deviceIdOf('CT01'), identifier: [{ value: 'CT01' }], status: 'active' });
    expect(await service.read('HealthcareService', `location=${room.id}`)).toHaveLength(1);
    expect(await service.read('Schedule', '')).toHaveLength(3);
    const before = await deviceOf('CT01');
    await service.restart();
    watchRebookings();
    expect(await deviceOf('CT01')).toEqual(before);
  });
});

describe('A room', () => {
  it('that is contaminated has an empty worklist, its exams are booked anew, and all is back when it is free', async () => {
    const [here, there] = [await aBooked('ROOM1'), await aBooked('ROOM2', soon, 'CT02')];
    const today = await aBooked('ROOM3', soon);
    const [closed, opened] = [await toldOf('closed', 'CT01'), await toldOf('opened', 'CT01')];
    expect((await set('CT room 1', 'K')).status).toBe(200);
    expect([await isListed(here), await isListedInJson(here), await isListed(there)]).toEqual([false, false, true]);
    expect(rebookedFor(today)).toEqual(['CT room 1 is contaminated']);
    expect([rebookedFor(there), rebookedFor(here)]).toEqual([[], []]);
    expect(await deviceOf('CT01')).toMatchObject({
      status: 'inactive',
      statusReason: [{ text: 'CT room 1 is contaminated' }],
    });
    expect(await toldOf('closed', 'CT01')).toBe(closed + 1);
    expect(await readiness('CT01')).toMatchObject({
      isOpen: false,
      closures: [{ reason: 'CT room 1 is contaminated' }],
    });
    // Looking again asks and tells nothing anew.
    displaced = [];
    await service.app.get(WatchClosures).look();
    expect([displaced, await toldOf('closed', 'CT01')]).toEqual([[], closed + 1]);

    expect((await set('CT room 1', 'U')).status).toBe(200);
    expect([await isListed(here), await isListedInJson(here)]).toEqual([true, true]);
    expect(await toldOf('opened', 'CT01')).toBe(opened + 1);
    expect((await deviceOf('CT01')).statusReason).toBeUndefined();
  });

  it('that is suspended is closed as well, and a step that has begun there stays', async () => {
    const [begun, waiting] = [await aBooked('SUSP1'), await aBooked('SUSP2')];
    await service.create(newUid(), [begun.item]);
    const room = await roomNamed('CT room 1');
    const { body } = await service.send('PUT', `Location/${room.id}`, { ...room, status: 'suspended' }, ifMatch(room));
    expect(await isListed(waiting)).toBe(false);
    expect(await service.find({ AccessionNumber: 'SUSP1' }, { ScheduledProcedureStepStatus: 'STARTED' })).toHaveLength(
      1,
    );
    await service.send('PUT', `Location/${room.id}`, { ...room, status: 'active' }, ifMatch(body));
    expect(await isListed(waiting)).toBe(true);
  });

  it.each<[string, number, (room: Location) => object, boolean]>([
    ['no version', 412, (room) => room, false],
    ['another id in the body', 400, (room) => ({ ...room, id: 'other' }), true],
    ['a status of no table', 422, (room) => ({ ...room, operationalStatus: { code: 'K' } }), true],
    ['another name', 409, (room) => ({ ...room, name: 'Somewhere' }), true],
    ['an end of the room', 400, (room) => ({ ...room, status: 'inactive' }), true],
    ['another type', 400, (room) => ({ ...room, resourceType: 'Device' }), true],
  ])('is not changed with %s', async (_what, status, change, isVersioned) => {
    const room = await roomNamed('CT room 2');
    const answer = await service.send('PUT', `Location/${room.id}`, change(room), isVersioned ? ifMatch(room) : {});
    expect(answer).toMatchObject({ status, body: { resourceType: 'OperationOutcome' } });
    expect(await roomNamed('CT room 2')).toEqual(room);
  });

  it('is not made by an update, and an old version does not undo a newer one', async () => {
    const room = await roomNamed('CT room 2');
    expect((await service.send('PUT', 'Location/nowhere', { ...room, id: 'nowhere' }, ifMatch(room))).status).toBe(404);
    await set('CT room 2', 'K');
    const stale = await service.send('PUT', `Location/${room.id}`, room, ifMatch(room));
    expect(stale.status).toBe(412);
    expect((await roomNamed('CT room 2')).operationalStatus!.code).toBe('K');
  });

  it('is audited with who changed it', async () => {
    await set('CT room 2', 'C');
    const found = await service.sql("SELECT 1 FROM audit_event WHERE body->'entity' @> $1 AND body->>'action' = 'U'", [
      JSON.stringify([{ what: { reference: `Location/${locationIdOf('CT room 2')}` } }]),
    ]);
    expect(found.length).toBeGreaterThan(0);
  });
});

describe('Planned downtime', () => {
  const slot = (overrides: Partial<Slot> = {}): Slot => ({
    resourceType: 'Slot',
    schedule: { reference: `Schedule/${scheduleIdOf('CT01')}` },
    status: 'busy-unavailable',
    start: hours(0.5),
    end: hours(3),
    comment: 'tube exchange',
    ...overrides,
  });

  it('is announced, has its exams booked anew, closes when it begins, and is withdrawn', async () => {
    const [inside, outside] = [await aBooked('DOWN1', soon), await aBooked('DOWN2')];
    const planned = await service.send('POST', 'Slot', slot());
    expect(planned.status).toBe(201);
    expect([rebookedFor(inside), rebookedFor(outside)]).toEqual([['downtime: tube exchange'], []]);
    expect(await isListed(outside)).toBe(true);
    const [announced] = (await service.published('imaging.schedule.downtime-announced.v1')).slice(-1);
    expect(announced!.map(({ resourceType }) => resourceType)).toEqual(['Slot', 'Device', 'Location']);

    const begun = await service.send(
      'PUT',
      `Slot/${(planned.body as Slot).id}`,
      { ...(planned.body as Slot), start: hours(-1) },
      ifMatch(planned.body),
    );
    expect(begun.status).toBe(200);
    expect([await isListed(inside), await isListed(outside)]).toEqual([false, false]);
    expect((await deviceOf('CT01')).statusReason).toMatchObject([{ text: 'downtime: tube exchange' }]);
    const withdrawn = { ...(begun.body as Slot), status: 'entered-in-error' };
    expect((await service.send('PUT', `Slot/${(begun.body as Slot).id}`, withdrawn, ifMatch(begun.body))).status).toBe(
      200,
    );
    expect(await isListed(outside)).toBe(true);
  });

  it('sent twice is planned and announced once', async () => {
    const one = slot();
    expect((await service.send('POST', 'Slot', one)).status).toBe(201);
    const before = (await service.published('imaging.schedule.downtime-announced.v1')).length;
    expect((await service.send('POST', 'Slot', one)).status).toBe(200);
    expect(await service.published('imaging.schedule.downtime-announced.v1')).toHaveLength(before);
  });

  it.each<[string, number, Partial<Slot>]>([
    ['of a station that is none', 422, { schedule: { reference: 'Schedule/none' } }],
    ['that is free', 400, { status: 'free' }],
    ['that ends before it begins', 400, { end: hours(0.1) }],
    ['that is over', 400, { start: hours(-3), end: hours(-1) }],
    ['of ten years', 400, { end: hours(24 * 3650) }],
    ['at no instant', 400, { start: '2026-03-02' }],
  ])('%s is refused', async (_what, status, overrides) => {
    expect((await service.send('POST', 'Slot', slot(overrides))).status).toBe(status);
  });
});

describe('Quality control', () => {
  const result = (overrides: Partial<Observation> = {}): Observation => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'urn:collimator:quality-test', code: 'UNIFORMITY' }] },
    subject: { reference: `Device/${deviceIdOf('CT01')}` },
    effectiveDateTime: new Date(Date.now() - 60_000).toISOString(),
    valueQuantity: { value: 1.2, unit: 'HU' },
    ...overrides,
  });
  const importCsv = async (text: string, type = 'text/csv') => {
    const response = await fetch(`${service.url}/quality-control/import`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text,
    });
    return {
      status: response.status,
      body: (await response.json()) as { taken: number; known: number; refused: object[] },
    };
  };
  const minutesAgo = (count: number) => new Date(Date.now() - count * 60_000).toISOString();

  it('that failed closes its station at once until it is passed', async () => {
    const [one, today] = [await aBooked('QC1'), await aBooked('QC1S', soon)];
    expect(
      (await service.send('POST', 'Observation', result({ valueQuantity: { value: 9, unit: 'HU' } }))).status,
    ).toBe(201);
    expect(await isListed(one)).toBe(false);
    expect(rebookedFor(today)).toEqual(['quality control failed: Water phantom uniformity']);
    const passed = result({ effectiveDateTime: new Date().toISOString() });
    expect((await service.send('POST', 'Observation', passed)).status).toBe(201);
    expect((await service.send('POST', 'Observation', passed)).status).toBe(200);
    expect(await isListed(one)).toBe(true);
  });

  it('comes from a file: the good lines are taken, the bad ones told with their numbers', async () => {
    const one = await aBooked('QC2');
    const file = `station;test;date;result;value;unit\r\nCT01;UNIFORMITY;${minutesAgo(9)};;"9.5";HU\r\nCT99;UNIFORMITY;${minutesAgo(9)};pass;;\r\n\r\nCT01;UNIFORMITY;yesterday;pass;;\r\nCT02;UNIFORMITY;${minutesAgo(9)};pass;;`;
    expect(await importCsv(file)).toEqual({
      status: 200,
      body: {
        taken: 2,
        known: 0,
        refused: [
          expect.objectContaining({ line: 3, code: 'value-unknown', field: 'station' }),
          expect.objectContaining({ line: 5, code: 'field-invalid', field: 'date' }),
        ],
      },
    });
    expect([await isListed(one), (await readiness('CT02')).isOpen]).toEqual([false, true]);
    expect((await importCsv(file)).body).toMatchObject({ taken: 0, known: 2 });
    await importCsv(`station,test,date,value,unit\nCT01,UNIFORMITY,${minutesAgo(1)},0.3,HU`);
    expect(await isListed(one)).toBe(true);
  });

  it.each([
    ['nothing', '', 'text/csv', 400],
    ['no header', 'CT01,UNIFORMITY,2026-03-02T07:00,pass', 'text/csv', 400],
    ['JSON', '{}', 'text/plain', 400],
    ['a file too large', 'x'.repeat(1_100_000), 'text/csv', 413],
  ])('from %s is refused', async (_what, text, type, status) => {
    expect((await importCsv(text, type)).status).toBe(status);
  });

  it('that is overdue by the clock closes its station, and is told once, however often the service starts', async () => {
    const [one, today] = [await aBooked('QC3'), await aBooked('QC3S', soon)];
    const closed = await toldOf('closed', 'CT01');
    await service.sql(
      "UPDATE quality_requirement SET since = now() - interval '3 days' WHERE ae_title = 'CT01' AND code = 'UNIFORMITY'",
    );
    expect(await isListed(one)).toBe(false);
    await until(async () => (await toldOf('closed', 'CT01')) === closed + 1, { what: 'the closure to be told' });
    expect(rebookedFor(today)).toEqual(['quality control is overdue: Water phantom uniformity']);
    await service.restart();
    watchRebookings();
    expect([await isListed(one), await toldOf('closed', 'CT01')]).toEqual([false, closed + 1]);
    await service.send('POST', 'Observation', result({ interpretation: [{ coding: [{ code: 'N' }] }] }));
    expect(await isListed(one)).toBe(true);
  });

  it('entered in error never was', async () => {
    const one = await aBooked('QC4');
    const { body } = await service.send('POST', 'Observation', result({ valueQuantity: { value: 9, unit: 'HU' } }));
    expect(await isListed(one)).toBe(false);
    const stored = body as Observation;
    expect((await service.send('PUT', `Observation/${stored.id}`, stored, ifMatch(stored))).status).toBe(409);
    const withdrawn = { ...stored, status: 'entered-in-error' };
    expect((await service.send('PUT', `Observation/${stored.id}`, withdrawn, ifMatch(stored))).status).toBe(200);
    expect(await isListed(one)).toBe(true);
  });

  it.each<[string, number, Partial<Observation>]>([
    ['of a patient', 422, { subject: { reference: 'Patient/1' } }],
    ['of a test nobody asks for', 422, { code: { coding: [{ code: 'NOISE' }] } }],
    ['that is preliminary', 400, { status: 'preliminary' }],
    ['from tomorrow', 400, { effectiveDateTime: new Date(Date.now() + 86_400_000).toISOString() }],
    ['of a day', 400, { effectiveDateTime: '2026-03-02' }],
    ['of no time', 400, { effectiveDateTime: undefined }],
    ['in another unit', 400, { valueQuantity: { value: 1, unit: 'mGy' } }],
    ['that says nothing', 400, { valueQuantity: undefined }],
    ['that says something else', 422, { valueQuantity: undefined, valueString: 'more or less' }],
  ])('%s is refused', async (_what, status, overrides) => {
    expect((await service.send('POST', 'Observation', result(overrides))).status).toBe(status);
  });
});

describe('After a patient in isolation', () => {
  const tasks = async (status = 'requested') => service.read<Task>('Task', `status=${status}`);

  it('the room is closed and to be cleaned, also after a restart, until the Task is completed', async () => {
    const [isolated, next] = [await aBooked('ISO1', { extension: [danger] }), await aBooked('ISO2')];
    await examine(isolated);
    expect(await isListed(next)).toBe(false);
    const [task] = await tasks();
    expect(task).toMatchObject({
      focus: { reference: `Location/${locationIdOf('CT room 1')}` },
      reasonCode: { text: 'MRSA' },
    });
    expect(JSON.stringify(task)).not.toContain(isolated.patient.id!);
    expect((await roomNamed('CT room 1')).operationalStatus!.code).toBe('H');
    await service.restart();
    watchRebookings();
    expect([await isListed(next), (await readiness('CT01')).isOpen]).toEqual([false, false]);
    // Who only says that the room is free has not cleaned it.
    expect((await set('CT room 1', 'U')).status).toBe(409);
    const done = await service.send('PUT', `Task/${task!.id}`, { ...task, status: 'completed' }, ifMatch(task!));
    expect(done.status).toBe(200);
    expect([await isListed(next), (await roomNamed('CT room 1')).operationalStatus!.code]).toEqual([true, 'U']);
    expect(
      (await service.send('PUT', `Task/${task!.id}`, { ...task, status: 'requested' }, ifMatch(done.body))).status,
    ).toBe(409);
  });

  it('who has another exam there right away it is cleaned after that', async () => {
    const patient = aPatient({ mrn: 'ISO3' });
    const next = { extension: [danger], patient, occurrenceDateTime: hours(0.2) };
    const [first, second] = [await aBooked('ISO3', next), await aBooked('ISO4', next)];
    await examine(first);
    expect(await isListed(second)).toBe(true);
    expect(await tasks()).toEqual([]);
    await examine(second);
    expect(await tasks()).toHaveLength(1);
    expect((await readiness('CT01')).isOpen).toBe(false);
  });

  it('who has another exam under way there it is cleaned after that', async () => {
    const patient = aPatient({ mrn: 'ISO9' });
    const earlier = {
      extension: [danger],
      patient,
      occurrenceDateTime: new Date(Date.now() - 36_000_000).toISOString(),
    };
    const [first, second] = [await aBooked('ISO9', earlier), await aBooked('ISO10', earlier)];
    const [one, other] = [newUid(), newUid()];
    await service.create(one, [first.item]);
    await service.create(other, [second.item]);
    await service.set(one, completed);
    expect([await tasks(), (await tasks('draft')).length]).toEqual([[], 1]);
    await service.set(other, completed);
    expect(await tasks()).toHaveLength(1);
  });

  it('who did not come to the other exam it is cleaned all the same', async () => {
    const patient = aPatient({ mrn: 'ISO5' });
    const next = { extension: [danger], patient, occurrenceDateTime: hours(0.2) };
    const [first] = [await aBooked('ISO5', next), await aBooked('ISO6', next)];
    await examine(first);
    const [draft] = await tasks('draft');
    const past = JSON.stringify(new Date(Date.now() - 1000).toISOString());
    await service.sql("UPDATE resource SET body = jsonb_set(body, '{restriction,period,start}', $2) WHERE id = $1", [
      draft!.id,
      past,
    ]);
    await service.app.get(WatchClosures).look();
    expect((await readiness('CT01')).closures).toMatchObject([{ reason: 'CT room 1 is being cleaned' }]);
  });

  it('nothing is cleaned behind a patient without, or behind a wrong worklist entry', async () => {
    await examine(await aBooked('ISO7'));
    const wrong = await aBooked('ISO8', { extension: [danger] });
    const uid = newUid();
    await service.create(uid, [wrong.item]);
    await service.set(uid, {
      PerformedProcedureStepStatus: 'DISCONTINUED',
      PerformedProcedureStepDiscontinuationReasonCodeSequence: [
        { CodeValue: '110514', CodingSchemeDesignator: 'DCM', CodeMeaning: 'wrong' },
      ],
    });
    expect([...(await tasks()), ...(await tasks('draft'))]).toEqual([]);
  });
});

describe('A set-up list', () => {
  it('is on the worklist and at the station, and what was used is recorded and stays', async () => {
    const one = await aBooked('SETUP');
    const { items } = await service.get<{ items: { appointmentId: string; setup: object[] }[] }>('/worklist');
    const headRest = { code: 'HEADREST', display: 'Head rest' };
    expect(items.find(({ appointmentId }) => appointmentId === one.appointmentId)!.setup).toEqual([headRest]);
    expect((await readiness('CT01')).setup).toMatchObject([{ procedure: 'CTHEAD', items: [headRest] }]);
    const uid = newUid();
    await service.create(uid, [one.item]);
    const record = async (body: object) =>
      (
        await fetch(`${service.url}/exams/${uid}/setup`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).status;
    expect(await record({ used: [{ code: 'HEADREST' }, { code: 'LEAD', display: 'Lead apron' }] })).toBe(200);
    expect(await record({ used: [{ code: 'NOTLISTED' }] })).toBe(422);
    expect(await record({ used: 'all' })).toBe(400);
    await service.set(uid, completed);
    const [exam] = (await service.procedures(uid)) as Procedure[];
    expect(exam).toMatchObject({
      status: 'completed',
      usedCode: [{ coding: [headRest] }, { coding: [{ code: 'LEAD' }] }],
    });
    const unknown = await fetch(`${service.url}/exams/1.2.3/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"used":[]}',
    });
    expect(unknown.status).toBe(404);
  });
});

describe('The roster', () => {
  it('says who is certified, and warns of who is not any more', async () => {
    const until = (code: string, end: string) => ({ code: { coding: [{ code }] }, period: { end } });
    const tara = {
      resourceType: 'Practitioner',
      id: 'tara',
      name: [{ text: 'Tara Technologist' }],
      qualification: [until('CT', '2020-12-31')],
    };
    const role = { resourceType: 'PractitionerRole', id: 'tara-ct', practitioner: { reference: 'Practitioner/tara' } };
    expect((await service.send('PUT', 'PractitionerRole/tara-ct', role)).status).toBe(422);
    const made = await service.send('PUT', 'Practitioner/tara', tara);
    expect(made.status).toBe(201);
    expect((await service.send('PUT', 'PractitionerRole/tara-ct', role)).status).toBe(201);
    expect(await readiness('CT01')).toMatchObject({
      isOpen: true,
      warnings: [
        'nobody who is certified for this station is on the roster now',
        'Tara Technologist: the certificate for CT is not valid',
      ],
    });
    const renewed = { ...tara, qualification: [until('CT', '2999')] };
    expect((await service.send('PUT', 'Practitioner/tara', renewed, { 'if-match': 'W/"7"' })).status).toBe(412);
    expect((await service.send('PUT', 'Practitioner/tara', renewed, ifMatch(made.body))).status).toBe(200);
    expect((await readiness('CT01')).warnings).toEqual([]);
    expect((await fetch(`${service.url}/stations/NONE/readiness`)).status).toBe(404);
  });
});
