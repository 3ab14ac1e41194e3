import { fail } from '#platform';
import { characterSetFor, type WrittenCharacterSet } from './character-set.js';
import { Dataset, type Element } from './dataset.js';
import { nameOfTag, type Vr } from './dictionary.js';
import { explicitVrLittleEndian, implicitVrLittleEndian } from './transfer-syntax.js';
import { byteVrs, characterSetApplies, longForm, numberVrs, singleText } from './value-representation.js';

/** How texts are written. */
export interface EncodeOptions {
  /** Labels of (0008,0005) the reader asked for; only ISO_IR 100 makes a difference, where the text allows it. */
  preferredCharacterSets?: readonly string[];
}

const specificCharacterSet = 0x00080005;

/**
 * Writes a data set (PS3.5 §7), labelled as what it is: without Specific Character Set where every text is ASCII, else
 * ISO_IR 100 where preferred and possible, else ISO_IR 192. Whatever the data set says in (0008,0005) is replaced. In
 * names and single-line texts control characters become spaces and a backslash, which would split the value, becomes
 * a slash.
 * @throws Failure `field-invalid` naming the element whose value its VR cannot hold; nothing is written then.
 */
export function encodeDataset(dataset: Dataset, transferSyntax: string, options: EncodeOptions = {}): Buffer {
  if (transferSyntax !== implicitVrLittleEndian && transferSyntax !== explicitVrLittleEndian)
    throw fail('not-supported', 'this transfer syntax is not spoken here', { field: 'TransferSyntaxUID' });
  const texts: string[] = [];
  collectTexts(dataset, texts);
  const encoder = new Encoder(
    transferSyntax === explicitVrLittleEndian,
    characterSetFor(texts, options.preferredCharacterSets),
  );
  encoder.dataset(dataset, true);
  return encoder.result();
}

function collectTexts(dataset: Dataset, into: string[]): void {
  for (const element of dataset.elements()) {
    if (element.vr === 'SQ') for (const item of element.values) collectTexts(item as Dataset, into);
    else if (characterSetApplies.has(element.vr)) for (const value of element.values) into.push(String(value));
  }
}

class Encoder {
  #buffer = Buffer.allocUnsafe(2048);
  #at = 0;

  constructor(
    private readonly explicit: boolean,
    private readonly characterSet: WrittenCharacterSet,
  ) {}

  result(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  dataset(dataset: Dataset, top: boolean): void {
    const labelled = this.characterSet !== 'ISO_IR 6';
    const elements = dataset.elements().filter((element) => element.tag !== specificCharacterSet);
    let unlabelled = top && labelled;
    for (const element of elements) {
      if (unlabelled && element.tag > specificCharacterSet) {
        this.#element(this.#label());
        unlabelled = false;
      }
      this.#element(element);
    }
    if (unlabelled && elements.length > 0) this.#element(this.#label());
  }

  #label(): Element {
    return { tag: specificCharacterSet, vr: 'CS', values: [this.characterSet] };
  }

  #element({ tag, vr, values }: Element): void {
    this.#reserve(12);
    this.#tag(tag);
    let lengthAt = this.#at;
    if (this.explicit) {
      this.#buffer.write(vr, this.#at, 'latin1');
      this.#at += 2;
      lengthAt = this.#at;
      if (longForm.has(vr)) {
        this.#buffer.writeUInt16LE(0, this.#at);
        lengthAt += 2;
      }
    }
    const short = this.explicit && !longForm.has(vr);
    this.#at = lengthAt + (short ? 2 : 4);
    const start = this.#at;
    if (vr === 'SQ') for (const item of values) this.#item(tag, item);
    else if (values.length > 0) this.#value(tag, vr, values);
    const length = this.#at - start;
    if (short && length > 0xfffe) throw unencodable(tag, 'the value is longer than its representation allows');
    if (short) this.#buffer.writeUInt16LE(length, lengthAt);
    else this.#buffer.writeUInt32LE(length, lengthAt);
  }

  #item(tag: number, item: unknown): void {
    if (!(item instanceof Dataset)) throw unencodable(tag, 'a sequence holds only items');
    this.#reserve(8);
    this.#tag(0xfffee000);
    const lengthAt = this.#at;
    this.#at += 4;
    this.dataset(item, false);
    this.#buffer.writeUInt32LE(this.#at - lengthAt - 4, lengthAt);
  }

  #value(tag: number, vr: Vr, values: Element['values']): void {
    const number = numberVrs[vr];
    if (byteVrs.has(vr)) {
      if (!Buffer.isBuffer(values)) throw unencodable(tag, `${vr} takes bytes`);
      this.#reserve(values.length + 1);
      this.#at += values.copy(this.#buffer, this.#at);
      this.#padTo(0);
    } else if (number) {
      this.#reserve(values.length * number.size);
      for (const value of values) {
        if (typeof value !== 'number' || !Number.isFinite(value)) throw unencodable(tag, `${vr} takes numbers`);
        try {
          this.#at = number.write(this.#buffer, value, this.#at);
        } catch {
          throw unencodable(tag, `the number does not fit ${vr}`);
        }
      }
    } else this.#text(tag, vr, values);
  }

  #text(tag: number, vr: Vr, values: Element['values']): void {
    const texts: string[] = [];
    for (const value of values) {
      if (typeof value !== 'string' && typeof value !== 'number') throw unencodable(tag, `${vr} takes text`);
      texts.push(cleanText(vr, String(value)));
    }
    if (singleText.has(vr) && texts.length > 1) throw unencodable(tag, `${vr} takes one value`);
    const text = texts.join('\\');
    const free = characterSetApplies.has(vr);
    if (!free && /[^\x20-\x7e]/.test(text)) throw unencodable(tag, `${vr} takes ASCII only`);
    const utf8 = free && this.characterSet === 'ISO_IR 192';
    this.#reserve(text.length * (utf8 ? 3 : 1) + 1);
    this.#at += this.#buffer.write(text, this.#at, utf8 ? 'utf8' : 'latin1');
    this.#padTo(vr === 'UI' ? 0 : 0x20);
  }

  /** Element lengths are even; every length before this value was even, so the position tells. */
  #padTo(byte: number): void {
    if (this.#at % 2 === 0) return;
    this.#buffer[this.#at] = byte;
    this.#at += 1;
  }

  #tag(tag: number): void {
    this.#buffer.writeUInt16LE(Math.floor(tag / 0x10000), this.#at);
    this.#buffer.writeUInt16LE(tag % 0x10000, this.#at + 2);
    this.#at += 4;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + count));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function cleanText(vr: Vr, text: string): string {
  if (!characterSetApplies.has(vr)) return text;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (singleText.has(vr)) return text.replace(/[\x00-\x08\x0b\x0e-\x1f\x7f]/g, ' ');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, ' ').replaceAll('\\', '/');
}

function unencodable(tag: number, what: string) {
  return fail('field-invalid', what, { field: nameOfTag(tag) });
}
