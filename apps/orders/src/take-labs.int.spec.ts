import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Observation, Patient } from 'fhir/r4.js';
import { anAdtMessage } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => {
  const emr = { application: 'EMR', facility: 'SGH', sends: ['orders' as const, 'admissions' as const] };
  service = await AnOrdersService.start({ senders: [emr, { application: 'LAB', facility: 'SGH', sends: ['labs'] }] });
}, 60_000);
afterAll(() => service?.stop());

const oru = (mrn: string, controlId: string, application = 'LAB') =>
  [
    `MSH|^~\\&|${application}|SGH|COLLIMATOR|SGH|20260302080000||ORU^R01|${controlId}|P|2.5.1||||||UNICODE UTF-8`,
    `PID|1||${mrn}^^^SGH^MR||TESTER^T`,
    'OBR|1|||CHEM^Chemistry^L|||20260302070000',
    'OBX|1|NM|2160-0^Creatinine^LN||2.4|mg/dL|||||F',
  ].join('\r') + '\r';

describe('A laboratory', () => {
  it('tells values, which are news of the patient, and changes nothing else of them', async () => {
    expect((await service.take(anAdtMessage({ mrn: 'LAB1' }))).code).toBe('AA');
    const [patient] = await service.search<Patient>('Patient', 'LAB1');
    expect((await service.take(oru('LAB1', 'LAB1'))).code).toBe('AA');
    const [event, ...others] = await service.published('imaging.patient.updated.v1', patient!.id!);
    expect(others).toEqual([]);
    const observation = event!.find((one): one is Observation => one.resourceType === 'Observation');
    expect(observation).toMatchObject({
      effectiveDateTime: '2026-03-02T07:00:00+01:00',
      valueQuantity: { value: 2.4, unit: 'mg/dL' },
    });
    expect((await service.search<Patient>('Patient', 'LAB1'))[0]).toEqual(patient);
    // The same values in another message are no news.
    await service.take(oru('LAB1', 'LAB1-AGAIN'));
    expect(await service.published('imaging.patient.updated.v1', patient!.id!)).toHaveLength(1);
  });
  it('makes a patient known who was not', async () => {
    expect((await service.take(oru('LAB2', 'LAB2'))).code).toBe('AA');
    const [patient] = await service.search<Patient>('Patient', 'LAB2');
    expect(
      (await service.published('imaging.patient.registered.v1', patient!.id!))[0]!.map((one) => one.resourceType),
    ).toEqual(['Patient', 'Observation']);
  });
  it('must be one of the site file', async () => {
    expect((await service.take(oru('LAB3', 'LAB3', 'EMR'))).code).toBe('AR');
  });
});
