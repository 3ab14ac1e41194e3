import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  Appointment,
  Bundle,
  CapabilityStatement,
  Encounter,
  OperationOutcome,
  Patient,
  Procedure,
  ServiceRequest,
  StructureDefinition,
  Task,
} from 'fhir/r4.js';
import { anAdtMessage, anOrmMessage, aPatient, until } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

const orderOf = async (number: string) => (await service.search<ServiceRequest>('ServiceRequest', number))[0]!;
const tasksOf = async (number: string, query = '') => {
  const { id } = await orderOf(number);
  const found = await service.get<Bundle<Task>>(`/fhir/Task?based-on=ServiceRequest/${id}${query}`);
  return (found.entry ?? []).map(({ resource }) => resource!);
};
const untilTask = (number: string, status: Task['status']) =>
  until(async () => (await tasksOf(number)).find((one) => one.status === status), { what: `the Task ${status}` });
/** Scheduling books an order that was placed by HL7. */
async function booked(number: string): Promise<Task> {
  await service.take(anOrmMessage({ mrn: number, placerOrderNumber: number }));
  const order = await orderOf(number);
  const appointment: Appointment = {
    resourceType: 'Appointment',
    id: `a-${number}`,
    status: 'booked',
    start: '2026-03-02T09:00:00Z',
    end: '2026-03-02T09:15:00Z',
    participant: [],
  };
  await service.tell('imaging.schedule.booked.v1', appointment, order, aPatient({ mrn: number }));
  return untilTask(number, 'accepted');
}
const examined = async (number: string, status: Procedure['status'], told: Partial<ServiceRequest> = {}) => {
  const order = await orderOf(number);
  const exam: Procedure = {
    resourceType: 'Procedure',
    id: `e-${number}`,
    status,
    subject: order.subject,
    performedPeriod: { start: '2026-03-02T09:01:00Z' },
  };
  const type = status === 'in-progress' ? 'started' : status === 'completed' ? 'completed' : 'discontinued';
  await service.tell(`imaging.schedule.exam-${type}.v1`, exam, aPatient({ mrn: number }), { ...order, ...told });
};
const put = (task: Task, status: Task['status'], headers = {}) =>
  service.send('PUT', `Task/${task.id}`, { ...task, status }, headers);
const issueOf = ({ body }: { body: unknown }) => (body as OperationOutcome).issue[0]!;

describe('The Task of an order', () => {
  it('says how far it is, from its booking on, and is found by the order and with it', async () => {
    await booked('T1');
    await examined('T1', 'in-progress');
    await untilTask('T1', 'in-progress');
    expect(await tasksOf('T1', '&business-status=started')).toHaveLength(1);
    await examined('T1', 'completed', { status: 'completed' });
    const done = await untilTask('T1', 'completed');
    expect((await orderOf('T1')).status).toBe('completed');
    const { entry } = await service.get<Bundle>(`/fhir/ServiceRequest?identifier=T1&_revinclude=Task:focus`);
    expect(entry!.map(({ resource, search }) => [resource!.id, search!.mode])).toEqual([
      [(await orderOf('T1')).id, 'match'],
      [done.id, 'include'],
    ]);
    const history = await service.get<Bundle<Task>>(`/fhir/Task/${done.id}/_history`);
    expect(history.entry!.map(({ resource }) => resource!.status)).toEqual(['completed', 'in-progress', 'accepted']);
  });

  it('cancels, holds and releases it, as an update of the order would', async () => {
    let task = await booked('T2');
    const told = (what: 'changed' | 'cancelled') =>
      service.published(`imaging.order.${what}.v1`, aPatient({ mrn: 'T2' }).id);
    for (const [status, expected] of [
      ['on-hold', 'on-hold'],
      ['accepted', 'active'],
      ['cancelled', 'revoked'],
    ] as const) {
      const answer = await put(task, status);
      expect([answer.status, (answer.body as Task).status, (await orderOf('T2')).status]).toEqual([
        200,
        status,
        expected,
      ]);
      task = answer.body;
    }
    expect([(await told('changed')).length, (await told('cancelled')).length]).toEqual([2, 1]);
    // Said again it changes nothing.
    expect((await put(task, 'cancelled')).headers.get('etag')).toBe(`W/"${task.meta!.versionId}"`);
  });

  it('follows an order that is cancelled by HL7, or by its own update', async () => {
    await booked('T3');
    await service.take(anOrmMessage({ mrn: 'T3', placerOrderNumber: 'T3', control: 'CA' }));
    expect((await tasksOf('T3'))[0]!.status).toBe('cancelled');
    await booked('T4');
    const order = await orderOf('T4');
    await service.send('PUT', `ServiceRequest/${order.id}`, { ...order, status: 'revoked' });
    expect((await tasksOf('T4'))[0]!.status).toBe('cancelled');
  });

  it('is not done by a client, nor changed from an older version, nor made', async () => {
    const task = await booked('T5');
    const done = await put(task, 'completed');
    expect([done.status, issueOf(done).expression]).toEqual([409, ['Task.status']]);
    expect((await put(task, 'cancelled', { 'if-match': 'W/"7"' })).status).toBe(412);
    expect((await service.send('PUT', 'Task/none', { ...task, id: 'none' })).status).toBe(404);
    expect((await service.send('POST', 'Task', task)).status).toBe(405);
    expect((await orderOf('T5')).status).toBe('active');
  });
});

