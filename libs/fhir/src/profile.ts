import type { ElementDefinitionBinding, FhirResource } from 'fhir/r4.js';
import { fail, type Failure, type FailureCode } from '#platform';

/** What a profile says of one element beyond R4. */
export interface ElementRow {
  /** Its name within the resource, `occurrence[x]` for a choice. */
  element: string;
  min?: 1;
  /** `0` for what would change the meaning of a resource in a way that is not understood here. */
  max?: '0';
  /** True of what is read here, and kept. */
  mustSupport?: true;
  /** What its codes are of, for a person or a program that fills it in. */
  binding?: ElementDefinitionBinding;
  why: string;
}

/** A rule of a profile that takes more than one look at one element. */
export interface ProfileRule<R extends FhirResource = FhirResource> {
  /** Its key in the StructureDefinition. */
  key: string;
  /** The element that is at fault where it does not hold. */
  element: string;
  /** What it looks at: elements that are themselves wrong are not judged again. */
  reads: readonly string[];
  code: Extract<FailureCode, 'field-missing' | 'field-invalid' | 'value-unknown'>;
  /** What must be, as the client is told. */
  human: string;
  /** The same in FHIRPath, as it is published. A peer test has HAPI FHIR and {@link holds} judge the same resources. */
  expression: string;
  holds(resource: R): boolean;
}

/**
 * What a service asks of a resource beyond R4: the one table that incoming resources are checked by, and that the
 * published StructureDefinition is made from.
 */
export interface Profile<R extends FhirResource = FhirResource> {
  /** Its logical id, and the end of its canonical URL. */
  id: string;
  type: R['resourceType'];
  title: string;
  description: string;
  elements: readonly ElementRow[];
  rules: readonly ProfileRule<R>[];
  /** The extensions of ours it may hold, by url. */
  extensions?: readonly string[];
}

/** Profiles by the type they are of. */
export type Profiles = Partial<Record<FhirResource['resourceType'], Profile>>;

/** The canonical URL of a profile. */
export function profileUrl({ id }: Profile): string {
  return `urn:collimator:profile:${id}`;
}

/**
 * What of a resource breaks its profile.
 *
 * @param broken elements that are no valid R4, which nothing more is said of
 */
export function* problemsOfProfile(
  path: string,
  body: Readonly<Record<string, unknown>>,
  { elements, rules }: Profile,
  broken: ReadonlySet<string>,
): Generator<Failure, undefined> {
  const passed = new Set(broken);
  for (const { element, min, max, why } of elements) {
    const field = `${path}.${element}`;
    const isThere = isGiven(body[element]);
    if (broken.has(element) || (min && isThere) || (!min && !(max && isThere))) continue;
    passed.add(element);
    yield min
      ? fail('field-missing', `${field} is required: ${why}`, { field })
      : fail('field-invalid', `${field} must not be there: ${why}`, { field });
  }
  for (const rule of rules)
    if (!rule.reads.some((element) => passed.has(element)) && !rule.holds(body as unknown as FhirResource))
      yield fail(rule.code, rule.human, { field: `${path}.${rule.element}` });
}

/** True of an element that says something: FHIR has no empty lists, and JSON's null says nothing. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}
