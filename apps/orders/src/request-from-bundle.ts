import type { Bundle, BundleEntry, Encounter, Identifier, Patient, ServiceRequest } from 'fhir/r4.js';
import { validateResource } from '#fhir';
import type { Clinical } from '#mapping';
import { fail, Failure, type Site } from '#platform';
import { clinicalStated, subjectOf } from './clinical-from-fhir.js';
import { isComplete } from './profile-parts.js';
import { profilesOf } from './profiles.js';
import { encounterStated, orderStated, patientStated } from './request-from-fhir.js';

/** What a transaction may bring beside its Patient. */
type Brought = Encounter | Clinical | ServiceRequest;

/** One entry of a transaction: what it states, under the id it has here, and how that is meant. */
export interface Asked {
  resource: Patient | Brought;
  /** Conditional create: what is known under this id already stays as it stands. */
  keepsOther: boolean;
  /** An update: it says what an order is from now on. */
  isUpdate: boolean;
  /** An update of an id of this server, which must be known. */
  mustExist: boolean;
  /** The version the client changed, where it names one. */
  ifMatch?: string;
}

/** A transaction about one patient. */
export interface TransactionFromFhir {
  /** The one Patient among the entries. */
  patient: Patient;
  /** In the order of the Bundle. */
  entries: Asked[];
}

const TAKEN = ['Patient', 'Encounter', 'AllergyIntolerance', 'Condition', 'Coverage', 'Observation', 'ServiceRequest'];

/**
 * Reads a transaction Bundle (FHIR R4 section 3.1.0.11): one Patient, ServiceRequests, at most one Encounter, and the
 * allergies, conditions, observations and coverages of that patient. References among its entries become those of this
 * server; an order belongs to the visit of its Bundle.
 *
 * @throws Failure field-missing, field-invalid, value-unknown, not-supported with the FHIRPath of the element
 */
export function requestFromBundle(body: unknown, site: Site): TransactionFromFhir {
  const entries = (validateResource(body, 'Bundle', profilesOf(site)) as Bundle).entry!;
  entries.forEach(({ resource }, index) => {
    if (!TAKEN.includes(resource!.resourceType))
      throw fail('not-supported', `the Bundle may hold ${TAKEN.join(', ')}`, { field: `Bundle.entry[${index}]` });
  });
  const patientAt = onlyOne(entries, 'Patient');
  if (patientAt === undefined)
    throw fail('field-missing', 'the Bundle must hold the Patient of the order', { field: 'Bundle.entry' });
  if (!entries.some(({ resource }) => resource!.resourceType === 'ServiceRequest'))
    throw fail('field-missing', 'the Bundle must hold a ServiceRequest', { field: 'Bundle.entry' });
  const patient = inEntry(patientAt, () => patientStated(entries[patientAt]!.resource as Patient, site));
  const own = `Patient/${patient.id}`;
  const visitAt = onlyOne(entries, 'Encounter');
  const visit =
    visitAt === undefined
      ? undefined
      : inEntry(visitAt, () => encounterStated(entries[visitAt]!.resource as Encounter, own));

  const local = new Map<string, string>();
  const stated = entries.map((entry, index) =>
    inEntry(index, () => {
      const resource = read(entry.resource as Patient | Brought);
      for (const name of namesOf(entry)) local.set(name, `${resource.resourceType}/${resource.id}`);
      return resource;
    }),
  );
  const asked = stated.map((one, index) => {
    const resource = inEntry(index, () => {
      const withOurs = resolved(one, local, one.resourceType);
      assertOf(own, withOurs);
      return withOurs;
    });
    return { resource, ...askedBy(entries[index]!, resource, index) };
  });
  return { patient: asked[patientAt]!.resource as Patient, entries: asked };

  function read(resource: Patient | Brought): Patient | Brought {
    if (resource.resourceType === 'Patient') return patient;
    if (resource.resourceType === 'Encounter') return visit!;
    if (resource.resourceType !== 'ServiceRequest') return clinicalStated(resource, patient, visitOf(resource));
    // Whose it is is checked once its reference is resolved.
    const order = orderStated(resource, site, resource.subject.reference ?? '');
    delete order.encounter;
    return visit ? { ...order, encounter: { reference: `Encounter/${visit.id}` } } : order;
  }

  function visitOf(stated: Clinical): string | undefined {
    const named = stated.resourceType === 'Condition' ? stated.encounter?.reference : undefined;
    return visitAt !== undefined && named && namesOf(entries[visitAt]!).includes(named) ? visit!.id : undefined;
  }
}

