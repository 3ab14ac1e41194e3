import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPatient, aServiceRequest } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import type { UncertifiedExam } from './uncertified-exams.store.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

const listed = async () => (await service.get<{ exams: UncertifiedExam[] }>('/uncertified-exams')).exams;

describe('An exam of somebody who is not certified for it', () => {
  it('is taken like any other, says so on its Procedure, and is listed', async () => {
    const put = (id: string, family: string, code: string) =>
      service.send('PUT', `Practitioner/${id}`, {
        resourceType: 'Practitioner',
        id,
        name: [{ family, given: ['Pat'] }],
        qualification: [{ code: { coding: [{ code }] } }],
      });
    expect((await put('certified', 'Certified', 'CT')).status).toBe(201);
    expect((await put('of-mr', 'Magnet', 'MR')).status).toBe(201);
    const patient = aPatient({ mrn: 'ZZOPERATED' });
    const order = aServiceRequest({ placerOrderNumber: 'ZZOPERATED', accessionNumber: 'ZZOPERATED', patient });
    await service.tell('imaging.order.placed.v1', order, patient);
    const item = await service.listed('ZZOPERATED');
    const uid = `1.2.826.0.1.3680043.11.${process.pid}`;
    const series = (OperatorsName: string | string[]) => [{ SeriesInstanceUID: '1.5', OperatorsName }];

    expect((await service.create(uid, [item], { PerformedSeriesSequence: series('Certified^Pat') })).status).toBe(0);
    expect(await listed()).toEqual([]);
    const end = {
      PerformedProcedureStepStatus: 'COMPLETED',
      PerformedSeriesSequence: series(['Certified^Pat', 'Magnet^Pat', 'Nobody^Ned']),
    };
    expect((await service.set(uid, end)).status).toBe(0);

    const [procedure] = await service.procedures(uid);
    expect(
      procedure!.performer!.map(({ actor, extension }) => [
        actor.reference ?? actor.display,
        extension?.[0]?.valueCode,
      ]),
    ).toEqual([
      [expect.stringMatching(/^Device\//), undefined],
      ['Practitioner/certified', 'certified'],
      ['Practitioner/of-mr', 'not-certified'],
      ['Nobody^Ned', 'unknown'],
    ]);
    const exams = await listed();
    expect(exams).toEqual([
      {
        procedureId: procedure!.id,
        status: 'completed',
        station: 'CT01',
        startedAt: '2026-03-02T09:00:00+01:00',
        operators: [
          { name: 'Magnet^Pat', practitionerId: 'of-mr', certification: 'not-certified' },
          { name: 'Nobody^Ned', certification: 'unknown' },
        ],
      },
    ]);
    expect(JSON.stringify(exams)).not.toContain('ZZOPERATED');
  });
});

describe('A room', () => {
  it('is occupied while an exam goes on there, and stays open', async () => {
    const patient = aPatient({ mrn: 'ZZROOM' });
    const order = aServiceRequest({ placerOrderNumber: 'ZZROOM', accessionNumber: 'ZZROOM', patient });
    await service.tell('imaging.order.placed.v1', order, patient);
    const item = await service.listed('ZZROOM');
    const uid = `1.2.826.0.1.3680043.11.${process.pid}.2`;
    const roomOf = async () =>
      (
        await service.get<{ rooms: { name: string; operationalStatus: string; occupiedSince?: string }[] }>('/rooms')
      ).rooms.find(({ name }) => name === 'CT room 1')!;
    expect((await roomOf()).operationalStatus).toBe('U');
    expect((await service.create(uid, [item])).status).toBe(0);
    expect(await roomOf()).toMatchObject({ operationalStatus: 'O', occupiedSince: '2026-03-02T08:00:00.000Z' });
    const readiness = await service.get<{ isOpen: boolean; room: { operationalStatus: string } }>(
      '/stations/CT01/readiness',
    );
    expect([readiness.isOpen, readiness.room.operationalStatus]).toEqual([true, 'O']);
    expect((await service.set(uid, { PerformedProcedureStepStatus: 'COMPLETED' })).status).toBe(0);
    expect((await roomOf()).operationalStatus).toBe('U');
  });
});
