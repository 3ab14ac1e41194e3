import type { Patient } from 'fhir/r4.js';

/**
 * The languages a patient speaks, the preferred ones first (FHIR R4 Patient.communication). ISO 639-2 codes, which HL7
 * v2 senders often have, are the BCP 47 tag that they mean; what is no language tag is none.
 */
export function languagesOf({ communication = [] }: Patient): string[] {
  const inOrder = [
    ...communication.filter(({ preferred }) => preferred),
    ...communication.filter(({ preferred }) => !preferred),
  ];
  return inOrder.flatMap(({ language }) => {
    const written = [...(language?.coding ?? []).map(({ code }) => code), language?.text];
    return written.flatMap((one) => canonical(one) ?? []).slice(0, 1);
  });
}

/**
 * Of one text in several languages the one that a patient reads: in the first of their languages that there is, a region
 * of it included (RFC 4647 section 3.4, lookup), or written for another region of it; else in the language of the site,
 * else the first.
 */
export function writtenFor<T extends { language: string }>(
  versions: readonly T[],
  spoken: readonly string[],
  ofSite: string,
): T {
  const found = [...spoken, ofSite].flatMap((one) => inLanguage(versions, canonical(one)) ?? []);
  return found[0] ?? versions[0]!;
}

function inLanguage<T extends { language: string }>(versions: readonly T[], wanted: string | undefined): T | undefined {
  if (wanted === undefined) return undefined;
  const parts = wanted.split('-');
  const ranges = parts.map((_, index) => parts.slice(0, parts.length - index).join('-'));
  const exact = ranges.flatMap((range) => versions.find(({ language }) => canonical(language) === range) ?? []);
  return exact[0] ?? versions.find(({ language }) => canonical(language)?.split('-')[0] === parts[0]);
}

/** `de_AT` is written by many; a word such as German is no tag. */
function canonical(tag: string | undefined): string | undefined {
  if (!tag || !/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$/.test(tag.trim())) return undefined;
  try {
    return Intl.getCanonicalLocales(tag.trim().replaceAll('_', '-'))[0];
  } catch {
    return undefined;
  }
}
