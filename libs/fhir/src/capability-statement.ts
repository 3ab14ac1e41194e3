import type { CapabilityStatement, CapabilityStatementRestResource, FhirResource } from 'fhir/r4.js';
import { formsOf, searchParameterTypes, withSubject } from './search-condition.js';
import type { Searchable } from './search.js';
import { PUBLISHED, type Definition } from './structure-definition.js';

/** What a service serves of one type, beside read, vread, search and history. */
export interface ServedType extends Searchable {
  /** Interactions the service's own controllers add. */
  interactions?: readonly ('create' | 'update')[];
  /** True if an update of an id that is not there makes it. */
  updateCreate?: boolean;
  conditionalCreate?: boolean;
  conditionalUpdate?: boolean;
  /** What a client must know of how it is written or read, in markdown. */
  documentation?: string;
}

/** The types a service serves over FHIR REST. */
export type ServedTypes = Partial<Record<FhirResource['resourceType'], ServedType>>;

/** Search parameters of what is published of the service itself. */
export const definitionParameters = ['_id', 'url', 'name', 'status', 'type'];

/**
 * Says what is served, from the same tables that serve it.
 *
 * @param definitions what is published beside it: the profiles of the types are among them
 */
export function capabilityStatement(
  service: string,
  served: ServedTypes,
  definitions: readonly Definition[] = [],
): CapabilityStatement {
  const writes = Object.values(served).some((one) => one.interactions?.includes('create') && one.conditionalCreate);
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    // The date this statement's form was last changed; what it lists comes from the running code.
    date: PUBLISHED,
    kind: 'instance',
    software: { name: `Collimator ${service}` },
    implementation: { description: `Collimator ${service}` },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        documentation: GENERAL,
        security: { description: 'OAuth 2 bearer token (RFC 6750), configured per client' },
        ...(writes ? { interaction: [{ code: 'transaction' as const }] } : {}),
        resource: [
          ...Object.entries(served).map(([type, one]) => resourceOf(type, one, definitions)),
          ...[...new Set(definitions.map(({ resourceType }) => resourceType))].map(ofDefinitions),
        ],
      },
    ],
  };
}

const GENERAL =
  'Parameters that are not served are refused, unless `Prefer: handling=lenient`. Searches and histories take `_count`, and ' +
  'are followed by their next link. Searches take `_sort` (`_lastUpdated`, `-_lastUpdated`), `_total`, `_elements` and ' +
  '`_summary=count`; histories take `_since` and `_at`. Reads take If-None-Match and If-Modified-Since.';

function resourceOf(
  type: string,
  one: ServedType,
  definitions: readonly Definition[],
): CapabilityStatementRestResource {
  const profiles = definitions.flatMap((definition) =>
    definition.resourceType === 'StructureDefinition' && definition.kind === 'resource' && definition.type === type
      ? [definition.url]
      : [],
  );
  const names = one.includes?.flatMap((name) =>
    name === 'patient' && withSubject.includes(type) ? [name, 'subject'] : [name],
  );
  return {
    type: type as CapabilityStatementRestResource['type'],
    ...(profiles.length > 0 ? { supportedProfile: profiles } : {}),
    ...(one.documentation ? { documentation: one.documentation } : {}),
    interaction: [
      { code: 'read' },
      { code: 'vread' },
      { code: 'search-type' },
      { code: 'history-instance' },
      { code: 'history-type' },
      ...(one.interactions ?? []).map((code) => ({ code })),
    ],
    versioning: one.interactions?.includes('update') ? 'versioned-update' : 'versioned',
    readHistory: true,
    ...(one.interactions?.includes('update') ? { updateCreate: one.updateCreate ?? false } : {}),
    ...(one.conditionalCreate ? { conditionalCreate: true } : {}),
    conditionalRead: 'full-support',
    ...(one.conditionalUpdate ? { conditionalUpdate: true } : {}),
    ...(names ? { searchInclude: names.map((name) => `${type}:${name}`) } : {}),
    ...(one.reverseIncludes ? { searchRevInclude: [...one.reverseIncludes] } : {}),
    searchParam: one.search.flatMap((name) => {
      const forms = formsOf(name);
      const stated = { type: searchParameterTypes[name], ...(forms ? { documentation: `also ${forms}` } : {}) };
      const isSubject = name === 'patient' && withSubject.includes(type);
      return [{ name, ...stated }, ...(isSubject ? [{ name: 'subject', ...stated }] : [])];
    }),
  };
}

function ofDefinitions(type: Definition['resourceType']): CapabilityStatementRestResource {
  return {
    type,
    documentation: 'What this service publishes of itself: profiles, extensions and codes. It is read only.',
    interaction: [{ code: 'read' }, { code: 'search-type' }],
    searchParam: definitionParameters.map((name) => ({
      name,
      type: name === 'url' ? 'uri' : name === 'name' ? 'string' : 'token',
    })),
  };
}
