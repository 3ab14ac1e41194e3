import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from 'fhir/r4.js';
import type { Dataset } from '#dicom';
import { aPatient, aServiceRequest } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

/** What was recorded since a moment. */
async function recordedBy(work: () => Promise<unknown>): Promise<{ agent: string; body: AuditEvent }[]> {
  await service.sql('TRUNCATE audit_event, audit_content');
  await work();
  return service.sql('SELECT agent, body FROM audit ORDER BY recorded, id');
}
const patientsOf = ({ entity = [] }: AuditEvent) =>
  entity.map(({ what }) => what?.reference).filter((one) => one?.startsWith('Patient/'));
const keysOf = ({ entity = [] }: AuditEvent) =>
  entity.flatMap(({ query }) => (query === undefined ? [] : [Buffer.from(query, 'base64').toString()]));

async function aListed(name: string) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  await service.tell('imaging.order.placed.v1', order, patient);
  return { patient, item: await service.listed(name) };
}

describe('A worklist that a modality asks for', () => {
  it('is recorded: by which AE title, from where, whom it saw, and by which keys', async () => {
    const one = await aListed('ZZAUDIT1');
    await aListed('ZZAUDIT2');
    const step = { ScheduledStationAETitle: 'CT01' };
    const records = await recordedBy(() => service.find({ AccessionNumber: 'ZZAUDIT1' }, step));
    expect(records).toHaveLength(1);
    const [{ agent, body }] = records as [(typeof records)[0]];
    expect(agent).toBe('CT01');
    expect(body).toMatchObject({
      type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110112', display: 'Query' },
      subtype: [{ code: 'RAD-5' }],
      action: 'E',
      outcome: '0',
    });
    expect(body.agent[0]).toMatchObject({ who: { display: 'CT01' }, altId: 'AETITLES=CT01', requestor: true });
    expect(body.agent[0]!.network).toEqual({ address: expect.stringContaining('127.0.0.1'), type: '2' });
    expect(patientsOf(body)).toEqual([`Patient/${one.patient.id}`]);
    expect(keysOf(body)).toEqual(['AccessionNumber,ScheduledStationAETitle']);
    expect(JSON.stringify(body)).not.toContain('ZZAUDIT');
  });

  it('is recorded though nobody is on it', async () => {
    const records = await recordedBy(() => service.find({ PatientID: 'ZZNOBODY' }, {}, 'DX01'));
    expect(records.map(({ agent, body }) => [agent, patientsOf(body), keysOf(body)])).toEqual([
      ['DX01', [], ['PatientID']],
    ]);
  });

  it('is recorded once for the patients of a page, however many steps they have', async () => {
    const records = await recordedBy(() => service.find());
    expect(records).toHaveLength(1);
    expect(new Set(patientsOf(records[0]!.body)).size).toBe(patientsOf(records[0]!.body).length);
    expect(patientsOf(records[0]!.body).length).toBeGreaterThan(1);
  });

  it('is recorded each time it is asked for again, and who was seen is kept once', async () => {
    const again = { ScheduledStationAETitle: 'CT01' };
    const records = await recordedBy(async () => {
      for (let asked = 0; asked < 3; asked++) await service.find({}, again);
    });
    expect(records).toHaveLength(3);
    expect(new Set(records.map(({ body }) => body.id)).size).toBe(3);
    for (const { body } of records) expect(patientsOf(body)).toEqual(patientsOf(records[0]!.body));
    expect(await service.sql('SELECT FROM audit_content')).toHaveLength(1);
    const { patient } = await aListed('ZZAUDIT4');
    await service.find({}, again);
    const [{ body }] = (await service.sql('SELECT body FROM audit ORDER BY recorded DESC LIMIT 1')) as [
      (typeof records)[0],
    ];
    expect(patientsOf(body)).toContain(`Patient/${patient.id}`);
    expect(patientsOf(body)).toHaveLength(patientsOf(records[0]!.body).length + 1);
  });

  it.each(['audit_event', 'audit_content'])(
    'is not given where it cannot be recorded, %s being away',
    async (table) => {
      await service.sql(`ALTER TABLE ${table} RENAME TO audit_away`);
      try {
        await expect(service.find({}, {}, 'DX01')).rejects.toThrow(`C-FIND ended with ${0xc001}`);
      } finally {
        await service.sql(`ALTER TABLE audit_away RENAME TO ${table}`);
      }
      expect((await service.find()).length).toBeGreaterThan(1);
    },
  );
});

describe('An exam that a modality reports', () => {
  const create = (uid: string, item: Dataset) => service.create(uid, [item]);

  it('is recorded with its beginning and its end, in the transaction of each', async () => {
    const { patient, item } = await aListed('ZZAUDIT3');
    const uid = `1.2.826.0.1.3680043.9.${process.pid}.77`;
    const records = await recordedBy(async () => {
      expect((await create(uid, item)).status).toBe(0);
      // Refused, and so nothing to record: it is there already.
      expect((await create(uid, item)).status).toBe(0x0111);
      expect((await service.set(uid, { PerformedProcedureStepStatus: 'COMPLETED' })).status).toBe(0);
    });
    expect(records.map(({ agent, body }) => [agent, body.type.code, body.subtype![0]!.code, body.action])).toEqual([
      ['CT01', '110111', 'RAD-6', 'C'],
      ['CT01', '110111', 'RAD-7', 'U'],
    ]);
    const [procedure] = await service.procedures(uid);
    for (const { body } of records)
      expect(body.entity!.map(({ what }) => what!.reference)).toEqual([
        `Patient/${patient.id}`,
        `Procedure/${procedure!.id}`,
      ]);
  });
});
