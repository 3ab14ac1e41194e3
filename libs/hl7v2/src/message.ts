import { decodeMessage } from './character-set.js';
import { readEncodingCharacters, recommended, type EncodingCharacters } from './encoding-characters.js';
import { escape, unescape } from './escapes.js';
import { rejection, type Location } from './refusal.js';

/** What stands in a field: a value, nothing (no change), or `""` (delete). HL7 v2.5.1 section 2.5.3. */
export const DELETE = '""';

/** One segment. Fields count from 1 as the standard counts them; MSH-1 is the field separator itself. */
export class Segment {
  private readonly fields: string[];
  /** Repetitions of fields that were looked at: a field of many, read one by one, must not be split for each. */
  private readonly split = new Map<number, string[]>();
  readonly name: string;

  constructor(
    line: string,
    readonly characters: EncodingCharacters,
    /** Which segment of this name in the message, from 1. */
    readonly sequence: number,
  ) {
    const parts = line.split(characters.field);
    this.name = parts[0]!;
    this.fields = this.name === 'MSH' ? [parts[0]!, characters.field, ...parts.slice(1)] : parts;
  }

  /** A field as it stands, all repetitions and escapes included; empty where there is none. */
  raw(field: number): string {
    return this.fields[field] ?? '';
  }

  /** How many repetitions a field has; 0 where it is empty. */
  repetitions(field: number): number {
    return this.raw(field) === '' ? 0 : this.repetitionsOf(field).length;
  }

  /**
   * A value with its escapes read and surrounding spaces gone; undefined where nothing stands there or `""` does
   * (see {@link isDeleted}). A component of a field without components is the field itself where it is the first.
   */
  get(field: number, component = 1, subcomponent = 1, repetition = 1): string | undefined {
    const raw = this.raw(field);
    if (raw === '') return undefined;
    const whole = this.repetitionsOf(field)[repetition - 1] ?? '';
    const part = partsOf(whole, this.separator(field, this.characters.component))[component - 1] ?? '';
    const value = unescape(
      partsOf(part, this.separator(field, this.characters.subcomponent))[subcomponent - 1] ?? '',
      this.characters,
    ).trim();
    return value === '' || value === DELETE ? undefined : value;
  }

  /** A whole repetition of a field read as text: separators inside it belong to the text (data types TX, FT). */
  text(field: number, repetition = 1): string | undefined {
    const whole = this.repetitionsOf(field)[repetition - 1] ?? '';
    return whole === '' || whole === DELETE ? undefined : unescape(whole, this.characters);
  }

  /** True where the sender says `""`: what was known is to be deleted. */
  isDeleted(field: number): boolean {
    return this.raw(field) === DELETE;
  }

  /** The highest field that is there. */
  get length(): number {
    return this.fields.length - 1;
  }

  /** The segment as if nothing stood in one field. */
  without(field: number): Segment {
    return this.with(field, '');
  }

  /** The segment with something else in one field, which is taken as it is: its separators separate. */
  with(field: number, raw: string): Segment {
    const length = Math.max(this.fields.length, field + 1);
    const fields = Array.from({ length }, (_, index) => (index === field ? raw : this.raw(index)));
    if (this.name === 'MSH') fields.splice(1, 1);
    return new Segment(fields.join(this.characters.field), this.characters, this.sequence);
  }

  /** The ERR location of a field of this segment. */
  at(field: number, component?: number, repetition?: number): Location {
    return { segment: this.name, sequence: this.sequence, field, repetition, component };
  }

  private repetitionsOf(field: number): string[] {
    const known = this.split.get(field);
    if (known) return known;
    const parts = partsOf(this.raw(field), this.separator(field, this.characters.repetition));
    this.split.set(field, parts);
    return parts;
  }

  /** MSH-2 is the one field whose separators are not separators. */
  private separator(field: number, character: string): string {
    return this.name === 'MSH' && field === 2 ? '' : character;
  }
}

function partsOf(text: string, separator: string): string[] {
  return separator === '' ? [text] : text.split(separator);
}

/** Message codes that have one trigger event in table 0354. */
const onlyEvents: Record<string, string> = { ORM: 'O01', OMG: 'O19', OMI: 'O23', ORU: 'R01' };

/** One message, its segments in order. */
export class Hl7Message {
  constructor(
    readonly segments: readonly Segment[],
    readonly characters: EncodingCharacters,
  ) {}

  /** The message header. */
  get header(): Segment {
    return this.segments[0]!;
  }

  /** The first segment of that name. */
  first(name: string): Segment | undefined {
    return this.segments.find((segment) => segment.name === name);
  }

  /** All segments of that name. */
  all(name: string): Segment[] {
    return this.segments.filter((segment) => segment.name === name);
  }

