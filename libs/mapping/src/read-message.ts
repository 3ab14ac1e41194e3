import { Hl7Message, parseMessage, readHeader } from '#hl7v2';
import { senderOf, type Sender, type Site } from '#platform';
import { adapt, type Adapted } from './sender-fields.js';

/** A message as it came, and as the site file says that its sender means it. */
export interface ReadMessage extends Adapted {
  came: Hl7Message;
}

/**
 * Reads a message with what the site file says of its sender: the character set where it names none, and its fields.
 *
 * @throws Hl7Refusal AR if it cannot be read at all
 */
export function readMessage(bytes: Buffer, site: Site): ReadMessage {
  const sender = senderNamedIn(readHeader(bytes), site);
  const came = parseMessage(bytes, sender?.characterSet);
  return { came, ...adapt(came, sender?.fields ?? []) };
}

/**
 * The message by which a sender is answered: its MSH-15 and MSH-16 as its `acknowledgement` in the site file has them.
 */
export function acknowledgedAs(message: Hl7Message | undefined, site: Site): Hl7Message | undefined {
  const mode = senderNamedIn(message, site)?.acknowledgement ?? 'asAsked';
  if (!message || mode === 'asAsked') return message;
  const { header } = message;
  const asks = header.get(15) !== undefined || header.get(16) !== undefined;
  if (mode === 'enhanced' && asks) return message;
  const condition = mode === 'original' ? '' : 'AL';
  return new Hl7Message(
    [header.with(15, condition).with(16, condition), ...message.segments.slice(1)],
    message.characters,
  );
}

function senderNamedIn(message: Hl7Message | undefined, site: Site): Sender | undefined {
  return message && senderOf(site, message.sendingApplication, message.sendingFacility);
}
