import type { EncodingCharacters } from './encoding-characters.js';

const hexadecimal = /^X([0-9A-Fa-f]{2})+$/;

/**
 * Reads the escape sequences of a value (HL7 v2.5.1 section 2.7): `\F\ \S\ \T\ \R\ \E\`, `\Xhh..\` as bytes of the
 * message's character set, `\.br\ \.sp\` as a line break; other formatting and locally defined sequences (`\H\ \N\
 * \Zxx\`) carry no text and go. A lone escape character is text.
 */
export function unescape(
  text: string,
  { field, component, repetition, escape, subcomponent, characterSet }: EncodingCharacters,
): string {
  if (!escape || !text.includes(escape)) return text;
  const parts = text.split(escape);
  let result = parts[0]!;
  for (let at = 1; at < parts.length; at++) {
    const sequence = parts[at]!;
    const closed = at + 1 < parts.length;
    if (closed && hexadecimal.test(sequence)) {
      // Bytes of one character may come in sequences of their own, one behind the other.
      let bytes = sequence.slice(1);
      while (parts[at + 1] === '' && at + 3 < parts.length && hexadecimal.test(parts[at + 2]!))
        bytes += parts[(at += 2)]!.slice(1);
      result += new TextDecoder(characterSet, { ignoreBOM: true }).decode(Buffer.from(bytes, 'hex')) + parts[++at]!;
      continue;
    }
    const value = closed ? read(sequence) : undefined;
    if (value === undefined) {
      result += escape + sequence;
      continue;
    }
    result += value + parts[++at]!;
  }
  return result;

  function read(sequence: string): string | undefined {
    switch (sequence) {
      case 'F':
        return field;
      case 'S':
        return component;
      case 'T':
        return subcomponent;
      case 'R':
        return repetition;
      case 'E':
        return escape;
      case 'H':
      case 'N':
        return '';
    }
    if (/^\.(br|sp\+?\d*|ce)$/.test(sequence)) return '\n';
    if (/^\.(in|ti|fi|nf|sk)[+-]?\d*$/.test(sequence) || /^Z[^\s]*$/.test(sequence)) return '';
    return undefined;
  }
}

/**
 * Writes a value so that it reads back the same, CR LF as LF. Line breaks become `\.br\`, since a raw one would end the
 * segment, and other control characters `\Xhh\`, since `<FS><CR>` would end the MLLP frame.
 */
export function escape(text: string, characters: EncodingCharacters): string {
  const names: Record<string, string> = {
    [characters.field]: 'F',
    [characters.component]: 'S',
    [characters.subcomponent]: 'T',
    [characters.repetition]: 'R',
    [characters.escape]: 'E',
  };
  const mark = characters.escape;
  return text.replace(/\r\n|[^ \tA-Za-z0-9]/g, (one) => {
    if (one === '\n' || one === '\r\n') return `${mark}.br${mark}`;
    const name = names[one];
    if (name) return `${mark}${name}${mark}`;
    const isControl = one < ' ' || one === '\x7f';
    return isControl ? `${mark}X${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}${mark}` : one;
  });
}
