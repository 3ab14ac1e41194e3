import type { Bundle, BundleEntry, FhirResource, Identifier } from 'fhir/r4.js';
import { findResource, type ImagingEvent } from '#events';
import { tokenOf } from '#fhir';
import { fail, type Destination } from '#platform';

/** One fact for the EMR: what happened, and the resources that say it. */
export interface EmrFact {
  fact: string;
  resources: FhirResource[];
}

/** A fact on its way to one destination of the site file, in order per patient (`key`). */
export interface EmrDelivery {
  destination: string;
  key: string;
  kind: string;
  /** The event: handled twice, it is one delivery. */
  idempotencyKey: string;
  body: EmrFact;
}

/** What is sent; everything else in an event (schedule, plan) is the department's own affair. */
const sent = ['ServiceRequest', 'Procedure', 'ImagingStudy', 'MedicationAdministration', 'DiagnosticReport'];

/**
 * The deliveries a fact gives rise to: one for each destination, known by the event, so that an event handled twice is
 * delivered once. A patient without any identifier is known to no EMR: nothing is sent until they are identified.
 */
export function deliveriesOf(event: ImagingEvent, destinations: readonly Destination[]): EmrDelivery[] {
  const patient = findResource(event, 'Patient');
  if (!patient?.identifier?.some((one) => one.system && one.value)) return [];
  // An exam without an order may name a patient that the technologist mistyped: the EMR must not learn it as one.
  if (event.type !== 'imaging.result.reported.v1' && !findResource(event, 'ServiceRequest')) return [];
  const resources = (event.data.entry ?? [])
    .map((entry) => entry.resource)
    .filter((one): one is FhirResource => one !== undefined && (sent.includes(one.resourceType) || one === patient))
    // What is only expected is not yet a fact.
    .filter((one) => one.resourceType !== 'ImagingStudy' || one.status !== 'registered');
  const fact = event.type.split('.').slice(1, 3).join('.');
  const wanting = destinations.filter((one) => one.kind === 'fhir' || one.gets.includes('results'));
  return wanting.map(({ name, kind }) => ({
    destination: name,
    key: event.patientId,
    kind,
    idempotencyKey: event.id,
    body: { fact, resources },
  }));
}

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
        resource: referringWithin({ ...resource, id: undefined, meta: undefined }, included) as FhirResource,
        request:
          type === 'Patient'
            ? { method: 'POST', url: type, ifNoneExist: query }
            : { method: 'PUT', url: `${type}?${query}` },
      };
    }),
  };
}

/** The exam's state in one word, where the fact tells it. */
export function examStatusOf({ fact }: EmrFact): string | undefined {
  return /^schedule\.exam-(.+)$/.exec(fact)?.[1];
}

/** The resources of one type in a fact. */
export function resourcesIn<T extends FhirResource['resourceType']>(
  { resources }: EmrFact,
  type: T,
): Extract<FhirResource, { resourceType: T }>[] {
  return resources.filter((one): one is Extract<FhirResource, { resourceType: T }> => one.resourceType === type);
}

/** The token that finds a resource at the EMR: a patient's number of that system before any other. */
function keyOf(resource: FhirResource, patientSystem: string): string {
  const identifiers = [(resource as { identifier?: Identifier | Identifier[] }).identifier ?? []].flat();
  const usable = identifiers.filter((one) => one.system && one.value);
  const identifier = usable.find(({ system }) => resource.resourceType === 'Patient' && system === patientSystem);
  const { system, value } = identifier ?? usable[0] ?? {};
  if (value) return tokenOf(system, value);
  throw fail('field-missing', `${resource.resourceType}.identifier is needed to update the EMR`, {
    field: `${resource.resourceType}.identifier`,
  });
}

/** Deep copy with references to what is in the Bundle, and without any to what is not; `#contained` ones stay. */
function referringWithin(value: unknown, included: Map<string, string>): unknown {
  if (Array.isArray(value))
    return value.map((one) => referringWithin(one, included)).filter((one) => one !== undefined);
  if (!value || typeof value !== 'object') return value;
  const { reference, ...rest } = value as { reference?: unknown };
  const copy: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(rest)) {
    const kept = referringWithin(one, included);
    if (kept !== undefined && !(Array.isArray(kept) && kept.length === 0)) copy[name] = kept;
  }
  if (typeof reference !== 'string') return copy;
  const within = included.get(reference) ?? (reference.startsWith('#') ? reference : undefined);
  if (within) return { reference: within, ...copy };
  return Object.keys(copy).length > 0 ? copy : undefined;
}
