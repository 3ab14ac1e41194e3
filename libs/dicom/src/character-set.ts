/**
 * Specific Character Set (0008,0005), PS3.3 C.12.1.1.2 and PS3.5 §6.1. A text decoder is made once per label and used
 * for every value under it. Where bytes mean nothing under the label they become U+FFFD: a letter is never guessed.
 */

/** Text of one value field. `delimiters` are the characters at which code extension returns to its initial state. */
export type TextDecoding = (bytes: Buffer, delimiters: string) => string;

type CodePage = readonly string[];
type Pairs = (first: number, second: number) => string;

const replacement = '\uFFFD';
const codePageLabels: Record<string, string> = {
  '100': 'latin1',
  '101': 'iso-8859-2',
  '109': 'iso-8859-3',
  '110': 'iso-8859-4',
  '144': 'iso-8859-5',
  '127': 'iso-8859-6',
  '126': 'iso-8859-7',
  '138': 'iso-8859-8',
  '148': 'windows-1254', // ISO 8859-9 from 0xA0 up
  '166': 'windows-874', // TIS 620-2533 from 0xA0 up
  '203': 'iso-8859-15',
};

/** Escape sequences of PS3.3 tables C.12-3 and C.12-4, without the ESC byte. */
const singleByteG1: Record<string, string> = {
  '-A': '100',
  '-B': '101',
  '-C': '109',
  '-D': '110',
  '-L': '144',
  '-G': '127',
  '-F': '126',
  '-H': '138',
  '-M': '148',
  '-T': '166',
  '-b': '203',
  ')I': '13',
};

const codePages = new Map<string, CodePage>();

/** Characters 0x80 to 0xFF of a single-byte set. */
function codePage(ir: string): CodePage {
  const known = codePages.get(ir);
  if (known) return known;
  const page = Array.from({ length: 128 }, (_, index) => highCharacter(ir, index + 0x80));
  codePages.set(ir, page);
  return page;
}

function highCharacter(ir: string, byte: number): string {
  if (byte < 0xa0) return replacement;
  if (ir === '13') return byte <= 0xdf && byte > 0xa0 ? String.fromCharCode(0xff61 + byte - 0xa1) : replacement;
  if (ir === '100') return String.fromCharCode(byte);
  return new TextDecoder(codePageLabels[ir]).decode(Uint8Array.of(byte));
}

function pairsOf(label: string, prefix: readonly number[] = []): Pairs {
  const decoder = new TextDecoder(label);
  return (first, second) => decoder.decode(Uint8Array.of(...prefix, first | 0x80, second | 0x80));
}
const jisX0208 = pairsOf('euc-jp');
const jisX0212 = pairsOf('euc-jp', [0x8f]);
const ksX1001 = pairsOf('euc-kr');
const gb2312 = pairsOf('gbk');

const decodings = new Map<string, TextDecoding>();

/**
 * The decoding for the values of (0008,0005), as they stand there; none means the default repertoire. An unknown label
 * and unlabelled bytes above 0x7F are read as UTF-8 if they are valid UTF-8, else as U+FFFD.
 */
export function textDecodingFor(labels: readonly string[]): TextDecoding {
  const key = labels.join('\\');
  const known = decodings.get(key);
  if (known) return known;
  const made = shortcutForAscii(makeDecoding(labels));
  // Labels come from the network: only a bounded number is remembered.
  if (decodings.size < 64) decodings.set(key, made);
  return made;
}

function makeDecoding(labels: readonly string[]): TextDecoding {
  const first = canonical(labels[0] ?? '');
  if (first === 'GB18030' || first === 'GBK') {
    const decoder = new TextDecoder(first.toLowerCase());
    return (bytes) => decoder.decode(bytes);
  }
  if (first === '192') {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return (bytes) => decoder.decode(bytes);
  }
  const extensions = labels.slice(1).map(canonical);
  const extended = extensions.length > 0 || /2022/.test(labels[0] ?? '');
  if (!extended && (first === '' || first === '6')) return undeclared;
  if (!extended && !(first in codePageLabels) && first !== '13') return undeclared;
  return (bytes, delimiters) => decodeWithExtensions(bytes, delimiters, first, extensions);
}

/** `ISO_IR 100`, `ISO IR 100` and `ISO 2022 IR 100` → `100`; other labels in capitals. */
function canonical(label: string): string {
  const upper = label.trim().toUpperCase();
  return /^ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)$/.exec(upper)?.[1] ?? upper;
}

