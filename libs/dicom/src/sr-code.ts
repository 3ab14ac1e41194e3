import type { Dataset } from './dataset.js';
import equivalences from './code-equivalences.json' with { type: 'json' };

/** A coded concept (PS3.3 section 8.8): its value means something only together with its scheme. */
export interface Code {
  value: string;
  /** Coding Scheme Designator, such as DCM, SCT, LN, UCUM. */
  scheme: string;
  meaning?: string;
}

const schemes = new Map(
  Object.entries(equivalences.schemes).flatMap(([scheme, names]) => names.map((name) => [name, scheme] as const)),
);
const preferred = new Map(
  equivalences.codes.flatMap(([first, ...others]) => others.map((other) => [other, first!] as const)),
);

/**
 * A code of the DICOM controlled terminology (PS3.16 annex D), or of another scheme, to look for.
 *
 * @param written `scheme|value`, or a value alone, which is of scheme DCM
 */
export function codeOf(written: string): Code {
  const [scheme, value] = written.includes('|') ? written.split('|') : ['DCM', written];
  return { scheme: scheme!, value: value! };
}

/**
 * Whether two codes are the same concept: the same value of the same scheme, or one of SNOMED CT and its SNOMED-RT code
 * of before, which older equipment still sends (PS3.16 section 8.1.1). Meanings are not compared.
 */
export function isSameCode(one: Code | undefined, other: Code | undefined): boolean {
  return one !== undefined && other !== undefined && keyOf(one) === keyOf(other);
}

/** The same concept as SNOMED CT has it, where a SNOMED-RT code of the table came; else the code as it is. */
export function preferredCode(code: Code): Code {
  const [scheme, value] = keyOf(code).split('|') as [string, string];
  return value === code.value ? code : { ...code, scheme, value };
}

/** The code in the first item of a code sequence; undefined where it has none, or one without scheme. */
export function codeFrom(item: Dataset | undefined): Code | undefined {
  if (!item) return undefined;
  // PS3.3 table 8.8-1: a URN names its scheme itself.
  const urn = item.text('URNCodeValue');
  const value = item.text('CodeValue') ?? item.text('LongCodeValue') ?? urn;
  const scheme = item.text('CodingSchemeDesignator') ?? (urn && value === urn ? 'URN' : undefined);
  if (value === undefined || scheme === undefined) return undefined;
  const meaning = item.text('CodeMeaning');
  return { value, scheme, ...(meaning ? { meaning } : {}) };
}

function keyOf({ scheme, value }: Code): string {
  const upper = scheme.toUpperCase();
  const key = `${schemes.get(upper) ?? upper}|${value}`;
  return preferred.get(key) ?? key;
}
