import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import type { FhirStore } from './fhir-store.js';
import { sameContent } from './same-content.js';

/** On `meta` of a copy: the version its own service had given the resource. */
const OWNER_VERSION = 'urn:collimator:extension:owner-version';
/**
 * Resources that one service alone writes. They travel in events of several topics, between which there is no order, so
 * an older version may arrive after a newer one.
 */
const ofOneWriter = new Set([
  'Patient',
  'Encounter',
  'AllergyIntolerance',
  'Condition',
  'Coverage',
  'Observation',
  'Procedure',
]);

/**
 * Keeps copies of resources that another service owns, as its events bring them, under version numbers of this service.
 * Nothing is written for a copy that is the same; an older version of what one service alone writes does not replace a newer.
 *
 * @returns the resources as they are kept now, in the order given
 */
export async function keepCopies<R extends FhirResource>(
  store: FhirStore,
  manager: EntityManager,
  resources: R[],
  now: Date,
): Promise<R[]> {
  const keys = resources.map((one) => ({ type: one.resourceType, id: one.id! }));
  const known = new Map((await store.readMany(manager, keys)).map((one) => [keyOf(one), one as R]));
  const changed = resources.flatMap((resource) => {
    const current = known.get(keyOf(resource));
    if (current && !isNews(resource, current)) return [];
    const kept = madeBySomeoneElse(resource, ownerVersionOf(resource));
    return [{ ...kept, meta: { ...kept.meta, versionId: current?.meta?.versionId } }];
  });
  for (const saved of await store.save(manager, changed, now)) known.set(keyOf(saved), saved);
  return resources.map((resource) => known.get(keyOf(resource))!);
}

/**
 * Notes on a resource which version its owner had given it; 0 marks one that stands in for what its owner has not told
 * yet, so that anything the owner says replaces it.
 */
export function madeBySomeoneElse<R extends FhirResource>(resource: R, ownerVersion: number): R {
  const extension = [{ url: OWNER_VERSION, valueInteger: ownerVersion }];
  return { ...resource, meta: { ...resource.meta, extension } };
}

function isNews(resource: FhirResource, current: FhirResource): boolean {
  const [told, known] = [ownerVersionOf(resource), notedVersionOf(current) ?? 0];
  if (ofOneWriter.has(resource.resourceType) && told < known) return false;
  return told > known || !sameContent(current, resource);
}

/** The version its owner had given a resource, or a copy of it; 0 where its owner has told nothing yet. */
export function ownerVersionOf(resource: FhirResource): number {
  return notedVersionOf(resource) ?? Number(resource.meta?.versionId ?? 0);
}

function notedVersionOf(resource: FhirResource): number | undefined {
  return resource.meta?.extension?.find(({ url }) => url === OWNER_VERSION)?.valueInteger;
}

function keyOf(resource: FhirResource): string {
  return `${resource.resourceType}/${resource.id}`;
}
