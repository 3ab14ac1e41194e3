import type { EncodingCharacters } from './encoding-characters.js';

/**
 * Reads the escape sequences of a value (HL7 v2.5.1 section 2.7): `\F\ \S\ \T\ \R\ \E\`, `\Xhh..\` as bytes of the
 * message's character set, `\.br\ \.sp\` as a line break; other formatting and locally defined sequences (`\H\ \N\
 * \Zxx\`) carry no text and go. A lone escape character is text.
 */
export function unescape(
  text: string,
  { field, component, repetition, escape, subcomponent }: EncodingCharacters,
): string {
  if (!escape || !text.includes(escape)) return text;
  const parts = text.split(escape);
  let result = parts[0]!;
  for (let at = 1; at < parts.length; at++) {
    const sequence = parts[at]!;
    const closed = at + 1 < parts.length;
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
    if (/^X([0-9A-Fa-f]{2})+$/.test(sequence)) return Buffer.from(sequence.slice(1), 'hex').toString('latin1');
    if (/^\.(br|sp\+?\d*|ce)$/.test(sequence)) return '\n';
    if (/^\.(in|ti|fi|nf|sk)[+-]?\d*$/.test(sequence) || /^Z[^\s]*$/.test(sequence)) return '';
    return undefined;
  }
}

/** Writes a value so that it reads back the same; line breaks become `\.br\`, since a raw one would end the segment. */
export function escape(text: string, characters: EncodingCharacters): string {
  const names: Record<string, string> = {
    [characters.field]: 'F',
    [characters.component]: 'S',
    [characters.subcomponent]: 'T',
    [characters.repetition]: 'R',
    [characters.escape]: 'E',
  };
  const mark = characters.escape;
  return text.replace(/\r\n|[\r\n]|[^\sA-Za-z0-9]/g, (one) => {
    if (one === '\r' || one === '\n' || one === '\r\n') return `${mark}.br${mark}`;
    const name = names[one];
    return name ? `${mark}${name}${mark}` : one;
  });
}
