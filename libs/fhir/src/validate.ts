import type { FhirResource } from 'fhir/r4.js';
import { fail, ofTable, type Failure } from '#platform';
import { isGiven, problemsOfProfile, type Profile, type Profiles } from './profile.js';
import { datatypes, primitives, type Element, type Structure } from './datatypes.js';
import { choices, resources } from './structures.js';

/** What Postgres keeps in no jsonb, as JSON.stringify writes it. */
const unstorable = /(?<!\\)(\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/;

/** A sender mends these first; what is wrong a hundred times is wrong in one way. */
const MOST_PROBLEMS = 50;

type Body = Readonly<Record<string, unknown>>;

/**
 * Checks a resource from outside against R4 as far as Collimator relies on it: cardinality, types, required bindings,
 * and the same within every datatype it reads, every contained resource and every entry of a Bundle. Elements the tables
 * do not name pass as they are.
 *
 * @param profiles what is asked beyond R4 of the resource, or of each entry of a Bundle, by its type
 * @returns the resource, typed
 * @throws Failure field-missing or field-invalid, with the FHIRPath of the first element at fault and, in `also`, of the
 *   others, 50 at most; no value is quoted
 */
export function validateResource<T extends FhirResource['resourceType']>(
  resource: unknown,
  type: T,
  profiles: Profiles = {},
): Extract<FhirResource, { resourceType: T }> {
  if (!isObject(resource) || resource.resourceType !== type)
    throw fail('field-invalid', `the body must be a ${type}`, { field: 'resourceType' });
  try {
    if (unstorable.test(JSON.stringify(resource)))
      throw fail('field-invalid', 'no text may hold the character NUL or half a surrogate pair', { field: type });
    const [problem, ...also] = first(MOST_PROBLEMS, problemsOfResource(type, resource, profiles));
    if (problem) throw fail(problem.code, problem.message, { field: problem.field, also });
  } catch (error) {
    if (error instanceof RangeError) throw fail('field-invalid', `the ${type} is nested too deeply`, { field: type });
    throw error;
  }
  return resource as unknown as Extract<FhirResource, { resourceType: T }>;
}

function first<T>(count: number, all: Iterable<T>): T[] {
  const taken: T[] = [];
  for (const one of all) if (taken.push(one) === count) break;
  return taken;
}

function* problemsOfResource(path: string, body: Body, profiles: Profiles): Generator<Failure, undefined> {
  const broken = new Set<string>();
  for (const problem of problemsOfStructure(path, body, profiles)) {
    broken.add(/^\w*/.exec(problem.field!.slice(path.length + 1))![0]);
    yield problem;
  }
  const profile = ofTable(profiles as Record<string, Profile>, String(body.resourceType));
  if (profile) yield* problemsOfProfile(path, body, profile, broken);
}

function* problemsOfStructure(path: string, body: Body, profiles: Profiles): Generator<Failure, undefined> {
  const type = String(body.resourceType);
  yield* problemsOfElements(path, body, ofTable(resources, type) ?? {}, profiles);
  for (const [name, { of, required }] of Object.entries(ofTable(choices, type) ?? {})) {
    const given = of.filter((element) => isGiven(body[element]));
    const field = `${path}.${name}`;
    if (given.length > 1) yield fail('field-invalid', `${field} may be only one of ${of.join(', ')}`, { field });
    if (required && given.length === 0)
      yield fail('field-missing', `${field} is required: ${of.join(' or ')}`, { field });
  }
}

function* problemsOfElements(
  path: string,
  body: Body,
  structure: Structure,
  profiles: Profiles,
): Generator<Failure, undefined> {
  for (const [name, element] of Object.entries(structure))
    yield* problemsOfElement(`${path}.${name}`, body[name], element, profiles);
}

function* problemsOfElement(
  field: string,
  value: unknown,
  element: Element,
  profiles: Profiles,
): Generator<Failure, undefined> {
  if (!isGiven(value)) {
    if (element.required) yield fail('field-missing', `${field} is required`, { field });
  } else if (!element.repeats) yield* problemsOfValue(field, value, element, profiles);
  else if (!Array.isArray(value)) yield fail('field-invalid', `${field} must be an array`, { field });
  else
    for (const [index, one] of value.entries())
      // FHIR JSON puts null where a repetition of a primitive has only extensions.
      if (one !== null || !Object.hasOwn(primitives, element.is))
        yield* problemsOfValue(`${field}[${index}]`, one, element, profiles);
}

function* problemsOfValue(
  field: string,
  value: unknown,
  { is, codes }: Element,
  profiles: Profiles,
): Generator<Failure, undefined> {
  const accepts = primitives[is];
  if (accepts) {
    if (!accepts(value)) yield fail('field-invalid', `${field} must be a FHIR R4 ${is}`, { field });
    else if (codes && !codes.includes(value as string))
      yield fail('field-invalid', `${field} must be one of ${codes.join(', ')}`, { field });
  } else if (!isObject(value)) yield fail('field-invalid', `${field} must be a ${is}`, { field });
  else if (is === 'Resource' || is === 'Contained') {
    if (typeof value.resourceType !== 'string')
      yield fail('field-missing', `${field}.resourceType is required`, { field: `${field}.resourceType` });
    // What is contained is only spoken of: nothing is asked of it beyond R4.
    else yield* problemsOfResource(field, value, is === 'Resource' ? profiles : {});
  } else yield* problemsOfElements(field, value, datatypes[is] ?? {}, profiles);
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
