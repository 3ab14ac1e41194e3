import type { CodeSystem, ElementDefinition, FhirResource, StructureDefinition, ValueSet } from 'fhir/r4.js';
import { profileUrl, type ElementRow, type Profile } from './profile.js';
import { resources } from './structures.js';

/** What a service publishes of itself beside its CapabilityStatement. */
export type Definition = StructureDefinition | ValueSet | CodeSystem;

/** When what is published here was last changed in form; what depends on the site follows the running site file. */
export const PUBLISHED = '2026-11-25';

/** What every definition of ours says of itself. */
export const published = {
  status: 'active',
  date: PUBLISHED,
  publisher: 'Collimator',
} as const;

/**
 * A profile as FHIR R4 publishes it: a constraint on the R4 resource, as a differential of what is asked beyond it. Its
 * elements are in the order of R4, which tools that make a snapshot of it rely on.
 */
export function structureDefinitionOf(profile: Profile): StructureDefinition {
  const { id, type, title, description, elements, rules, extensions = [] } = profile;
  const rows = [...elements.map((row) => elementOf(type, row)), ...extensions.map((url) => sliceOf(type, url))];
  const constraint = rules.map(({ key, human, expression }) => ({
    key,
    severity: 'error' as const,
    human,
    expression,
    source: profileUrl(profile),
  }));
  return {
    resourceType: 'StructureDefinition',
    id,
    url: profileUrl(profile),
    name: nameOf(id),
    title,
    ...published,
    description,
    fhirVersion: '4.0.1',
    kind: 'resource',
    abstract: false,
    type,
    baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
    derivation: 'constraint',
    differential: {
      element: [{ id: type, path: type, ...(constraint.length > 0 ? { constraint } : {}) }, ...inOrder(type, rows)],
    },
  };
}

/** A logical id as the name a program may use: `imaging-order` is `ImagingOrder`. */
export function nameOf(id: string): string {
  return id.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The last part of a url of ours: `urn:collimator:extension:danger` is `danger`. */
export function endOf(url: string): string {
  return url.slice(url.lastIndexOf(':') + 1);
}

function elementOf(type: string, { element, min, max, mustSupport, binding, why }: ElementRow): ElementDefinition {
  return {
    id: `${type}.${element}`,
    path: `${type}.${element}`,
    requirements: why,
    ...(min ? { min } : {}),
    ...(max ? { max } : {}),
    ...(mustSupport ? { mustSupport } : {}),
    ...(binding ? { binding } : {}),
  };
}

function sliceOf(type: string, url: string): ElementDefinition {
  const sliceName = endOf(url);
  return {
    id: `${type}.extension:${sliceName}`,
    path: `${type}.extension`,
    sliceName,
    min: 0,
    type: [{ code: 'Extension', profile: [url] }],
    mustSupport: true,
  };
}

function inOrder(type: FhirResource['resourceType'], rows: ElementDefinition[]): ElementDefinition[] {
  const names = Object.keys(resources[type]!);
  const rank = ({ path }: ElementDefinition) => {
    const element = path.slice(type.length + 1);
    const stem = element.replace('[x]', '');
    return names.findIndex((name) => name === element || (stem !== element && name.startsWith(stem)));
  };
  const sorted = [...rows].sort((a, b) => rank(a) - rank(b));
  const first = sorted.findIndex(({ sliceName }) => sliceName !== undefined);
  if (first < 0) return sorted;
  const slicing = { discriminator: [{ type: 'value' as const, path: 'url' }], ordered: false, rules: 'open' as const };
  sorted.splice(first, 0, { id: `${type}.extension`, path: `${type}.extension`, slicing });
  return sorted;
}
