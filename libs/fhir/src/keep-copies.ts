import type { EntityManager } from 'typeorm';
import type { FhirResource } from 'fhir/r4.js';
import type { FhirStore } from './fhir-store.js';
import { sameContent } from './same-content.js';

/**
 * Keeps copies of resources that another service owns, as its events bring them, under version numbers of this service.
 * Nothing is written for a copy that is the same.
 */
export async function keepCopies(
  store: FhirStore,
  manager: EntityManager,
  resources: FhirResource[],
  now: Date,
): Promise<void> {
  const keyOf = (resource: FhirResource) => `${resource.resourceType}/${resource.id}`;
  const keys = resources.map((one) => ({ type: one.resourceType, id: one.id! }));
  const known = new Map((await store.readMany(manager, keys)).map((one) => [keyOf(one), one]));
  const changed = resources.flatMap((resource) => {
    const current = known.get(keyOf(resource));
    if (current && sameContent(current, resource)) return [];
    return [{ ...resource, meta: { ...resource.meta, versionId: current?.meta?.versionId } } as FhirResource];
  });
  await store.save(manager, changed, now);
}
