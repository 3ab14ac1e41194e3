import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Patient, Provenance, ServiceRequest } from 'fhir/r4.js';
import { aMergeMessage, anAdtMessage, anOrmMessage } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

const orderOf = async (number: string) => (await service.search<ServiceRequest>('ServiceRequest', number))[0]!;
const patientOf = async (number: string) => (await service.search<Patient>('Patient', number))[0]!;
const found = async (query: string) => {
  const bundle = await service.get<Bundle<Provenance>>(`/fhir/Provenance?${query}`);
  return (bundle.entry ?? []).map(({ resource }) => resource!);
};
/** A message with ORC-10 entered by and ORC-11 verified by. */
const enteredBy = (who: string, parts: Parameters<typeof anOrmMessage>[0]) =>
  Buffer.from(anOrmMessage(parts).toString().replace('|||||||9001', `||||20260302080000|${who}|34^Pruefer^Petra|9001`));
const actsOf = ({ activity, agent }: Provenance) => [
  activity?.coding?.[0]?.code,
  ...agent.map(({ type, who }) => `${type?.coding?.[0]?.code} ${who.display}`),
];

describe('Who entered and verified an order', () => {
  it('is found by the order, for each thing asked of it', async () => {
    const order = { mrn: 'PROV1', placerOrderNumber: 'PROV1' };
    expect(await service.take(enteredBy('33^Schreiber^Sina', order))).toEqual({ code: 'AA' });
    expect(await service.take(enteredBy('35^Tuer^Tina', { ...order, control: 'CA' }))).toEqual({ code: 'AA' });
    const all = await found(`target=ServiceRequest/${(await orderOf('PROV1')).id}`);
    expect(all.map(actsOf)).toEqual([
      ['CREATE', 'enterer Sina Schreiber', 'verifier Petra Pruefer', 'author Rita Referrer'],
      ['CANCEL', 'enterer Tina Tuer', 'verifier Petra Pruefer', 'author Rita Referrer'],
    ]);
    expect(await found(`patient=${(await patientOf('PROV1')).id}`)).toHaveLength(2);
    expect(await found(`target=${(await orderOf('PROV1')).id}`)).toHaveLength(2);
    expect(await found('target=ServiceRequest/another')).toEqual([]);
  });

  it('is said once, however often the message comes, and not of a message that changes nothing', async () => {
    const order = { mrn: 'PROV2', placerOrderNumber: 'PROV2' };
    for (const controlId of ['PROV2a', 'PROV2a', 'PROV2b'])
      await service.take(enteredBy('33^Schreiber^Sina', { ...order, controlId }));
    await service.take(enteredBy('35^Tuer^Tina', order));
    expect(await found(`target=ServiceRequest/${(await orderOf('PROV2')).id}`)).toHaveLength(1);
  });

  it('is not told where the message names only who ordered it', async () => {
    await service.take(anOrmMessage({ mrn: 'PROV3', placerOrderNumber: 'PROV3' }));
    expect(await found(`target=ServiceRequest/${(await orderOf('PROV3')).id}`)).toEqual([]);
  });

  it('goes with the patient who is merged into another', async () => {
    await service.take(enteredBy('33^Schreiber^Sina', { mrn: 'PROV4', placerOrderNumber: 'PROV4' }));
    await service.take(anAdtMessage({ mrn: 'PROV5' }));
    await service.take(aMergeMessage({ mrn: 'PROV5', prior: 'PROV4' }));
    const survivor = (await patientOf('PROV5')).id;
    expect(await found(`patient=${survivor}`)).toMatchObject([
      {
        target: [{ reference: `ServiceRequest/${(await orderOf('PROV4')).id}` }, { reference: `Patient/${survivor}` }],
      },
    ]);
  });
});

describe('Who told of an admission', () => {
  it('is found by the patient and the visit', async () => {
    const message = anAdtMessage({ mrn: 'PROV6', visitNumber: 'PROV6' })
      .toString()
      .replace('EVN||20260302080000', 'EVN||20260302080000||01|66^Aufnahme^Anna');
    expect(await service.take(Buffer.from(message))).toEqual({ code: 'AA' });
    const [event] = await found(`target=Patient/${(await patientOf('PROV6')).id}`);
    expect(event).toMatchObject({
      agent: [{ who: { display: 'Anna Aufnahme' } }],
      activity: { coding: [{ display: 'event - ADT^A04' }] },
    });
    expect(await found(`target=${event!.target[1]!.reference}`)).toHaveLength(1);
  });
});
