import type { FhirResource } from 'fhir/r4.js';
import { fail, ofTable } from '#platform';
import { resources } from './structures.js';

/** A resource with the elements that were asked for. */
export type Elements = (resource: FhirResource) => FhirResource;

/** FHIR R4 section 3.1.1.5.9: tells that elements are left out, so that nobody stores it as the whole. */
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

/**
 * `_elements` (FHIR R4 section 3.1.1.5.9): the named elements, those that R4 has to be there, and what says which
 * resource it is.
 *
 * @throws Failure field-invalid
 */
export function elementsOf(text: string | undefined): Elements {
  if (text === undefined) return (resource) => resource;
  const names = text.split(',');
  if (!names.every((name) => /^[A-Za-z]{1,40}$/.test(name)))
    throw fail('field-invalid', 'must be names of elements, such as status,code', { field: '_elements' });
  return (resource) => {
    const { resourceType, id, meta } = resource;
    const required = Object.entries(ofTable(resources, resourceType) ?? {}).flatMap(([name, one]) =>
      one.required ? [name] : [],
    );
    const kept = Object.entries(resource).filter(([name]) => [...names, ...required].includes(name.replace(/^_/, '')));
    const tag = [...(meta?.tag ?? []), SUBSETTED];
    return { ...Object.fromEntries(kept), resourceType, id, meta: { ...meta, tag } } as FhirResource;
  };
}
