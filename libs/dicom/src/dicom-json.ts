import { fail } from '#platform';
import { Dataset, type Element, type Values } from './dataset.js';
import { attributeAt, nameOfTag, type Vr } from './dictionary.js';
import { byteVrs, isVr, numberVrs } from './value-representation.js';

/** A data set in the DICOM JSON model (PS3.18 annex F): elements by tag, eight hexadecimal digits. */
export type DicomJson = Record<string, { vr: string; Value?: unknown[]; InlineBinary?: string }>;

const SPECIFIC_CHARACTER_SET = 0x00080005;
/** How deep sequences may lie in each other, and how many elements are read in all. */
const DEPTH = 4;
const MOST_ELEMENTS = 500;
/** Component groups of VR PN (PS3.18 section F.2.2). */
const groups = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

/** Writes a data set in the DICOM JSON model; JSON is always UTF-8, so Specific Character Set is left out. */
export function datasetToJson(dataset: Dataset): DicomJson {
  const elements = dataset.elements().filter(({ tag }) => tag !== SPECIFIC_CHARACTER_SET);
  return Object.fromEntries(elements.map((element) => [hex(element.tag), jsonOf(element)]));
}

/**
 * Reads a data set of the DICOM JSON model, such as a query.
 *
 * @param bounds how deep sequences may lie in each other, and how many elements are read, where it is more than a query
 * @throws Failure `field-invalid` naming the attribute that is none, or whose value its VR cannot hold
 */
export function datasetFromJson(json: unknown, { depth = DEPTH, mostElements = MOST_ELEMENTS } = {}): Dataset {
  return read(json, { left: mostElements }, depth);
}

function jsonOf({ vr, values }: Element): DicomJson[string] {
  if (values.length === 0) return { vr };
  if (Buffer.isBuffer(values)) return { vr, InlineBinary: values.toString('base64') };
  return { vr, Value: [...values].map((value) => valueOut(vr, value)) };
}

function valueOut(vr: Vr, value: string | number | Dataset): unknown {
  if (value instanceof Dataset) return datasetToJson(value);
  if (vr === 'AT') return hex(value as number);
  if (value === '') return null;
  if (vr === 'PN') return nameOut(String(value));
  // Kept as they were sent until now; a number that is none stays a text (PS3.18 section F.2.5).
  if (vr === 'DS' || vr === 'IS') return Number.isFinite(Number(value)) ? Number(value) : value;
  return value;
}

function nameOut(name: string): Partial<Record<(typeof groups)[number], string>> {
  const said = name.split('=');
  return Object.fromEntries(groups.flatMap((group, index) => (said[index] ? [[group, said[index]]] : [])));
}

function read(json: unknown, count: { left: number }, depth: number): Dataset {
  if (!isObject(json)) throw fail('field-invalid', 'must be an object of the DICOM JSON model', { field: 'data set' });
  const dataset = new Dataset();
  for (const [key, content] of Object.entries(json)) {
    // What a client made up is not quoted.
    if (!/^[0-9A-Fa-f]{8}$/.test(key))
      throw fail('field-invalid', 'must be a tag of eight hexadecimal digits', { field: 'data set' });
    const tag = Number.parseInt(key, 16);
    if (--count.left < 0) throw wrong(tag, 'there are too many elements');
    if (!isObject(content)) throw wrong(tag, 'must be an object with vr and Value');
    const vr = content.vr ?? attributeAt(tag)?.vr ?? 'UN';
    if (typeof vr !== 'string' || !isVr(vr)) throw wrong(tag, 'vr must be a value representation of PS3.5');
    const values = content.Value ?? [];
    if (!Array.isArray(values)) throw wrong(tag, 'Value must be a list');
    dataset.put({ tag, vr, values: valuesIn(tag, vr, values, count, depth) });
  }
  return dataset;
}

function valuesIn(tag: number, vr: Vr, values: unknown[], count: { left: number }, depth: number): Values {
  if (vr === 'SQ') {
    if (depth === 0) throw wrong(tag, 'sequences lie too deep in each other');
    return values.map((one) => read(one, count, depth - 1));
  }
  // Bytes are nothing to search by.
  if (byteVrs.has(vr)) return [];
  return values.map((one) => valueIn(tag, vr, one)) as Values;
}

function valueIn(tag: number, vr: Vr, value: unknown): string | number {
  if (numberVrs[vr] && vr !== 'AT') {
    if (typeof value === 'number') return value;
    throw wrong(tag, `${vr} takes numbers`);
  }
  if (value === null) return '';
  if (vr === 'AT') return Number.parseInt(String(value), 16);
  if (vr === 'PN' && isObject(value))
    return groups
      .map((group) => textIn(tag, value[group] ?? ''))
      .join('=')
      .replace(/=+$/, '');
  return textIn(tag, typeof value === 'number' ? String(value) : value);
}

function textIn(tag: number, value: unknown): string {
  if (typeof value !== 'string') throw wrong(tag, 'must be a text');
  return value.trim();
}

function wrong(tag: number, what: string) {
  return fail('field-invalid', what, { field: nameOfTag(tag) });
}

function hex(tag: number): string {
  return tag.toString(16).padStart(8, '0').toUpperCase();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
