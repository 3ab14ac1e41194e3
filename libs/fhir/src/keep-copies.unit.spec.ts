import { describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import type { FhirResource, Patient } from 'fhir/r4.js';
import type { FhirStore } from './fhir-store.js';
import { anAllergy } from '#testing';
import { keepCopies, madeBySomeoneElse } from './keep-copies.js';

const manager = {} as EntityManager;
const now = new Date('2026-03-02T08:00:00Z');
const patient = (family: string, versionId?: string): Patient => ({
  resourceType: 'Patient',
  id: 'p1',
  name: [{ family }],
  ...(versionId ? { meta: { versionId } } : {}),
});

/** The two functions of the store that copies need, in memory. */
function storeInMemory() {
  const kept = new Map<string, FhirResource>();
  let writes = 0;
  const store = {
    readMany: async (_: EntityManager, keys: { id: string }[]) => keys.flatMap(({ id }) => kept.get(id) ?? []),
    save: async (_: EntityManager, resources: FhirResource[]) =>
      resources.map((one) => {
        const saved = { ...one, meta: { ...one.meta, versionId: String(++writes + 100) } };
        kept.set(one.id!, saved);
        return saved;
      }),
  } as unknown as FhirStore;
  const keepAny = async <R extends FhirResource>(one: R) => (await keepCopies(store, manager, [one], now))[0]!;
  const keep = async (one: Patient) => (await keepAny(one)).name![0]!.family;
  return { keep, keepAny, writes: () => writes };
}

describe('Copies of a patient', () => {
  it('follow their owner, and an older one that arrives late changes nothing', async () => {
    const { keep } = storeInMemory();
    expect(await keep(patient('Old', '1'))).toBe('Old');
    expect(await keep(patient('New', '2'))).toBe('New');
    expect(await keep(patient('Old', '1'))).toBe('New');
  });

  it.each<[string, FhirResource, object]>([
    ['an allergy', anAllergy('Latex'), { code: { text: 'Latex and gloves' } }],
    ['a visit', { resourceType: 'Encounter', id: 'v', status: 'arrived', class: {} }, { status: 'finished' }],
  ])('are so of %s too', async (_what, told, newer) => {
    const { keepAny } = storeInMemory();
    const version = (versionId: string, changes = {}) => ({ ...told, ...changes, meta: { versionId } }) as FhirResource;
    await keepAny(version('2', newer));
    expect(await keepAny(version('1'))).toMatchObject(newer);
  });

  it('are written once for one content', async () => {
    const { keep, writes } = storeInMemory();
    await keep(patient('Same', '1'));
    await keep(patient('Same', '1'));
    expect(writes()).toBe(1);
  });

  it('are compared by what their owner said even when they come by way of another service', async () => {
    const { keep } = storeInMemory();
    await keep(patient('New', '2'));
    const copyOfOld = madeBySomeoneElse(patient('Old', '150'), 1);
    expect(await keep(copyOfOld)).toBe('New');
  });

  it('replace a stand-in, which replaces nothing', async () => {
    const { keep } = storeInMemory();
    const standIn = madeBySomeoneElse(patient('Unknown'), 0);
    expect(await keep(standIn)).toBe('Unknown');
    expect(await keep(patient('Known', '1'))).toBe('Known');
    expect(await keep(standIn)).toBe('Known');
  });
});
