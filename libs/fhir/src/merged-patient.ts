import type { Bundle, FhirResource, Patient, PatientLink } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { FhirStore } from './fhir-store.js';
import { referencedId } from './identity.js';

/** A patient whose record was merged into another's, by internal ids. */
interface Merged {
  from: string;
  to: string;
}

/** The patient that replaces this one (FHIR R4 Patient.link), undefined where none does. */
export function replacedBy(patient: Patient | undefined): string | undefined {
  const link = patient?.link?.find(({ type }) => type === 'replaced-by');
  return referencedId(link?.other.reference, 'Patient');
}

/**
 * Two patients whose records are merged: the prior one is no more and says who replaces it, the surviving one has its
 * numbers as old ones.
 *
 * @param isTurnedRound the survivor was merged into the prior one before, if over others: that is taken back
 */
export function mergePatients(
  prior: Patient,
  survivor: Patient,
  isTurnedRound: boolean,
): { prior: Patient; survivor: Patient } {
  const linksWithout = ({ link = [] }: Patient, other: string, type?: PatientLink['type']) =>
    link.filter((one) => one.type !== type && one.other.reference !== `Patient/${other}`);
  const toSurvivor: PatientLink = { other: { reference: `Patient/${survivor.id}` }, type: 'replaced-by' };
  const toPrior: PatientLink = { other: { reference: `Patient/${prior.id}` }, type: 'replaces' };
  const own = survivor.identifier ?? [];
  const old = (prior.identifier ?? [])
    .filter((one) => !own.some(({ system, value }) => system === one.system && value === one.value))
    .map((one) => ({ ...one, use: 'old' as const }));
  const { active, ...standing } = survivor;
  return {
    prior: { ...prior, active: false, link: [...linksWithout(prior, survivor.id!, 'replaced-by'), toSurvivor] },
    survivor: {
      ...standing,
      ...(isTurnedRound || active === undefined ? {} : { active }),
      identifier: [...own, ...old],
      link: [...linksWithout(survivor, prior.id!, isTurnedRound ? 'replaced-by' : undefined), toPrior],
    },
  };
}

/** A resource that refers to one patient, referring to the other; a copy where it does, else the resource itself. */
export function rekeyed<T>(value: T, { from, to }: Merged): T {
  if (typeof value === 'string') return (value === `Patient/${from}` ? `Patient/${to}` : value) as T;
  if (Array.isArray(value))
    return sameIfSame(
      value,
      value.map((one) => rekeyed(one, { from, to })),
    ) as T;
  if (!value || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const changed = entries.map(([name, one]) => [name, rekeyed(one, { from, to })] as const);
  return changed.some(([, one], index) => one !== entries[index]![1]) ? (Object.fromEntries(changed) as T) : value;
}

function sameIfSame(before: unknown[], after: unknown[]): unknown[] {
  return after.some((one, index) => one !== before[index]) ? after : before;
}

/** What is said of a patient who is no more, as said of the one who stands for them, whose own data it does not touch. */
export async function bundleOfSurvivor(bundle: Bundle, merged: Merged, manager: EntityManager): Promise<Bundle> {
  const survivor = await new FhirStore().read(manager, 'Patient', merged.to);
  const said = (resource: FhirResource): FhirResource =>
    resource.resourceType === 'Patient' && resource.id === merged.from && survivor
      ? survivor
      : rekeyed(resource, merged);
  const entry = bundle.entry?.map((one) =>
    one.resource ? { ...one, resource: said(one.resource as FhirResource) } : one,
  );
  return { ...bundle, entry };
}

/** Keeps which patient stands for which. */
export interface Survivors {
  put(manager: EntityManager, merged: Merged): Promise<void>;
  clear(manager: EntityManager, patientId: string): Promise<void>;
}

/**
 * Moves everything stored of patients that were merged to those that stand for them now. What is so is read from the
 * newest versions of the patients as they are stored, so that merges that are told twice, late, or in another order come
 * to the same end.
 *
 * @param patients as they are stored
 * @returns who was moved to whom
 */
export async function moveMerged(
  store: FhirStore,
  survivors: Survivors,
  patients: readonly Patient[],
  { manager, now, lock }: { manager: EntityManager; now: Date; lock(patientId: string): Promise<void> },
): Promise<Merged[]> {
  const moved: Merged[] = [];
  for (const patient of patients) {
    const merged = { from: patient.id!, to: (await chainOf(store, manager, patient)).at(-1) ?? patient.id! };
    if (merged.from === merged.to) {
      await survivors.clear(manager, merged.from);
      continue;
    }
    await lock(merged.to);
    await survivors.put(manager, merged);
    const own = (await store.aboutPatient(manager, merged.from)).filter((one) => one.resourceType !== 'Patient');
    const changed = own.map((one) => rekeyed(one, merged));
    await store.save(manager, changed, now);
    moved.push(merged);
  }
  return moved;
}

/** Who stands for a patient, and for that one, to the end of the chain of merges; empty for one who stands for themself. */
export async function chainOf(store: FhirStore, manager: EntityManager, patient: Patient): Promise<string[]> {
  const chain: string[] = [];
  let current: Patient | undefined = patient;
  for (let next = replacedBy(current); next && !chain.includes(next); next = replacedBy(current)) {
    chain.push(next);
    current = await store.read(manager, 'Patient', next);
  }
  return chain;
}
