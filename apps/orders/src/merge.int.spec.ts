import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AllergyIntolerance, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import { patientIdOf } from '#fhir';
import { aMergeMessage, anAdtMessage, anOrmMessage } from '#testing';
import { AnOrdersService } from './an-orders-service.spec.js';

let service: AnOrdersService;
beforeAll(async () => (service = await AnOrdersService.start()), 60_000);
afterAll(() => service?.stop());

const idOf = (mrn: string) => patientIdOf({ system: 'urn:oid:2.25.1001', value: mrn });
const patientOf = (mrn: string) => service.get<Patient>(`/fhir/Patient/${idOf(mrn)}`);
const ordersOf = async (mrn: string) =>
  (await service.get<{ entry?: { resource: ServiceRequest }[] }>(`/fhir/ServiceRequest?patient=${idOf(mrn)}`)).entry
    ?.map(({ resource }) => resource.identifier![0]!.value)
    .sort() ?? [];
const order = (mrn: string, placerOrderNumber: string, more = {}) =>
  service.take(anOrmMessage({ mrn, placerOrderNumber, ...more }));
const merge = (prior: string, mrn: string, event?: string) => service.take(aMergeMessage({ prior, mrn, event }));
const taken = { code: 'AA' };

describe('A merge', () => {
  it('moves all that is known of the patient who is no more, and is told under their key', async () => {
    await service.take(anAdtMessage({ mrn: 'T1', visitNumber: 'V-T1', extra: ['AL1|1|DA|PEN^Penicillin'] }));
    await order('T1', 'T1-A', { accessionNumber: 'ACC-T1' });
    await order('R1', 'R1-A');
    expect(await merge('T1', 'R1')).toEqual(taken);

    expect(await patientOf('T1')).toMatchObject({
      active: false,
      link: [{ other: { reference: `Patient/${idOf('R1')}` }, type: 'replaced-by' }],
    });
    const survivor = await patientOf('R1');
    expect(survivor.link).toEqual([{ other: { reference: `Patient/${idOf('T1')}` }, type: 'replaces' }]);
    expect(survivor.identifier?.map(({ value, use }) => [value, use])).toEqual([
      ['R1', undefined],
      ['T1', 'old'],
    ]);
    expect([await ordersOf('R1'), await ordersOf('T1')]).toEqual([['R1-A', 'T1-A'], []]);
    for (const type of ['Encounter', 'AllergyIntolerance'])
      expect((await service.get<{ total: number }>(`/fhir/${type}?patient=${idOf('R1')}`)).total).toBe(1);

    const [told] = await service.published('imaging.patient.merged.v1', idOf('T1'));
    expect(told!.map(({ id }) => id)).toEqual([idOf('R1'), idOf('T1')]);
    expect(await service.published('imaging.patient.updated.v1', idOf('R1'))).toHaveLength(1);
    // The accession number went with its order.
    expect(await order('R1', 'R1-B', { accessionNumber: 'ACC-T1' })).toEqual(taken);
  });

  it('has whatever still comes for that patient go to the survivor, whose own data it does not touch', async () => {
    await order('R2', 'R2-A');
    expect(await merge('T2', 'R2')).toEqual(taken);
    const before = await patientOf('R2');
    expect(await order('T2', 'T2-A', { familyName: 'UNKNOWN' })).toEqual(taken);
    expect(await service.take(anAdtMessage({ mrn: 'T2', visitNumber: 'V-T2', familyName: 'UNKNOWN' }))).toEqual(taken);
    expect(await ordersOf('R2')).toEqual(['R2-A', 'T2-A']);
    expect(await patientOf('R2')).toEqual(before);
    expect((await service.search<Encounter>('Encounter', 'V-T2'))[0]?.subject).toEqual({
      reference: `Patient/${idOf('R2')}`,
    });
    expect(await service.published('imaging.order.placed.v1', idOf('R2'))).toHaveLength(2);
    expect(await order('T2', 'T2-A', { control: 'CA' })).toEqual(taken);
    expect(await service.published('imaging.order.cancelled.v1', idOf('R2'))).toHaveLength(1);
  });

  it('said again, or of a patient into themself, changes nothing', async () => {
    await order('T3', 'T3-A');
    for (const event of ['A40', 'A40', 'A34', 'A36', 'A47']) expect(await merge('T3', 'R3', event)).toEqual(taken);
    expect(await merge('R3', 'R3')).toEqual(taken);
    expect(await service.published('imaging.patient.merged.v1', idOf('T3'))).toHaveLength(1);
    expect((await patientOf('R3')).meta?.versionId).toBe('1');
  });

  it('of one who was merged already takes all with it, however long the chain', async () => {
    for (const mrn of ['C1', 'C2', 'C3']) await order(mrn, `${mrn}-A`);
    await merge('C1', 'C2');
    await merge('C2', 'C3');
    expect(await ordersOf('C3')).toEqual(['C1-A', 'C2-A', 'C3-A']);
    await order('C1', 'C1-B');
    expect(await ordersOf('C3')).toEqual(['C1-A', 'C1-B', 'C2-A', 'C3-A']);
    // And back: the first survives after all.
    expect(await merge('C3', 'C1')).toEqual(taken);
    expect(await ordersOf('C1')).toEqual(['C1-A', 'C1-B', 'C2-A', 'C3-A']);
    expect((await patientOf('C1')).active).toBeUndefined();
    await order('C2', 'C2-B');
    expect(await ordersOf('C1')).toEqual(['C1-A', 'C1-B', 'C2-A', 'C2-B', 'C3-A']);
  });

  it('at the same moment as its opposite and as orders loses nothing', async () => {
    const work = Array.from({ length: 6 }, (_, n) => [
      merge('X1', 'X2'),
      merge('X2', 'X1'),
      order('X1', `X1-${n}`),
      order('X2', `X2-${n}`),
    ]);
    const answers = await Promise.all(work.flat());
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['AA']));
    const all = [...(await ordersOf('X1')), ...(await ordersOf('X2'))].sort();
    expect(all).toEqual(
      Array.from({ length: 6 }, (_, n) => [`X1-${n}`, `X2-${n}`])
        .flat()
        .sort(),
    );
    // All of them are with the one who stands.
    expect([(await ordersOf('X1')).length, (await ordersOf('X2')).length].sort()).toEqual([0, 12]);
  });

  it('that cannot be read is refused, with its place', async () => {
    expect(await service.take(aMergeMessage({ prior: '', mrn: 'R4' }))).toMatchObject({
      code: 'AE',
      error: '101',
      place: 'MRG^1^1',
    });
  });
});

describe('Allergies after a merge', () => {
  it('are those of both', async () => {
    await service.take(anAdtMessage({ mrn: 'T5', extra: ['AL1|1|DA|PEN^Penicillin'] }));
    await service.take(anAdtMessage({ mrn: 'R5', extra: ['AL1|1|DA|LTX^Latex'] }));
    await merge('T5', 'R5');
    const found = await service.get<{ entry: { resource: AllergyIntolerance }[] }>(
      `/fhir/AllergyIntolerance?patient=${idOf('R5')}`,
    );
    expect(found.entry.map(({ resource }) => resource.code?.text).sort()).toEqual(['Latex', 'Penicillin']);
  });
});
