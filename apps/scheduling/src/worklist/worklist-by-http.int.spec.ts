import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScuAssociation, sopClasses } from '#dicom';
import { aPatient, aServiceRequest } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';

let service: ASchedulingService;
const patient = aPatient({ mrn: '700004', name: [{ family: '山田', given: ['太郎'] }] });
beforeAll(async () => {
  service = await ASchedulingService.start();
  const dated = { occurrenceDateTime: '2026-03-12T10:00:00+01:00' };
  await service.tell(
    'imaging.order.placed.v1',
    aServiceRequest({ placerOrderNumber: 'CT', accessionNumber: 'CT', patient, ...dated }),
    patient,
  );
  const xray = { code: 'XRCHEST2', display: 'X-ray chest two views' };
  await service.tell(
    'imaging.order.placed.v1',
    aServiceRequest({
      placerOrderNumber: 'DX',
      accessionNumber: 'DX',
      procedure: xray,
      patient,
      occurrenceDateTime: '2026-03-13T10:00:00+01:00',
    }),
    patient,
  );
  await service.listed('CT');
  await service.listed('DX');
}, 60_000);
afterAll(() => service?.stop());

const DICOM_JSON = 'application/dicom+json';
type Json = Record<string, { vr: string; Value?: unknown[] }>;
const accessionsOf = (items: Json[]) => items.map((one) => one['00080050']!.Value![0]);
const list = async (query: string) => fetch(`${service.url}/worklist?${query}`, { headers: { accept: DICOM_JSON } });
const ask = (body: object) =>
  fetch(`${service.url}/worklist/query`, {
    method: 'POST',
    headers: { 'content-type': DICOM_JSON },
    body: JSON.stringify(body),
  });

describe('The worklist by HTTP', () => {
  it('is in the DICOM JSON model for who asks for it', async () => {
    const response = await list('aeTitle=CT01&date=2026-03-12');
    expect(response.headers.get('content-type')).toContain(DICOM_JSON);
    const [item, ...others] = (await response.json()) as Json[];
    expect(others).toEqual([]);
    expect(item!['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: '山田^太郎' }] });
    expect(item!['00400100']).toMatchObject({
      vr: 'SQ',
      Value: [{ '00400001': { vr: 'AE', Value: ['CT01'] }, '00400020': { vr: 'CS', Value: ['SCHEDULED'] } }],
    });
  });

  it.each<[string, object, string[]]>([
    ['everything', {}, ['CT', 'DX']],
    ['a patient', { '00100020': { vr: 'LO', Value: ['700004'] } }, ['CT', 'DX']],
    ['another patient', { '00100020': { vr: 'LO', Value: ['70000'] } }, []],
    ['a name by its beginning', { '00100010': { vr: 'PN', Value: [{ Alphabetic: '山*' }] } }, ['CT', 'DX']],
    ['a station', { '00400100': { vr: 'SQ', Value: [{ '00400001': { vr: 'AE', Value: ['DX01'] } }] } }, ['DX']],
    ['days', { '00400100': { Value: [{ '00400002': { vr: 'DA', Value: ['-20260312'] } }] } }, ['CT']],
  ])('is queried as by C-FIND: %s', async (_case, query, expected) => {
    const response = await ask(query);
    expect([response.status, accessionsOf((await response.json()) as Json[])]).toEqual([200, expected]);
  });

  it('says what is wrong with a query, without quoting it', async () => {
    const response = await ask({ '00100020': { vr: 'LO', Value: '700004' } });
    expect(response.status).toBe(400);
    const body = await response.text();
    expect(body).toContain('PatientID');
    expect(body).not.toContain('700004');
  });

  it('records who saw whom by which keys, not by which values', async () => {
    await ask({ '00100020': { vr: 'LO', Value: ['700004'] } });
    const [audit] = await service.sql<{ body: object }>('SELECT body FROM audit_event ORDER BY recorded DESC LIMIT 1');
    const said = JSON.stringify(audit!.body);
    expect(said).toContain(`Patient/${patient.id}`);
    expect(Buffer.from(/"query":"([^"]*)"/.exec(said)![1]!, 'base64').toString()).toBe('PatientID');
  });

  it('is exported as an archive, of one station where it is asked for', async () => {
    const response = await fetch(`${service.url}/worklist/export?aeTitle=DX01`);
    expect(response.headers.get('content-type')).toBe('application/x-tar');
    const archive = Buffer.from(await response.arrayBuffer()).toString('utf8');
    expect(archive.match(/COLLIMATOR\/[0-9a-f-]{36}\.wl/g)).toHaveLength(1);
    expect(archive).toContain('<h1>X-ray 1 (DX01), X-ray room 1</h1>');
    const [audit] = await service.sql<{ body: object }>('SELECT body FROM audit_event ORDER BY recorded DESC LIMIT 1');
    expect(JSON.stringify(audit!.body)).toContain(`Patient/${patient.id}`);
  });
});

describe('The metrics of DICOM', () => {
  it('are by the AE titles of the site, and know no other', async () => {
    const options = { host: '127.0.0.1', port: service.infrastructure.dicom!.port, calledAeTitle: 'COLLIMATOR' };
    const stranger = ScuAssociation.open({ ...options, callingAeTitle: 'STRANGER' }, [sopClasses.verification]);
    await expect(stranger).rejects.toThrow('association not accepted');
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/collimator_dicom_associations_total\{peer="CT01",outcome="accepted"\} 1/);
    expect(metrics).toMatch(/collimator_dicom_associations_total\{peer="other",outcome="rejected"\} 1/);
    expect(metrics).toMatch(
      /collimator_dimse_duration_seconds_count\{peer="CT01",operation="C-FIND",status="0x0000"\} [1-9]/,
    );
    expect(metrics).not.toContain('STRANGER');
  });
});