function onlyOne(entries: readonly BundleEntry[], type: 'Patient' | 'Encounter'): number | undefined {
  const [at, second] = entries.flatMap(({ resource }, index) => (resource!.resourceType === type ? [index] : []));
  if (second !== undefined)
    throw fail('field-invalid', `the Bundle must hold one ${type} only`, { field: 'Bundle.entry' });
  return at;
}

/** What the other entries may call an entry: its fullUrl, and where that is a URL of a server, the end of it. */
function namesOf({ fullUrl, resource }: BundleEntry): string[] {
  if (!fullUrl) return [];
  const end = `${resource!.resourceType}/${resource!.id}`;
  return fullUrl.endsWith(`/${end}`) ? [fullUrl, end] : [fullUrl];
}

/** @throws Failure field-invalid for a reference to an entry that is not there */
function resolved<T>(value: T, local: ReadonlyMap<string, string>, path: string): T {
  if (Array.isArray(value)) return value.map((one, at) => resolved(one, local, `${path}[${at}]`)) as T;
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const field = `${path}.${name}`;
      if (name !== 'reference' || typeof one !== 'string') return [name, resolved(one, local, field)];
      const reference = local.get(one) ?? one;
      if (/^urn:(uuid|oid):/.test(reference))
        throw fail('field-invalid', 'must be the fullUrl of an entry of the Bundle', { field });
      return [name, reference];
    }),
  ) as T;
}

function assertOf(own: string, resource: Patient | Brought): void {
  if (resource.resourceType === 'Patient' || resource.resourceType === 'Encounter') return;
  const { element, reference } = subjectOf(resource);
  if (reference !== own)
    throw fail('field-invalid', "must be the fullUrl of the Bundle's Patient", {
      field: `${resource.resourceType}.${element}.reference`,
    });
}

/** How an entry is meant, by its request. @throws Failure field-invalid, not-supported */
function askedBy({ request }: BundleEntry, resource: Patient | Brought, index: number): Omit<Asked, 'resource'> {
  const field = `Bundle.entry[${index}].request`;
  const { method, url, ifNoneExist, ifMatch } = request!;
  const { resourceType, id } = resource;
  const named = ((resource as { identifier?: Identifier[] }).identifier ?? []).filter(isComplete);
  const isOwn = (criterion: string) =>
    named.some(({ system, value }) => `identifier=${system}|${value}` === decoded(criterion));
  const wants = `identifier=<system>|<value> of an identifier of the ${resourceType}`;
  if (method === 'POST') {
    if (url !== resourceType) throw fail('field-invalid', `must be ${resourceType}`, { field: `${field}.url` });
    if (ifNoneExist !== undefined && !isOwn(ifNoneExist))
      throw fail('field-invalid', `must be ${wants}`, { field: `${field}.ifNoneExist` });
    return { keepsOther: ifNoneExist !== undefined, isUpdate: false, mustExist: false };
  }
  if (method !== 'PUT') throw fail('not-supported', 'must be POST or PUT', { field: `${field}.method` });
  const mustExist = url === `${resourceType}/${id}`;
  if (!mustExist && !(url.startsWith(`${resourceType}?`) && isOwn(url.slice(resourceType.length + 1))))
    throw fail('field-invalid', `must be ${resourceType}/<id> of this server, or ${resourceType}? and ${wants}`, {
      field: `${field}.url`,
    });
  return { keepsOther: false, isUpdate: true, mustExist, ...(ifMatch === undefined ? {} : { ifMatch }) };
}

function decoded(criterion: string): string {
  try {
    return decodeURIComponent(criterion);
  } catch {
    return criterion;
  }
}

/** What is wrong with an entry's resource, under the path it has in the Bundle. */
function inEntry<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure) || !error.field) throw error;
    throw fail(error.code, error.message, {
      field: error.field.replace(/^[A-Za-z]+/, `Bundle.entry[${index}].resource`),
    });
  }
}
