import type { Extension, FhirResource } from 'fhir/r4.js';
import { choices } from './structures.js';

/**
 * What was said of a resource over what is known of it: an element left out keeps its value, one given replaces it, of a
 * choice (`value[x]`) as a whole. Extensions are elements by their url: one without a value takes away what was known.
 */
export function joinStated<R extends FhirResource>(current: R | undefined, stated: R): R {
  const kept = current ? withoutOtherChoices(current, stated) : {};
  const extension = joinExtensions((current as Extended | undefined)?.extension, (stated as Extended).extension);
  return {
    ...kept,
    ...stated,
    ...(extension.length > 0 ? { extension } : { extension: undefined }),
    meta: current?.meta ?? stated.meta,
  };
}

/**
 * An update (FHIR R4 section 3.1.0.4) as a statement that {@link joinStated} takes: what it leaves out is no more.
 *
 * @param kept elements an update cannot take away, since they are assigned here
 * @param keptExtensions urls of extensions that are so as well
 */
export function asReplacement<R extends FhirResource>(
  current: R,
  next: R,
  kept: readonly string[],
  keptExtensions: readonly string[] = [],
): R {
  const urls = (next as Extended).extension?.map(({ url }) => url) ?? [];
  const ended = ((current as Extended).extension ?? []).filter(
    ({ url }) => ![...urls, ...keptExtensions].includes(url),
  );
  // One without a value takes away what was known.
  const extension = [...((next as Extended).extension ?? []), ...ended.map(({ url }) => ({ url }))];
  const always = ['resourceType', 'id', 'meta', ...kept];
  return { ...withoutTheRest(current, next, always), ...(extension.length > 0 ? { extension } : {}) };
}

/** What is said, with what is left out said to be undefined: also within an element, which may be joined by its parts. */
function withoutTheRest<T extends object>(current: T, next: T, kept: readonly string[] = []): T {
  const left = Object.keys(current).filter((key) => !(key in next) && !kept.includes(key));
  const said = Object.entries(next).map(([key, value]) => {
    const before = (current as Record<string, unknown>)[key];
    return [key, isObject(value) && isObject(before) ? withoutTheRest(before, value) : value] as const;
  });
  return Object.fromEntries([...left.map((key) => [key, undefined] as const), ...said]) as T;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Extensions as stated, and those known of other urls. */
export function joinExtensions(known: readonly Extension[] = [], stated: readonly Extension[] = []): Extension[] {
  const kept = known.filter(({ url }) => !stated.some((one) => one.url === url));
  return [...kept, ...stated].filter((one) => Object.keys(one).length > 1);
}

interface Extended {
  extension?: Extension[];
}

function withoutOtherChoices<R extends FhirResource>(current: R, stated: R): Partial<R> {
  const given = (element: string) => (stated as unknown as Record<string, unknown>)[element] !== undefined;
  const replaced = Object.values(choices[stated.resourceType] ?? {})
    .filter(({ of }) => of.some(given))
    .flatMap(({ of }) => of);
  return Object.fromEntries(Object.entries(current).filter(([element]) => !replaced.includes(element))) as Partial<R>;
}
