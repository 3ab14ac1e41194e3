import { contentError, type Segment } from '#hl7v2';

/** What a row's reader may need beside the segment. */
export interface Surroundings {
  zone: string;
  systemOf(namespaceId: string | undefined, universalId?: string, universalIdType?: string): string | undefined;
}

/**
 * One line of a mapping: a field of the segment, as the standard numbers it, the element it makes, and how it is read.
 * Which row of the HL7 v2-to-FHIR IG says so is found by map and field in `tables/ig-coverage.json`.
 */
export interface Row<T> {
  source: number;
  target: keyof T & string;
  /** Of a row that makes an extension: which one; what is read is its value. */
  extension?: string;
  read(segment: Segment, field: number, around: Surroundings): unknown;
}

/** A {@link Row}; `target` may be `extension <url>`. */
export function row<T>(
  source: number,
  target: (keyof T & string) | `extension ${string}`,
  read: Row<T>['read'],
): Row<T> {
  const [element, extension] = target.split(' ');
  return { source, target: element as keyof T & string, ...(extension ? { extension } : {}), read };
}

/**
 * Applies the rows in order. A field that is empty makes no element, so that what is known stays as it is; one that is
 * `""` makes the element undefined, or an extension without value, so that it replaces what is known (HL7 v2.5.1 section
 * 2.5.3). The first row that gives an element a value wins, lists are joined.
 */
export function applyRows<T>(rows: readonly Row<T>[], segment: Segment, around: Surroundings): Partial<T> {
  const result: Record<string, unknown> = {};
  for (const { source, target, extension, read } of rows) {
    if (segment.raw(source) === '') continue;
    if (segment.isDeleted(source) && !extension) {
      result[target] ??= undefined;
      continue;
    }
    const value = segment.isDeleted(source) ? {} : read(segment, source, around);
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const made = extension ? ([value].flat() as object[]).map((one) => ({ url: extension, ...one })) : value;
    const there = result[target];
    if (there === undefined) result[target] = made;
    else if (Array.isArray(there) && Array.isArray(made)) result[target] = [...there, ...made];
  }
  return result as Partial<T>;
}

/** Far more than anybody has names, numbers or telephones; each is compared with what is known. */
const MAX_REPETITIONS = 500;

/**
 * Every repetition of a field through a reader, those that give nothing left out.
 *
 * @throws Hl7Refusal 102 for a field of more than 500 repetitions
 */
export function eachRepetition<T>(segment: Segment, field: number, read: (repetition: number) => T | undefined): T[] {
  if (segment.repetitions(field) > MAX_REPETITIONS)
    throw contentError(
      102,
      `${segment.name}-${field} must have at most ${MAX_REPETITIONS} repetitions`,
      segment.at(field),
    );
  return Array.from({ length: segment.repetitions(field) }, (_, index) => read(index + 1)).filter(
    (one): one is Awaited<T> & T => one !== undefined,
  );
}
