import { rejection } from './refusal.js';

/** HL7 table 0211 → label of the WHATWG Encoding standard. An empty MSH-18 means ASCII, of which UTF-8 is a superset. */
const labels: Record<string, string> = {
  '': 'utf-8',
  ASCII: 'utf-8',
  'UNICODE UTF-8': 'utf-8',
  UNICODE: 'utf-8',
  '8859/1': 'windows-1252',
  ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15].map((part) => [`8859/${part}`, `iso-8859-${part}`])),
  '8859/9': 'windows-1254',
  'GB 18030-2000': 'gb18030',
  'KS X 1001': 'euc-kr',
  'BIG-5': 'big5',
};
/** Sets that are reached by escape sequences (ISO 2022): JIS X 0201, 0208 and 0212. Any of them names them all. */
const byEscape = ['ISO IR14', 'ISO IR87', 'ISO IR159'];

/**
 * Reads the bytes of a message by the character set its own MSH-18 names.
 *
 * @param otherwise the set of a message whose MSH-18 is empty; ASCII unless given
 * @throws Hl7Refusal AR 102 for a character set that is not supported, or bytes that are not of the one named
 */
export function decodeMessage(bytes: Buffer, otherwise = ''): { text: string; characterSet: string } {
  const said = declaredCharacterSets(bytes);
  const declared = said.every((name) => name === '') ? [otherwise] : said;
  const place = { segment: 'MSH', sequence: 1, field: 18 };
  if (declared.some((name) => byEscape.includes(name)))
    return { text: decodeJapanese(bytes), characterSet: 'iso-2022-jp' };
  const name = declared[0] ?? '';
  const label = Object.hasOwn(labels, name) ? labels[name] : undefined;
  if (!label)
    throw rejection(
      102,
      'MSH-18 names a character set that is not supported: use UNICODE UTF-8, 8859/1 to 8859/15, or ISO IR87 and ISO IR159',
      place,
    );
  try {
    const text = new TextDecoder(label, { fatal: label === 'utf-8', ignoreBOM: true }).decode(bytes);
    return { text, characterSet: label };
  } catch {
    throw rejection(102, 'the message is not valid UTF-8: name its character set in MSH-18', place);
  }
}

/** The repetitions of MSH-18 by their names of table 0211. */
function declaredCharacterSets(bytes: Buffer): string[] {
  // MSH is ASCII up to field 18 in every character set of table 0211 that is supported.
  const end = bytes.findIndex((byte) => byte === 0x0d || byte === 0x0a);
  const segment = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const field = segment.split(segment.charAt(3))[17] ?? '';
  return field.split(segment.charAt(5)).map((one) =>
    one
      .trim()
      .toUpperCase()
      .replace(/^8859[-_ ]/, '8859/')
      .replace(/^ISO[-_ ]IR[-_ ]?/, 'ISO IR')
      .replace(/^UTF-?8$/, 'UNICODE UTF-8'),
  );
}

const jisX0208OrAscii = new TextDecoder('iso-2022-jp', { ignoreBOM: true });
const eucJapanese = new TextDecoder('euc-jp', { ignoreBOM: true });

/** ISO-2022-JP with JIS X 0212 (escape sequence ESC $ ( D), which the WHATWG decoder does not have. */
function decodeJapanese(bytes: Buffer): string {
  const supplement = Buffer.from('\x1b$(D', 'latin1');
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const start = bytes.indexOf(supplement, at);
    text += jisX0208OrAscii.decode(bytes.subarray(at, start < 0 ? bytes.length : start));
    if (start < 0) break;
    const end = bytes.indexOf(0x1b, start + supplement.length);
    const pairs = bytes.subarray(start + supplement.length, end < 0 ? bytes.length : end);
    // EUC puts the supplement behind 0x8F, its bytes with the high bit set.
    const asEuc = Array.from({ length: Math.floor(pairs.length / 2) }, (_, pair) => [
      0x8f,
      pairs[2 * pair]! | 0x80,
      pairs[2 * pair + 1]! | 0x80,
    ]);
    text += eucJapanese.decode(Buffer.from(asEuc.flat()));
    at = end < 0 ? bytes.length : end;
  }
  return text;
}
