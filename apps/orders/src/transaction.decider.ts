import type { FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import { asReplacement, assertVersion } from '#fhir';
import type { Clinical } from '#mapping';
import { fail } from '#platform';
import type { Request } from './order-desk.js';
import { replacementOf } from './order-replacement.decider.js';
import type { Asked } from './request-from-bundle.js';

/**
 * What a transaction asks, given what is known of each of its entries: a conditional create of what is known says
 * nothing, a create of it is joined with it, an update says what it is from now on (FHIR R4 section 3.1.0.4). The numbers
 * a patient or a visit is known by elsewhere stay, and so do the links of a patient that a merge made.
 *
 * @param known what is stored of each entry, in their order
 * @throws Failure not-found, precondition-failed
 */
export function requestOf(
  patient: Patient,
  entries: readonly Asked[],
  known: readonly (FhirResource | undefined)[],
): Request {
  const request: Request & { clinical: Clinical[] } = { patient, clinical: [], orders: [] };
  entries.forEach(({ resource, keepsOther, isUpdate, mustExist, ifMatch }, index) => {
    const current = known[index];
    if (mustExist && !current)
      throw fail('not-found', `there is no ${resource.resourceType} with this id`, {
        field: `Bundle.entry[${index}].request.url`,
      });
    assertVersion(ifMatch, current);
    if (keepsOther && current) {
      if (current.resourceType === 'Patient') request.patient = current;
    } else if (resource.resourceType === 'ServiceRequest')
      request.orders.push(
        isUpdate && current
          ? replacementOf(current as ServiceRequest, resource)
          : { control: 'NW', serviceRequest: resource },
      );
    else {
      const stated = isUpdate && current ? asReplacement(current, resource, ['identifier', 'link']) : resource;
      if (stated.resourceType === 'Patient') request.patient = stated;
      else if (stated.resourceType === 'Encounter') request.encounter = stated;
      else request.clinical.push(stated as Clinical);
    }
  });
  return request;
}
