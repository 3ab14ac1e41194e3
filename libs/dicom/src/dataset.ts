import { attributeAt, attributeOf, tagOf, type Keyword, type Vr } from './dictionary.js';

/** Values of one element: texts for every text VR (also IS and DS, as sent), numbers for binary ones and AT. */
export type Values = readonly string[] | readonly number[] | readonly Dataset[] | Buffer;

/** One data element. An element without values has length zero: it is known to be empty, which is not the same as 0. */
export interface Element {
  tag: number;
  vr: Vr;
  values: Values;
}

/** What a builder accepts for one element: nothing (zero length), one value or several; a sequence takes records. */
export type ValueInput =
  | undefined
  | null
  | string
  | number
  | Buffer
  | Dataset
  | DatasetInput
  | readonly (string | number | Dataset | DatasetInput)[];

/** A data set written by keyword: `{ PatientID: 'A1', ScheduledProcedureStepSequence: [{ Modality: 'CT' }] }`. */
export type DatasetInput = { [K in Keyword]?: ValueInput };

/**
 * A DICOM data set (PS3.5 §7): elements by tag, each with decoded values. Text is Unicode and trimmed of padding. Once
 * given to a server a data set is treated as finished; do not change it afterwards.
 */
export class Dataset {
  readonly #elements = new Map<number, Element>();

  /** Builds a data set by keyword. `undefined`, `null` and '' make a zero-length element; leave a key out to omit it. */
  static of(input: DatasetInput): Dataset {
    const dataset = new Dataset();
    for (const keyword of Object.keys(input) as Keyword[]) dataset.set(keyword, input[keyword]);
    return dataset;
  }

  /** Sets one element with the VR of the dictionary. */
  set(keyword: Keyword, value: ValueInput): this {
    const { tag, vr } = attributeOf(keyword);
    return this.put({ tag, vr, values: valuesFrom(value) });
  }

  /** Puts an element as it is, replacing one with the same tag. */
  put(element: Element): this {
    this.#elements.set(element.tag, element);
    return this;
  }

  delete(keyword: Keyword): this {
    this.#elements.delete(tagOf(keyword));
    return this;
  }

  /** The element with this keyword or tag. */
  element(key: Keyword | number): Element | undefined {
    return this.#elements.get(typeof key === 'number' ? key : tagOf(key));
  }

  /** Whether the element is there, with or without a value. */
  has(key: Keyword | number): boolean {
    return this.element(key) !== undefined;
  }

  /** Whether the element is there and has a value that is not empty. */
  hasValue(key: Keyword | number): boolean {
    const values = this.element(key)?.values;
    if (values === undefined || values.length === 0) return false;
    return Buffer.isBuffer(values) || values.some((value) => value !== '');
  }

  /** First value as text; undefined if absent or empty. Numbers are given in decimal. */
  text(key: Keyword | number): string | undefined {
    return this.texts(key)[0] || undefined;
  }

  /** All values as text, an empty one among several as ''; none for sequences and bytes. */
  texts(key: Keyword | number): string[] {
    const values = this.element(key)?.values;
    if (values === undefined || Buffer.isBuffer(values)) return [];
    return values.flatMap((value) => (value instanceof Dataset ? [] : [String(value)]));
  }

  /** First value as a number (IS and DS are read); undefined if absent, empty or no number. Never an invented 0. */
  number(key: Keyword | number): number | undefined {
    const text = this.text(key);
    const value = text === undefined ? Number.NaN : Number(text);
    return Number.isFinite(value) ? value : undefined;
  }

  /** Items of a sequence; none if absent or empty. */
  items(key: Keyword | number): Dataset[] {
    const values = this.element(key)?.values;
    if (values === undefined || Buffer.isBuffer(values)) return [];
    return (values as readonly unknown[]).filter((value): value is Dataset => value instanceof Dataset);
  }

  /** The bytes of an element whose VR is binary or unknown. */
  bytes(key: Keyword | number): Buffer | undefined {
    const values = this.element(key)?.values;
    return Buffer.isBuffer(values) ? values : undefined;
  }

  /** All elements in tag order, as they are to be written. */
  elements(): Element[] {
    return [...this.#elements.values()].sort((a, b) => a.tag - b.tag);
  }

  get size(): number {
    return this.#elements.size;
  }

  /** This data set with the elements of another laid over it, top level only (PS3.7 §10.1.3: what N-SET does). */
  modifiedBy(modification: Dataset): Dataset {
    const result = new Dataset();
    for (const element of [...this.#elements.values(), ...modification.#elements.values()]) result.put(element);
    return result;
  }
}

/** An element without a value, with the VR asked for or else that of the dictionary. */
export function emptyElement(tag: number, vr: Vr = attributeAt(tag)?.vr ?? 'UN'): Element {
  return { tag, vr, values: [] };
}

function valuesFrom(value: ValueInput): Values {
  if (value === undefined || value === null || value === '') return [];
  if (Buffer.isBuffer(value)) return value;
  const list = (Array.isArray(value) ? value : [value]) as readonly (string | number | Dataset | DatasetInput)[];
  return list.map((one) =>
    typeof one === 'object' && !(one instanceof Dataset) ? Dataset.of(one) : one,
  ) as unknown as Values;
}
