import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';
import { choices, datatypes, primitives, resources, type Element, type Structure } from './structures.js';

/** What Postgres keeps in no jsonb, as JSON.stringify writes it. */
const unstorable = /(?<!\\)(\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/;

type Body = Readonly<Record<string, unknown>>;

/**
 * Checks a resource from outside against R4 as far as Collimator relies on it: cardinality, types, required bindings,
 * and the same within every datatype it reads. Elements the tables do not name pass as they are.
 *
 * @returns the resource, typed
 * @throws Failure field-missing or field-invalid, with the FHIRPath of the first element at fault; the value is not
 *   quoted
 */
export function validateResource<T extends FhirResource['resourceType']>(
  resource: unknown,
  type: T,
): Extract<FhirResource, { resourceType: T }> {
  if (!isObject(resource) || resource.resourceType !== type)
    throw fail('field-invalid', `the body must be a ${type}`, { field: 'resourceType' });
  try {
    if (unstorable.test(JSON.stringify(resource)))
      throw fail('field-invalid', 'no text may hold the character NUL or half a surrogate pair', { field: type });
    checkResource(type, resource);
  } catch (error) {
    if (error instanceof RangeError) throw fail('field-invalid', `the ${type} is nested too deeply`, { field: type });
    throw error;
  }
  return resource as unknown as Extract<FhirResource, { resourceType: T }>;
}

function checkResource(path: string, body: Body): void {
  const type = String(body.resourceType);
  checkElements(path, body, resources[type] ?? {});
  for (const [name, { of, required }] of Object.entries(choices[type] ?? {})) {
    const given = of.filter((element) => isGiven(body[element]));
    const field = `${path}.${name}`;
    if (given.length > 1) throw fail('field-invalid', `${field} may be only one of ${of.join(', ')}`, { field });
    if (required && given.length === 0)
      throw fail('field-missing', `${field} is required: ${of.join(' or ')}`, { field });
  }
}

function checkElements(path: string, body: Body, structure: Structure): void {
  for (const [name, element] of Object.entries(structure)) checkElement(`${path}.${name}`, body[name], element);
}

function checkElement(field: string, value: unknown, element: Element): void {
  if (!isGiven(value)) {
    if (element.required) throw fail('field-missing', `${field} is required`, { field });
  } else if (!element.repeats) checkValue(field, value, element);
  else if (!Array.isArray(value)) throw fail('field-invalid', `${field} must be an array`, { field });
  // FHIR JSON puts null where a repetition of a primitive has only extensions.
  else
    value.forEach((one, index) => {
      if (one !== null || !Object.hasOwn(primitives, element.is)) checkValue(`${field}[${index}]`, one, element);
    });
}

function checkValue(field: string, value: unknown, { is, codes }: Element): void {
  const accepts = primitives[is];
  if (accepts) {
    if (!accepts(value)) throw fail('field-invalid', `${field} must be a FHIR R4 ${is}`, { field });
    if (codes && !codes.includes(value as string))
      throw fail('field-invalid', `${field} must be one of ${codes.join(', ')}`, { field });
  } else if (!isObject(value)) throw fail('field-invalid', `${field} must be a ${is}`, { field });
  else if (is === 'Resource') {
    if (typeof value.resourceType !== 'string')
      throw fail('field-missing', `${field}.resourceType is required`, { field: `${field}.resourceType` });
    // An entry is checked by whoever takes it in, under its own name; what is contained belongs to its container.
    if (!field.startsWith('Bundle.')) checkResource(field, value);
  } else checkElements(field, value, datatypes[is] ?? {});
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