function shortcutForAscii(decoding: TextDecoding): TextDecoding {
  return (bytes, delimiters) => {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      if (byte >= 0x80 || byte === 0x1b) return decoding(bytes, delimiters);
    }
    return bytes.toString('latin1', 0, bytes.length);
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function undeclared(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes.toString('latin1').replace(/[\x80-\xff]/g, replacement);
  }
}

interface CodeState {
  /** Two-byte set in G0, if any; else ASCII or JIS X 0201 romaji. */
  g0: Pairs | 'ascii' | 'romaji';
  g1: CodePage | Pairs | undefined;
}

/** ISO/IEC 2022 as DICOM uses it (PS3.5 §6.1.2.5): G0 left, G1 right, reset at delimiters and control characters. */
function decodeWithExtensions(bytes: Buffer, delimiters: string, first: string, extensions: string[]): string {
  const initial: CodeState = {
    g0: first === '13' ? 'romaji' : 'ascii',
    g1: first in codePageLabels || first === '13' ? codePage(first) : undefined,
  };
  // Many writers do not repeat the Korean or Chinese escape after a delimiter, though PS3.5 wants it.
  let lastG1 = [first, ...extensions].includes('149') ? ksX1001 : extensions.includes('58') ? gb2312 : undefined;
  let state = { ...initial };
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte === 0x1b) {
      const length = designate(bytes, at + 1, state);
      if (length === 0) text += replacement;
      if (typeof state.g1 === 'function') lastG1 = state.g1;
      at += 1 + length;
    } else if (byte >= 0x80) {
      const g1: CodePage | Pairs | undefined = state.g1 ?? lastG1;
      if (typeof g1 === 'function') {
        text += at + 1 < bytes.length ? g1(byte, bytes[at + 1] as number) : replacement;
        at += 2;
      } else {
        text += g1?.[byte - 0x80] ?? replacement;
        at += 1;
      }
    } else if (typeof state.g0 === 'function' && byte > 0x20) {
      text += at + 1 < bytes.length ? state.g0(byte, bytes[at + 1] as number) : replacement;
      at += 2;
    } else {
      const character = String.fromCharCode(byte);
      text += byte === 0x7e && state.g0 === 'romaji' ? '\u203E' : character;
      if (byte < 0x20 || delimiters.includes(character)) state = { ...initial };
      at += 1;
    }
  }
  return text;
}

/** Applies the escape sequence after ESC and returns its length; 0 if it is not one DICOM defines. */
function designate(bytes: Buffer, at: number, state: CodeState): number {
  const two = bytes.toString('latin1', at, at + 2);
  const three = bytes.toString('latin1', at, at + 3);
  if (three === '$(D') return designateG0(state, jisX0212, 3);
  if (three === '$)C') return designateG1(state, ksX1001, 3);
  if (three === '$)A') return designateG1(state, gb2312, 3);
  if (two === '$B' || two === '$@') return designateG0(state, jisX0208, 2);
  if (two === '(B') return designateG0(state, 'ascii', 2);
  if (two === '(J') return designateG0(state, 'romaji', 2);
  const ir = singleByteG1[two];
  return ir === undefined ? 0 : designateG1(state, codePage(ir), 2);
}

function designateG0(state: CodeState, set: CodeState['g0'], length: number): number {
  state.g0 = set;
  return length;
}

function designateG1(state: CodeState, set: CodePage | Pairs, length: number): number {
  state.g1 = set;
  return length;
}

/** A character set that we write. The default repertoire is written without a label. */
export type WrittenCharacterSet = 'ISO_IR 6' | 'ISO_IR 100' | 'ISO_IR 192';

/** The set to write texts in: ASCII where it is enough, Latin-1 where it is preferred and enough, else UTF-8. */
export function characterSetFor(texts: Iterable<string>, preferred: readonly string[] = []): WrittenCharacterSet {
  const allowsLatin1 = preferred.some((label) => canonical(label) === '100');
  let widest: WrittenCharacterSet = 'ISO_IR 6';
  for (const text of texts) {
    // eslint-disable-next-line no-control-regex -- the default repertoire is exactly the 7-bit range
    if (/^[\x00-\x7f]*$/.test(text)) continue;
    // eslint-disable-next-line no-control-regex -- Latin-1 has no letters in 0x80-0x9F
    if (!allowsLatin1 || !/^[\x00-\x7f\xa0-\xff]*$/.test(text)) return 'ISO_IR 192';
    widest = 'ISO_IR 100';
  }
  return widest;
}
