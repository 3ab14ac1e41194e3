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
};

/**
 * Reads the bytes of a message by the character set its own MSH-18 names.
 *
 * @throws Hl7Refusal AR 102 for a character set that is not supported, or bytes that are not of the one named
 */
export function decodeMessage(bytes: Buffer): { text: string; characterSet: string } {
  const name = declaredCharacterSet(bytes);
  const label = Object.hasOwn(labels, name) ? labels[name] : undefined;
  const place = { segment: 'MSH', sequence: 1, field: 18 };
  if (!label)
    throw rejection(
      102,
      'MSH-18 names a character set that is not supported: use UNICODE UTF-8 or 8859/1 to 8859/15',
      place,
    );
  try {
    const text = new TextDecoder(label, { fatal: label === 'utf-8', ignoreBOM: true }).decode(bytes);
    return { text, characterSet: label };
  } catch {
    throw rejection(102, 'the message is not valid UTF-8: name its character set in MSH-18', place);
  }
}

function declaredCharacterSet(bytes: Buffer): string {
  // MSH is ASCII up to field 18 in every character set of table 0211 that is supported.
  const end = bytes.findIndex((byte) => byte === 0x0d || byte === 0x0a);
  const segment = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const separator = segment.charAt(3);
  const first = segment.split(separator)[17]?.split(segment.charAt(5))[0] ?? '';
  return first
    .trim()
    .toUpperCase()
    .replace(/^8859[-_ ]/, '8859/')
    .replace(/^UTF-?8$/, 'UNICODE UTF-8');
}
