import { contentError, type Segment } from '#hl7v2';

/** What a row's reader may need beside the segment. */
export interface Surroundings {
  zone: string;
  systemOf(namespaceId: string | undefined, universalId?: string, universalIdType?: string): string | undefined;
}

/** One line of a mapping: where it comes from, which row of the HL7 v2-to-FHIR IG says so, and where it goes. */
export interface Row<T> {
  /** Field of the segment, as the standard numbers it. */
  source: number;
  /** Row of the IG's segment map, or `deviation: …` with its reason. */
  cites: string;
  target: keyof T & string;
  read(segment: Segment, field: number, around: Surroundings): unknown;
}

/**
 * Applies the rows in order. A field that is empty makes no element, so that what is known stays as it is; one that is
 * `""` makes the element undefined, so that it replaces what is known (HL7 v2.5.1 section 2.5.3). The first row that
 * gives an element a value wins, lists are joined.
 */
export function applyRows<T>(rows: readonly Row<T>[], segment: Segment, around: Surroundings): Partial<T> {
  const result: Record<string, unknown> = {};
  for (const { source, target, read } of rows) {
    if (segment.raw(source) === '') continue;
    if (segment.isDeleted(source)) {
      result[target] ??= undefined;
      continue;
    }
    const value = read(segment, source, around);
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const there = result[target];
    if (there === undefined) result[target] = value;
    else if (Array.isArray(there) && Array.isArray(value)) result[target] = [...there, ...value];
  }
  return result as Partial<T>;
}

/** What a code table says of a code; undefined if it does not have it. */
export function ofTable<T>(table: Readonly<Record<string, T>>, code: string | undefined): T | undefined {
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
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
