import { rejection } from './refusal.js';

/** The separators of one message, from its own MSH-1 and MSH-2 (HL7 v2.5.1 section 2.5.4). */
export interface EncodingCharacters {
  field: string;
  component: string;
  repetition: string;
  /** Absent in a message that declares none: then nothing is escaped. */
  escape: string;
  subcomponent: string;
  /** Label (WHATWG Encoding) of the message's character set, of which `\Xhh..\` escapes are bytes; UTF-8 if absent. */
  characterSet?: string;
}

/** The separators HL7 recommends, and the ones Collimator writes. */
export const recommended: EncodingCharacters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
};

/**
 * Reads the separators from the start of a message.
 *
 * @throws Hl7Refusal AR 100 if it does not begin with MSH, or uses one separator for two purposes
 */
export function readEncodingCharacters(text: string): EncodingCharacters {
  if (!text.startsWith('MSH'))
    throw rejection(100, 'the message must begin with segment MSH', { segment: 'MSH', sequence: 1 });
  const field = text.charAt(3);
  const declared = text.slice(4, text.indexOf(field, 4) < 0 ? 8 : text.indexOf(field, 4));
  const [component = '', repetition = '', escape = '', subcomponent = ''] = declared;
  const used = [field, component, repetition, escape, subcomponent].filter(Boolean);
  if (!component || new Set(used).size !== used.length || used.some((one) => /[\sA-Za-z0-9]/.test(one)))
    throw rejection(100, 'MSH-1 and MSH-2 must declare different separators, such as |^~\\&', {
      segment: 'MSH',
      sequence: 1,
      field: 2,
    });
  return { field, component, repetition, escape, subcomponent };
}
