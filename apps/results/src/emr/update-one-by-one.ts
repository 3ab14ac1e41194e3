import type { ForeignFhirServer } from '#fhir';
import { fail } from '#platform';
import type { EmrFact } from './emr-fact.js';
import { asSent, writesOf } from './emr-transaction.js';

/**
 * Tells a fact by a conditional create of the patient and conditional updates of the rest, each referring to those before
 * it by the ids they have there. What fails half way is told again from its start: done twice, each has the effect of once.
 *
 * @throws Failure as the server gives cause for it; peer-error where it does not say, and cannot find, what it just took
 */
export async function updateOneByOne(fact: EmrFact, patientSystem: string, server: ForeignFhirServer): Promise<void> {
  const known = new Map<string, string>();
  for (const { resource, identifier, localReference } of writesOf(fact, patientSystem)) {
    const type = resource.resourceType;
    const sent = asSent(resource, known);
    const write =
      type === 'Patient'
        ? server.conditionalCreate(sent, { identifier })
        : server.conditionalUpdate(sent, { identifier });
    const id = (await write) ?? (await server.idOf(type, { identifier }));
    if (!id) throw fail('peer-error', `the FHIR server took a ${type} and does not say under which id`);
    known.set(localReference, `${type}/${id}`);
  }
}
