import { fail } from '#platform';
import { textDecodingFor, type TextDecoding } from './character-set.js';
import { Dataset, type Element, type Values } from './dataset.js';
import { attributeAt, nameOfTag, type Vr } from './dictionary.js';
import { explicitVrLittleEndian, implicitVrLittleEndian } from './transfer-syntax.js';
import {
  byteVrs,
  characterSetApplies,
  isVr,
  longForm,
  numberVrs,
  singleText,
  trimmedInFront,
} from './value-representation.js';

/** Bounds of what is read, so that no data set costs more than it is worth. */
export interface DecodeLimits {
  /** Sequences within sequences. */
  depth: number;
  /** Elements in all levels together. */
  elements: number;
}

const usualLimits: DecodeLimits = { depth: 12, elements: 250_000 };
const undefinedLength = 0xffffffff;
const item = 0xfffee000;
const itemEnd = 0xfffee00d;
const sequenceEnd = 0xfffee0dd;
const specificCharacterSet = 0x00080005;

/**
 * Reads a data set (PS3.5 §7). Padding is trimmed, zero length stays empty, unknown elements of implicit VR are kept as
 * bytes (UN), retired group lengths are dropped.
 * @throws Failure `field-invalid` naming the element where the bytes are no data set, or where a limit is passed;
 *   `not-supported` for another transfer syntax.
 */
export function decodeDataset(bytes: Buffer, transferSyntax: string, limits: Partial<DecodeLimits> = {}): Dataset {
  if (transferSyntax !== implicitVrLittleEndian && transferSyntax !== explicitVrLittleEndian)
    throw fail('not-supported', 'this transfer syntax is not spoken here', { field: 'TransferSyntaxUID' });
  const decoder = new Decoder(bytes, { ...usualLimits, ...limits });
  return decoder.dataset(bytes.length, transferSyntax === explicitVrLittleEndian, 0, textDecodingFor([]));
}

class Decoder {
  #at = 0;
  #elements = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly limits: DecodeLimits,
  ) {}

  /** Elements up to `end`, or up to an item delimiter where `delimited`. */
  dataset(end: number, explicit: boolean, depth: number, inherited: TextDecoding, delimited = false): Dataset {
    const dataset = new Dataset();
    let decoding = inherited;
    while (this.#at < end) {
      const tag = this.#tag(end);
      if (tag === itemEnd && delimited) {
        this.#length(end);
        return dataset;
      }
      if (++this.#elements > this.limits.elements) throw malformed(tag, 'the data set has too many elements');
      const element = this.#element(tag, end, explicit, depth, decoding);
      if (tag === specificCharacterSet)
        decoding = textDecodingFor(element.vr === 'CS' ? (element.values as string[]) : []);
      if ((tag & 0xffff) !== 0 || tag < 0x10000) dataset.put(element);
    }
    if (delimited) throw malformed(itemEnd, 'an item of undefined length has no end');
    return dataset;
  }

  #element(tag: number, end: number, explicit: boolean, depth: number, decoding: TextDecoding): Element {
    const known = attributeAt(tag)?.vr;
    let vr: Vr = known ?? 'UN';
    let length: number;
    let contentExplicit = explicit;
    if (explicit) {
      this.#need(4, end, tag);
      const letters = this.bytes.toString('latin1', this.#at, this.#at + 2);
      if (!isVr(letters)) throw malformed(tag, 'the value representation is not one of PS3.5');
      vr = letters;
      if (longForm.has(letters)) {
        this.#at += 4;
        length = this.#length(end);
      } else {
        length = this.bytes.readUInt16LE(this.#at + 2);
        this.#at += 4;
      }
      // PS3.5 §6.2.2: what was unknown to the sender is encoded in implicit VR.
      if (vr === 'UN' && (length === undefinedLength || known)) {
        vr = known ?? 'SQ';
        contentExplicit = false;
      }
    } else {
      length = this.#length(end);
      if (!known && length === undefinedLength) vr = 'SQ';
    }
    if (vr === 'SQ') return { tag, vr, values: this.#sequence(tag, length, end, contentExplicit, depth + 1, decoding) };
    if (length === undefinedLength) throw malformed(tag, 'only a sequence may have undefined length');
    this.#need(length, end, tag);
    const value = this.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return { tag, vr, values: valuesOf(tag, vr, value, decoding) };
  }

  #sequence(tag: number, length: number, end: number, explicit: boolean, depth: number, decoding: TextDecoding) {
    if (depth > this.limits.depth) throw malformed(tag, 'sequences are nested too deeply');
    const delimited = length === undefinedLength;
    if (!delimited) this.#need(length, end, tag);
    const sequenceEndsAt = delimited ? end : this.#at + length;
    const items: Dataset[] = [];
    while (this.#at < sequenceEndsAt) {
      const marker = this.#tag(sequenceEndsAt);
      const itemLength = this.#length(sequenceEndsAt);
      if (marker === sequenceEnd && delimited) return items;
      if (marker !== item) throw malformed(tag, 'a sequence holds something that is not an item');
      if (++this.#elements > this.limits.elements) throw malformed(tag, 'the data set has too many elements');
      if (itemLength === undefinedLength) items.push(this.dataset(sequenceEndsAt, explicit, depth, decoding, true));
      else {
        this.#need(itemLength, sequenceEndsAt, tag);
        items.push(this.dataset(this.#at + itemLength, explicit, depth, decoding));
      }
    }
    if (delimited) throw malformed(tag, 'a sequence of undefined length has no end');
    return items;
  }

  #tag(end: number): number {
    this.#need(4, end, 0);
    const tag = this.bytes.readUInt16LE(this.#at) * 0x10000 + this.bytes.readUInt16LE(this.#at + 2);
    this.#at += 4;
    return tag;
  }

  #length(end: number): number {
    this.#need(4, end, 0);
    this.#at += 4;
    return this.bytes.readUInt32LE(this.#at - 4);
  }

  #need(count: number, end: number, tag: number): void {
    if (count > end - this.#at) throw malformed(tag, 'the data set ends within an element');
  }
}

function valuesOf(tag: number, vr: Vr, bytes: Buffer, decoding: TextDecoding): Values {
  if (bytes.length === 0) return [];
  if (byteVrs.has(vr)) return Buffer.from(bytes);
  const number = numberVrs[vr];
  if (number) {
    if (bytes.length % number.size !== 0) throw malformed(tag, `the length does not fit the representation ${vr}`);
    return Array.from({ length: bytes.length / number.size }, (_, index) => number.read(bytes, index * number.size));
  }
  const text = characterSetApplies.has(vr)
    ? decoding(bytes, vr === 'PN' ? '\\^=' : singleText.has(vr) ? '' : '\\')
    : bytes.toString('latin1', 0, bytes.length);
  const inFront = trimmedInFront.has(vr);
  if (singleText.has(vr) || !text.includes('\\')) {
    const trimmed = trimPadding(text, inFront);
    return trimmed === '' ? [] : [trimmed];
  }
  return text.split('\\').map((value) => trimPadding(value, inFront));
}

function trimPadding(text: string, inFront: boolean): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end--;
  let start = 0;
  while (inFront && start < end && text.charCodeAt(start) === 0x20) start++;
  return text.slice(start, end);
}

function malformed(tag: number, what: string) {
  return fail('field-invalid', what, { field: tag === 0 ? 'data set' : nameOfTag(tag) });
}
