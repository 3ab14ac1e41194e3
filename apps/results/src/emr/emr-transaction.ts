import type { Bundle, BundleEntry, FhirResource, Identifier } from 'fhir/r4.js';
import { systems, tokenOf } from '#fhir';
import { allergyNumber } from '#mapping';
import { fail } from '#platform';
import type { EmrFact } from './emr-fact.js';

/**
 * A fact as a FHIR transaction: the EMR's own Patient is referred to and created only where it is not there; everything
 * else is a conditional update by identifier, so that sending it twice has the effect of once. References are by
 * `urn:uuid` within the Bundle; what the Bundle does not hold is not referred to.
 *
 * @param patientSystem the system of the numbers by which patients are known, which a patient may have beside others
 * @throws Failure field-missing if a resource has no identifier to be known by
 */
export function transactionOf({ resources }: EmrFact, patientSystem: string): Bundle {
  const included = new Map(resources.map((one) => [`${one.resourceType}/${one.id}`, `urn:uuid:${one.id}`]));
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource): BundleEntry => {
      const query = `identifier=${encodeURIComponent(keyOf(resource, patientSystem))}`;
      const type = resource.resourceType;
      return {
        fullUrl: `urn:uuid:${resource.id}`,
        resource: asSent(resource, included),
        request:
          type === 'Patient'
            ? { method: 'POST', url: type, ifNoneExist: query }
            : { method: 'PUT', url: `${type}?${query}` },
      };
    }),
  };
}

/** One write of a fact that is told without a transaction. */
export interface EmrWrite {
  resource: FhirResource;
  /** The search by which the EMR finds what it has of it. */
  identifier: string;
  /** As others of the fact refer to it. */
  localReference: string;
}

/** What others refer to comes first. */
const order: readonly FhirResource['resourceType'][] = [
  'Patient',
  'ServiceRequest',
  'Appointment',
  'Procedure',
  'ImagingStudy',
  'Observation',
  'MedicationAdministration',
  'AllergyIntolerance',
  'AdverseEvent',
  'DiagnosticReport',
  'Communication',
];

/**
 * A fact as writes one by one, for a server that takes no transactions, in an order in which each refers only to what is
 * there. Each is sent with {@link asSent} when the ids of those before it are known.
 *
 * @throws Failure field-missing if a resource has no identifier to be known by
 */
export function writesOf({ resources }: EmrFact, patientSystem: string): EmrWrite[] {
  const writes = resources.map((resource) => ({
    resource,
    identifier: keyOf(resource, patientSystem),
    localReference: `${resource.resourceType}/${resource.id}`,
  }));
  return writes.sort((a, b) => order.indexOf(a.resource.resourceType) - order.indexOf(b.resource.resourceType));
}

/**
 * A resource as the EMR gets it: without our id and version, its references led to what the EMR has.
 *
 * @param included where what it may refer to is found, by our own reference
 */
export function asSent(resource: FhirResource, included: ReadonlyMap<string, string>): FhirResource {
  const identified = withNumber(resource);
  return referringWithin({ ...identified, id: undefined, meta: undefined }, included) as FhirResource;
}

/** Reactions and what they teach, and doses that are older than their numbers, go by one of ours where they have none. */
function withNumber(resource: FhirResource): FhirResource {
  if (resource.resourceType === 'AllergyIntolerance' && !resource.identifier?.some(isUsable))
    return { ...resource, identifier: [allergyNumber(resource)] };
  if (resource.resourceType === 'AdverseEvent' && !(resource.identifier && isUsable(resource.identifier)))
    return { ...resource, identifier: { system: systems.adverseEvent, value: resource.id! } };
  if (resource.resourceType === 'Observation' && !resource.identifier?.some(({ system }) => system === systems.dose))
    return {
      ...resource,
      identifier: [{ system: systems.dose, value: resource.id! }, ...(resource.identifier ?? [])],
    };
  return resource;
}

function isUsable({ system, value }: Identifier): boolean {
  return Boolean(system && value);
}

/** The token that finds a resource at the EMR: a patient's number of that system before any other, a dose by what stays. */
export function keyOf(resource: FhirResource, patientSystem: string): string {
  const numbered = withNumber(resource);
  const identifiers = [(numbered as { identifier?: Identifier | Identifier[] }).identifier ?? []].flat();
  const usable = identifiers.filter(isUsable);
  const wanted = {
    Patient: patientSystem,
    AllergyIntolerance: systems.allergyIntolerance,
    Observation: systems.dose,
  }[resource.resourceType as string];
  const { system, value } = usable.find((one) => one.system === wanted) ?? usable[0] ?? {};
  if (value) return tokenOf(system, value);
  throw fail('field-missing', `${resource.resourceType}.identifier is needed to update the EMR`, {
    field: `${resource.resourceType}.identifier`,
  });
}

/**
 * What R4 wants of an element, by the element's name: without that reference it says nothing and is not valid. A merged
 * patient has a link to whom they were before, which the EMR has not got from us.
 */
const requiredReference: Record<string, string> = {
  link: 'other',
  media: 'link',
  performer: 'actor',
  suspectEntity: 'instance',
};

/** Deep copy with references to what is included, and without any to what is not; `#contained` ones stay. */
function referringWithin(value: unknown, included: ReadonlyMap<string, string>, required?: string): unknown {
  if (Array.isArray(value))
    return value.map((one) => referringWithin(one, included, required)).filter((one) => one !== undefined);
  if (!value || typeof value !== 'object') return value;
  const { reference, ...rest } = value as { reference?: unknown };
  const copy: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(rest)) {
    const kept = referringWithin(one, included, requiredReference[name]);
    if (kept === undefined && name === required) return undefined;
    if (kept !== undefined && !(Array.isArray(kept) && kept.length === 0)) copy[name] = kept;
  }
  if (typeof reference !== 'string') return copy;
  const within = included.get(reference) ?? (reference.startsWith('#') ? reference : undefined);
  if (within) return { reference: within, ...copy };
  return Object.keys(copy).length > 0 ? copy : undefined;
}
