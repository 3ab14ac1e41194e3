import type { FhirResource } from 'fhir/r4.js';
import { referencedId } from './identity.js';
import { tokensOf } from './search-token.js';

/** What of a resource can be searched: the narrow columns beside its body. */
export interface SearchIndex {
  patient_id: string | null;
  status: string | null;
  /** Every form a token parameter may take, so that each is one array test. */
  identifiers: string[];
  /** Literal references to resources other than the patient, such as `ServiceRequest/<id>`. */
  refs: string[];
}

interface Indexable {
  id?: string;
  status?: string;
  identifier?: { system?: string; value?: string } | { system?: string; value?: string }[];
  /** Of a DocumentReference: search parameter `identifier` covers it as well. */
  masterIdentifier?: { system?: string; value?: string };
  subject?: { reference?: string };
  patient?: { reference?: string };
  beneficiary?: { reference?: string };
  basedOn?: { reference?: string }[];
  request?: { reference?: string };
  implicated?: { reference?: string }[];
  for?: { reference?: string };
  focus?: { reference?: string };
  encounter?: { reference?: string };
  schedule?: { reference?: string };
  practitioner?: { reference?: string };
  /** One of a Device, several of a HealthcareService or a PractitionerRole. */
  location?: unknown;
  target?: { reference?: string }[];
  participant?: { actor?: { reference?: string } }[];
}

/** The searchable part of a resource (FHIR R4 search parameters identifier, patient, status, based-on). */
export function indexOf(resource: FhirResource): SearchIndex {
  const body = resource as unknown as Indexable;
  const references = [
    body.subject?.reference,
    body.patient?.reference,
    body.beneficiary?.reference,
    body.for?.reference,
    body.focus?.reference,
    ...(body.basedOn ?? []).map((one) => one.reference),
    body.request?.reference,
    ...(body.implicated ?? []).map((one) => one.reference),
    body.encounter?.reference,
    body.schedule?.reference,
    body.practitioner?.reference,
    ...locationsOf(body.location),
    ...(Array.isArray(body.target) ? body.target : []).map((one) => one.reference),
    ...(body.participant ?? []).map((one) => one.actor?.reference),
  ].filter((one) => one !== undefined);
  const patient = resource.resourceType === 'Patient' ? body.id : firstPatient(references);
  const identifiers = [body.masterIdentifier ?? [], body.identifier ?? []].flat().flatMap(tokensOf);
  return {
    patient_id: patient ?? null,
    status: body.status ?? null,
    identifiers: [...new Set(identifiers)],
    refs: [...new Set(references.filter((one) => !one.startsWith('Patient/')))],
  };
}

/** An Encounter's locations are stays, not references: they have none of their own. */
function locationsOf(location: unknown): (string | undefined)[] {
  return [location].flat().map((one) => (one as { reference?: string } | undefined)?.reference);
}

function firstPatient(references: string[]): string | undefined {
  return references.map((one) => referencedId(one, 'Patient')).find((id) => id !== undefined);
}