  /**
   * Message code and trigger event, such as `ORM^O01` (MSH-9.1 and 9.2). Where the event is left out, as senders of the
   * oldest versions do, it is the one of EVN-1, else the only one the message code has.
   */
  get type(): string {
    const code = this.header.get(9, 1) ?? '';
    const only = Object.hasOwn(onlyEvents, code) ? onlyEvents[code] : undefined;
    return `${code}^${this.header.get(9, 2) ?? this.first('EVN')?.get(1) ?? only ?? ''}`;
  }

  /** MSH-10; empty where the sender gave none. */
  get controlId(): string {
    return this.header.get(10) ?? '';
  }

  /** MSH-3.1. */
  get sendingApplication(): string {
    return this.header.get(3) ?? '';
  }

  /** MSH-4.1. */
  get sendingFacility(): string {
    return this.header.get(4) ?? '';
  }

  /** MSH-12.1, such as `2.5.1`. */
  get version(): string {
    return this.header.get(12) ?? '';
  }
}

const MAX_SEGMENTS = 10_000;

/**
 * Reads a message: separators from its MSH, characters by its MSH-18; segments end in CR, LF or both.
 *
 * @param otherwise the character set, by its name of table 0211, of a message that names none
 * @throws Hl7Refusal AR if it cannot be read at all
 */
export function parseMessage(bytes: Buffer, otherwise?: string): Hl7Message {
  const { text, characterSet } = decodeMessage(bytes, otherwise);
  const characters = { ...readEncodingCharacters(text), characterSet };
  const lines = text.split(/[\r\n]+/).filter((line) => line !== '');
  if (lines.length > MAX_SEGMENTS)
    throw rejection(100, `the message has more than ${MAX_SEGMENTS} segments: send it in parts`);
  const counts = new Map<string, number>();
  const segments = lines.map((line, index) => {
    const name = line.slice(0, 3);
    if (!/^[A-Z][A-Z0-9]{2}$/.test(name) || (line.length > 3 && line.charAt(3) !== characters.field))
      throw rejection(
        100,
        `line ${index + 1} is no segment: it must begin with a segment name and ${characters.field}`,
      );
    if (name === 'MSH' && index > 0)
      throw rejection(100, 'a second MSH follows: send one message a frame', { segment: 'MSH', sequence: 2 });
    const sequence = (counts.get(name) ?? 0) + 1;
    counts.set(name, sequence);
    return new Segment(line, characters, sequence);
  });
  return new Hl7Message(segments, characters);
}

/**
 * The MSH of a message that cannot be read as a whole, so that its refusal can name the message it refuses: a sender
 * waits for its own control id. Undefined where not even that can be read.
 */
export function readHeader(bytes: Buffer): Hl7Message | undefined {
  // MSH up to field 18 is ASCII in every character set of table 0211, and latin1 reads any byte.
  const line = bytes
    .subarray(0, 4096)
    .toString('latin1')
    .split(/[\r\n]/)[0]!;
  try {
    const characters = readEncodingCharacters(line);
    return new Hl7Message([new Segment(line, characters, 1)], characters);
  } catch {
    return undefined;
  }
}

/** A value to be written: text, a list of components, a list of repetitions that are lists of components, or nothing. */
export type FieldValue =
  string | undefined | readonly (string | undefined)[] | readonly (readonly (string | undefined)[])[];

/** Writes one segment with the recommended separators; trailing empty fields are left out. */
export function writeSegment(name: string, fields: Record<number, FieldValue>): string {
  const last = Math.max(
    0,
    ...Object.entries(fields)
      .filter(([, value]) => writeField(value) !== '')
      .map(([at]) => Number(at)),
  );
  const values = Array.from({ length: last }, (_, index) => writeField(fields[index + 1]));
  // MSH-1 is the separator itself and MSH-2 the other four, unescaped.
  if (name === 'MSH') values.splice(0, 2, '^~\\&');
  return [name, ...values].join(recommended.field);
}

/** Segments as the bytes of a message, in UTF-8. */
export function writeMessage(segments: string[]): Buffer {
  return Buffer.from(segments.map((segment) => `${segment}\r`).join(''), 'utf8');
}

function writeField(value: FieldValue): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return escape(value, recommended);
  if (isRepeated(value)) return value.map((one) => writeField(one)).join(recommended.repetition);
  return value
    .map((one) => escape(one ?? '', recommended))
    .join(recommended.component)
    .replace(/\^+$/, '');
}

function isRepeated(value: readonly unknown[]): value is readonly (readonly (string | undefined)[])[] {
  return value.length > 0 && value.every((one) => Array.isArray(one));
}
