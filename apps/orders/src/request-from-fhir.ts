import type { Encounter, Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
import {
  identifierOf,
  patientIdOf,
  serviceRequestIdOf,
  studyInstanceUidOf,
  systems,
  uuidFrom,
  validateResource,
} from '#fhir';
import { fail, procedureNamed, type Site } from '#platform';

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
  const stated = validateResource(body, 'ServiceRequest');
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
 * @throws Failure field-missing, field-invalid, value-unknown with the FHIRPath of the element
 */
export function orderStated(stated: ServiceRequest, site: Site, patient: string): ServiceRequest {
  const placer = identifierOf(stated, 'PLAC') ?? stated.identifier?.find((one) => !one.type && isComplete(one));
  if (!isComplete(placer))
    throw fail('field-missing', 'must hold the placer order number: type PLAC, with system and value', {
      field: 'ServiceRequest.identifier',
    });
  const procedure = procedureNamed(site, stated.code?.coding ?? []);
  if (!procedure)
    throw fail('value-unknown', 'holds no procedure of this site: add it to procedures in the site file', {
      field: 'ServiceRequest.code.coding',
    });
  const accession = identifierOf(stated, 'ACSN')?.value;
  if (accession !== undefined && !/^[^\\\p{Cc}]{1,16}$/u.test(accession))
    throw fail('field-invalid', 'the accession number must have 1 to 16 characters and no backslash (DICOM VR SH)', {
      field: 'ServiceRequest.identifier',
    });
  const study = studyInstanceUidOf(stated);
  if (study !== undefined && (study.length > 64 || !/^[0-2](\.(0|[1-9]\d*))+$/.test(study)))
    throw fail('field-invalid', 'the study instance UID must be urn:oid: and a DICOM UID', {
      field: 'ServiceRequest.identifier',
    });
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

/** A patient as a client states it, known by the number of the site's authority. @throws Failure field-missing */
export function patientStated(stated: Patient, site: Site): Patient {
  const wanted = site.authorities[site.patientAuthority]!;
  const identity = stated.identifier!.find((one) => one.system === wanted && one.value);
  if (!isComplete(identity))
    throw fail('field-missing', `must hold a number of system ${wanted}, which identifies the patient`, {
      field: 'Patient.identifier',
    });
  return { ...stated, id: patientIdOf(identity), meta: undefined };
}

/** A visit as a client states it, known by its number. @throws Failure field-missing */
export function encounterStated(stated: Encounter, patient: string): Encounter {
  const visit = stated.identifier?.find(isComplete);
  if (!isComplete(visit))
    throw fail('field-missing', 'must hold the visit number, with system and value', { field: 'Encounter.identifier' });
  return {
    ...stated,
    id: uuidFrom('Encounter', visit.system, visit.value),
    meta: undefined,
    subject: { reference: patient },
  };
}

/** True for an identifier that says whose it is. */
export function isComplete(
  identifier: Identifier | undefined,
): identifier is Identifier & { system: string; value: string } {
  return Boolean(identifier?.system && identifier.value);
}
