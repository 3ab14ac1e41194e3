import type { Bundle, Encounter, FhirResource, Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
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
import type { Request } from './order-desk.js';

/** The order of a ServiceRequest, whose patient is known here already. */
export interface OrderFromFhir {
  patientId: string;
  serviceRequest: ServiceRequest;
}

/**
 * Reads a transaction Bundle that holds one Patient, and ServiceRequests and an Encounter of that patient.
 *
 * @throws Failure field-missing, field-invalid, value-unknown with the FHIRPath of the element
 */
export function requestFromBundle(body: unknown, site: Site): Request {
  const bundle = validateResource(body, 'Bundle') as Bundle;
  const entries = bundle.entry!.map((entry) => ({ fullUrl: entry.fullUrl, resource: entry.resource }));
  const ofType = <T extends FhirResource['resourceType']>(type: T) =>
    entries.filter((entry) => entry.resource?.resourceType === type);
  const [patientEntry, secondPatient] = ofType('Patient');
  if (!patientEntry) throw fail('field-missing', 'the Bundle must hold the Patient of the order', { field: 'Bundle.entry' }); // prettier-ignore
  if (secondPatient) throw fail('field-invalid', 'the Bundle must hold one Patient only', { field: 'Bundle.entry' });
  const orders = ofType('ServiceRequest');
  if (orders.length === 0) throw fail('field-missing', 'the Bundle must hold a ServiceRequest', { field: 'Bundle.entry' }); // prettier-ignore
  const other = entries.find(({ resource }) => !['Patient', 'Encounter', 'ServiceRequest'].includes(resource?.resourceType ?? '')); // prettier-ignore
  if (other) throw fail('not-supported', 'the Bundle may hold Patient, Encounter and ServiceRequest', { field: 'Bundle.entry' }); // prettier-ignore

  const patient = patientFromFhir(patientEntry.resource, site);
  const own = { reference: `Patient/${patient.id}` };
  const [encounterEntry, secondEncounter] = ofType('Encounter');
  if (secondEncounter) throw fail('field-invalid', 'the Bundle must hold one Encounter only', { field: 'Bundle.entry' }); // prettier-ignore
  const encounter = encounterEntry && encounterFromFhir(encounterEntry.resource, own.reference);
  return {
    patient,
    ...(encounter ? { encounter } : {}),
    orders: orders.map((entry) => {
      const stated = validateResource(entry.resource, 'ServiceRequest');
      if (stated.subject.reference !== patientEntry.fullUrl)
        throw fail('field-invalid', "must be the fullUrl of the Bundle's Patient", {
          field: 'ServiceRequest.subject.reference',
        });
      const serviceRequest = normalized(stated, site, own.reference);
      delete serviceRequest.encounter;
      if (encounter) serviceRequest.encounter = { reference: `Encounter/${encounter.id}` };
      return { control: 'NW' as const, serviceRequest };
    }),
  };
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
  return { patientId, serviceRequest: normalized(stated, site, `Patient/${patientId}`) };
}

function normalized(stated: ServiceRequest, site: Site, patient: string): ServiceRequest {
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

function patientFromFhir(body: unknown, site: Site): Patient {
  const stated = validateResource(body, 'Patient');
  const wanted = site.authorities[site.patientAuthority]!;
  const identity = stated.identifier!.find((one) => one.system === wanted && one.value);
  if (!isComplete(identity))
    throw fail('field-missing', `must hold a number of system ${wanted}, which identifies the patient`, {
      field: 'Patient.identifier',
    });
  return { ...stated, id: patientIdOf(identity), meta: undefined };
}

function encounterFromFhir(body: unknown, patient: string): Encounter {
  const stated = validateResource(body, 'Encounter');
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

function isComplete(identifier: Identifier | undefined): identifier is Identifier & { system: string; value: string } {
  return Boolean(identifier?.system && identifier.value);
}
