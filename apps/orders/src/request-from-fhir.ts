import type { Encounter, Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
import { patientIdOf, serviceRequestIdOf, systems, uuidFrom, validateResource } from '#fhir';
import { fail, procedureNamed, type Site } from '#platform';
import { placerNumberOf } from './order-profile.js';
import { isComplete } from './profile-parts.js';
import { profilesOf } from './profiles.js';

/** The order of a ServiceRequest, whose patient is known here already. */
export interface OrderFromFhir {
  patientId: string;
  serviceRequest: ServiceRequest;
}

/**
 * Reads a single ServiceRequest, whose subject is a patient known here: by `Patient/<id>`, or by identifier.
 *
 * @throws Failure field-missing, field-invalid, value-unknown with the FHIRPath of the element
 */
export function orderFromFhir(body: unknown, site: Site): OrderFromFhir {
  const stated = validateResource(body, 'ServiceRequest', profilesOf(site));
  const { reference, identifier } = stated.subject;
  const byReference = /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(reference ?? '')?.[1];
  const patientId = byReference ?? (isComplete(identifier) ? patientIdOf(identifier) : undefined);
  if (!patientId)
    throw fail('field-invalid', 'must be Patient/<id> of this server, or an identifier with system and value', {
      field: 'ServiceRequest.subject',
    });
  return { patientId, serviceRequest: orderStated(stated, site, `Patient/${patientId}`) };
}

/**
 * An order as a client states it, under the id of its placer order number, with the procedure of the site in front.
 *
 * @param stated conforms to the site's profile
 */
export function orderStated(stated: ServiceRequest, site: Site, patient: string): ServiceRequest {
  const placer = placerNumberOf(stated) as Identifier & { system: string; value: string };
  const procedure = procedureNamed(site, stated.code!.coding!)!;
  const others = stated.code!.coding!.filter(({ code }) => code !== procedure.code);
  const typed: Identifier = placer.type
    ? placer
    : { ...placer, type: { coding: [{ system: systems.identifierType, code: 'PLAC' }] } };
  return {
    ...stated,
    id: serviceRequestIdOf(placer),
    meta: undefined,
    identifier: [typed, ...stated.identifier!.filter((one) => one !== placer)],
    code: {
      ...stated.code,
      coding: [{ system: systems.procedure, code: procedure.code, display: procedure.display }, ...others],
    },
    subject: { reference: patient },
  };
}

/** A patient as a client states it, who conforms to the site's profile: known by the number of the site's authority. */
export function patientStated(stated: Patient, site: Site): Patient {
  const wanted = site.authorities[site.patientAuthority]!;
  const identity = stated.identifier!.find((one) => one.system === wanted && one.value);
  return { ...stated, id: patientIdOf({ system: wanted, value: identity!.value! }), meta: undefined };
}

/** A visit as a client states it, known by its number. */
export function encounterStated(stated: Encounter, patient: string): Encounter {
  const visit = stated.identifier!.find(isComplete)!;
  return {
    ...stated,
    id: uuidFrom('Encounter', visit.system, visit.value),
    meta: undefined,
    subject: { reference: patient },
  };
}