describe('What the server asks beyond R4', () => {
  it('is published, and named by its CapabilityStatement', async () => {
    const { rest } = await service.get<CapabilityStatement>('/fhir/metadata');
    for (const { type, supportedProfile = [] } of rest![0]!.resource!) {
      expect([type, supportedProfile.length]).toEqual([
        type,
        /^(StructureDefinition|ValueSet|CodeSystem|Provenance)$/.test(type) ? 0 : 1,
      ]);
      for (const url of supportedProfile) {
        const found = await service.get<Bundle<StructureDefinition>>(`/fhir/StructureDefinition?url=${url}`);
        expect([found.total, found.entry![0]!.resource!.type]).toEqual([1, type]);
        expect(await service.get(`/fhir/StructureDefinition/${found.entry![0]!.resource!.id}`)).toEqual(
          found.entry![0]!.resource,
        );
      }
    }
    expect((await service.get<Bundle>('/fhir/CodeSystem?url=urn:collimator:procedure')).total).toBe(1);
    for (const path of ['StructureDefinition/none', 'ValueSet/none'])
      expect((await fetch(`${service.url}/fhir/${path}`)).status).toBe(404);
    expect((await fetch(`${service.url}/fhir/StructureDefinition?context=x`)).status).toBe(400);
  });

  it('is told all at once where an order breaks it', async () => {
    await service.take(anAdtMessage({ mrn: 'PROF' }));
    const { status, body } = await service.send('POST', 'ServiceRequest', {
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'proposal',
      doNotPerform: true,
      code: { coding: [{ code: 'NOSUCH' }] },
      subject: { reference: `Patient/${aPatient({ mrn: 'PROF' }).id}` },
    });
    const issues = (body as OperationOutcome).issue.map(({ expression, code }) => [expression![0], code]);
    expect(status).toBe(400);
    expect(issues).toEqual([
      ['ServiceRequest.identifier', 'required'],
      ['ServiceRequest.code.coding', 'code-invalid'],
      ['ServiceRequest.intent', 'value'],
      ['ServiceRequest.doNotPerform', 'value'],
    ]);
  });
});

describe('An update of what is known of a patient', () => {
  it('replaces it, but for the numbers it is known by elsewhere', async () => {
    const number = 'REPL1';
    const patient = aPatient({
      mrn: number,
      telecom: [{ system: 'phone', value: '1' }],
      identifier: [...aPatient({ mrn: number }).identifier!, { system: 'urn:x', value: 'X1' }],
    });
    const order = {
      resourceType: 'ServiceRequest',
      identifier: [{ system: 'urn:oid:2.25.1002', value: number }],
      status: 'active',
      intent: 'order',
      code: { coding: [{ code: 'CTHEAD' }] },
      subject: { reference: 'urn:uuid:p' },
    };
    const visit = {
      resourceType: 'Encounter',
      identifier: [{ system: 'urn:v', value: number }],
      status: 'arrived',
      class: { code: 'AMB' },
    };
    const send = async (method: 'POST' | 'PUT', ...resources: { resourceType: string; identifier?: object[] }[]) => {
      const entry = [...resources, order].map((resource) => {
        const { system, value } = resource.identifier![0] as { system: string; value: string };
        const url = method === 'PUT' ? `${resource.resourceType}?identifier=${system}|${value}` : resource.resourceType;
        return {
          ...(resource.resourceType === 'Patient' ? { fullUrl: 'urn:uuid:p' } : {}),
          resource,
          request: { method, url },
        };
      });
      expect((await service.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200);
    };
    const known = async (type: 'Patient' | 'Encounter') => (await service.search<Patient | Encounter>(type, number))[0];
    await send('POST', patient, { ...visit, period: { start: '2026-03-01', end: '2026-03-02' } } as never);
    // A create of what is known adds to it.
    await send('POST', aPatient({ mrn: number }), visit);
    expect([await known('Patient'), await known('Encounter')]).toMatchObject([
      { telecom: patient.telecom },
      { period: { end: '2026-03-02' } },
    ]);
    await send('PUT', aPatient({ mrn: number }), { ...visit, period: { start: '2026-03-01' } } as never);
    expect(await known('Patient')).not.toHaveProperty('telecom');
    expect(await known('Patient')).toMatchObject({ identifier: patient.identifier });
    expect(((await known('Encounter')) as Encounter).period).toEqual({ start: '2026-03-01' });
  });
});
