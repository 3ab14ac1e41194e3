import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Practitioner, ServiceRequest, Task } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { deviceIdOf, locationIdOf } from './site-resources.decider.js';

let service: ASchedulingService;
beforeAll(async () => {
  service = await ASchedulingService.start({
    requireCertified: true,
    turnover: { isolationMinutes: 30, autoRelease: true },
  });
}, 60_000);
afterAll(() => service?.stop());

const isOpen = async () => (await service.get<{ isOpen: boolean }>('/stations/CT01/readiness')).isOpen;
const told = async (type: 'closed' | 'opened') =>
  (await service.published(`imaging.schedule.station-${type}.v1`, deviceIdOf('CT01'))).length;

/** Somebody who works everywhere and always, certified for CT for so many milliseconds from now. */
async function certify(id: string, milliseconds: number) {
  const end = new Date(Date.now() + milliseconds).toISOString();
  const stated = {
    resourceType: 'Practitioner',
    id,
    qualification: [{ code: { coding: [{ code: 'CT' }] }, period: { end } }],
  };
  const { meta } = await service.get<Partial<Practitioner>>(`/fhir/Practitioner/${id}`);
  const ifMatch: Record<string, string> = meta ? { 'if-match': `W/"${meta.versionId}"` } : {};
  await service.send('PUT', `Practitioner/${id}`, stated, ifMatch);
  await service.send('PUT', `PractitionerRole/${id}`, {
    resourceType: 'PractitionerRole',
    id,
    practitioner: { reference: `Practitioner/${id}` },
  });
}
async function aListed(name: string, overrides: Partial<ServiceRequest> = {}) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ ...overrides, placerOrderNumber: name, accessionNumber: name, patient });
  await service.tell('imaging.order.placed.v1', order, patient);
  return service.listed(name);
}

describe('A station whose site wants certified staff', () => {
  it('is open while somebody certified is on the roster, and closes when the certificate expires', async () => {
    expect(await isOpen()).toBe(false);
    await certify('tara', 3_600_000);
    expect(await isOpen()).toBe(true);
    await aListed('CERT');
    const closed = await told('closed');
    await certify('tara', 1500);
    await service.unlisted('CERT');
    // Nobody said anything: the clock did.
    await until(async () => (await told('closed')) === closed + 1, { what: 'the closure to be told' });
    await certify('tara', 3_600_000);
    await service.listed('CERT');
  });
});

describe('A room whose turnover time is enough by the site', () => {
  it('opens by itself when it is over, also behind a restart', async () => {
    await certify('rolf', 3_600_000);
    const danger = { url: extensions.danger, valueCodeableConcept: { text: 'MRSA' } };
    const item = await aListed('TURNOVER', { extension: [danger] });
    const uid = `1.2.826.0.1.3680043.11.${process.pid}`;
    await service.create(uid, [item]);
    await service.set(uid, {
      PerformedProcedureStepStatus: 'COMPLETED',
      PerformedProcedureStepEndDate: '20260302',
      PerformedProcedureStepEndTime: '091500',
      PerformedSeriesSequence: [],
    });
    const [task] = await service.read<Task>('Task', 'status=requested');
    expect(await isOpen()).toBe(false);
    const [start, end] = [-31, -1].map((minutes) => new Date(Date.now() + minutes * 60_000).toISOString());
    await service.sql("UPDATE resource SET body = jsonb_set(body, '{restriction,period}', $2) WHERE id = $1", [
      task!.id,
      JSON.stringify({ start, end }),
    ]);
    await service.restart();
    await until(isOpen, { what: 'the room to open' });
    const released = await until(() => service.read<Task>('Task', 'status=completed').then(([one]) => one), {
      what: 'the Task to be completed',
    });
    expect(released).toMatchObject({ id: task!.id, statusReason: { text: 'the turnover time is over' } });
    expect(await service.get(`/fhir/Location/${locationIdOf('CT room 1')}`)).toMatchObject({
      operationalStatus: { code: 'U' },
    });
  });
});
