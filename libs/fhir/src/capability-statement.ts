import type { CapabilityStatement, CapabilityStatementRestResource, FhirResource } from 'fhir/r4.js';
import { searchParameterTypes, type Include, type SearchParameter } from './search.js';

/** What a service serves of one type, beside read, vread, search and history. */
export interface ServedType {
  search: readonly SearchParameter[];
  /** Interactions the service's own controllers add. */
  interactions?: readonly ('create' | 'update')[];
  /** True if an update of an id that is not there makes it. */
  updateCreate?: boolean;
  conditionalCreate?: boolean;
  conditionalUpdate?: boolean;
  /** Search parameters whose targets `_include` brings along. */
  includes?: readonly Include[];
}

/** The types a service serves over FHIR REST. */
export type ServedTypes = Partial<Record<FhirResource['resourceType'], ServedType>>;

/** Says what is served, from the same table that serves it. */
export function capabilityStatement(service: string, served: ServedTypes): CapabilityStatement {
  const writes = Object.values(served).some((one) => one.interactions?.includes('create') && one.conditionalCreate);
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    // The date this statement's form was last changed; what it lists comes from the running code.
    date: '2026-11-23',
    kind: 'instance',
    software: { name: `Collimator ${service}` },
    implementation: { description: `Collimator ${service}` },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        security: { description: 'OAuth 2 bearer token (RFC 6750), configured per client' },
        ...(writes ? { interaction: [{ code: 'transaction' as const }] } : {}),
        resource: Object.entries(served).map(([type, one]) => ({
          type: type as CapabilityStatementRestResource['type'],
          versioning: 'versioned' as const,
          readHistory: true,
          ...(one.interactions?.includes('update') ? { updateCreate: one.updateCreate ?? false } : {}),
          ...(one.conditionalCreate ? { conditionalCreate: true } : {}),
          ...(one.conditionalUpdate ? { conditionalUpdate: true } : {}),
          ...(one.includes ? { searchInclude: one.includes.map((name) => `${type}:${name}`) } : {}),
          interaction: [
            { code: 'read' as const },
            { code: 'vread' as const },
            { code: 'search-type' as const },
            { code: 'history-instance' as const },
            ...(one.interactions ?? []).map((code) => ({ code })),
          ],
          searchParam: one.search.map((name) => ({ name, type: searchParameterTypes[name] })),
        })),
      },
    ],
  };
}
