import type { Extension, FhirResource } from 'fhir/r4.js';
import { choices } from './structures.js';

/**
 * What was said of a resource over what is known of it: an element left out keeps its value, one given replaces it, of a
 * choice (`value[x]`) as a whole. Extensions are elements by their url: one without a value takes away what was known.
 */
export function joinStated<R extends FhirResource>(current: R | undefined, stated: R): R {
  const kept = current ? withoutOtherChoices(current, stated) : {};
  const extension = joinExtensions((current as Extended | undefined)?.extension, (stated as Extended).extension);
  return { ...kept, ...stated, ...(extension.length > 0 ? { extension } : { extension: undefined }), meta: current?.meta ?? stated.meta }; // prettier-ignore
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
