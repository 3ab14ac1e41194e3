import { contentError, Hl7Refusal, rejection, type Hl7Message } from '#hl7v2';
import { senderOf, systemFor, type Sender, type Site } from '#platform';
import type { Surroundings } from './rows.js';

const versions = ['2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8', '2.8.1', '2.8.2'];

type Purpose = Sender['sends'][number];

/** What each message code may be for, and so which senders may send it. */
const purposes: Record<string, readonly Purpose[]> = {
  ORM: ['orders', 'images'],
  OMG: ['orders', 'images'],
  OMI: ['orders'],
  ADT: ['admissions'],
  ORU: ['reports', 'labs'],
  SIU: ['appointments'],
  MDM: ['reports'],
};

/**
 * Checks a message's header: from a sender of the site, of a type, version and processing id that is taken here.
 *
 * @param accepted the message types the listener takes
 * @throws Hl7Refusal AR with the code of the field at fault
 */
export function checkEnvelope(message: Hl7Message, site: Site, accepted: readonly string[]): Sender {
  const { header } = message;
  const sender = senderOf(site, message.sendingApplication, message.sendingFacility);
  if (!sender)
    throw rejection(207, 'MSH-3 and MSH-4 name no sender of the site file: add it under senders', header.at(3));
  if (!message.controlId) throw contentError(101, 'MSH-10 message control id is required', header.at(10));
  const [code = ''] = message.type.split('^');
  if (!accepted.some((type) => type.startsWith(`${code}^`)))
    throw rejection(200, `MSH-9.1 is not taken here: this listener takes ${accepted.join(', ')}`, header.at(9, 1));
  if (!accepted.includes(message.type))
    throw rejection(201, `MSH-9.2 is not taken here: this listener takes ${accepted.join(', ')}`, header.at(9, 2));
  if (!versions.includes(message.version))
    throw rejection(203, `MSH-12 must be one of ${versions.join(', ')}`, header.at(12));
  const processing = header.get(11);
  if (processing !== undefined && !['P', 'T', 'D'].includes(processing))
    throw rejection(202, 'MSH-11 must be P, T or D', header.at(11));
  const own = purposes[code] ?? [];
  if (own.length > 0 && !own.some((purpose) => sender.sends.includes(purpose))) throw notSent(own, message);
  return sender;
}

/** Checks that a sender may send for this, where one message type serves several purposes. @throws Hl7Refusal AR 207 */
export function assertSends(sender: Sender, purpose: Purpose, message: Hl7Message): void {
  if (!sender.sends.includes(purpose)) throw notSent([purpose], message);
}

function notSent(own: readonly Purpose[], { header }: Hl7Message): Hl7Refusal {
  const what = own.join(' or ');
  return rejection(207, `the site file does not let this sender send ${what}: add it to its sends`, header.at(3));
}

/** The zone and authorities a sender's values are read with: what it calls by a name is its own first. */
export function surroundingsOf(sender: Sender, site: Site): Surroundings {
  const authorities = { ...site.authorities, ...sender.authorities };
  return {
    zone: sender.timeZone ?? site.timeZone,
    systemOf: (namespaceId, universalId, type) => systemFor({ authorities }, namespaceId, universalId, type),
  };
}

/** The system of numbers a sender gives without naming an authority. */
export function senderSystem(sender: Pick<Sender, 'application' | 'facility'>): string {
  return `urn:collimator:sender:${encodeURIComponent(sender.application)}:${encodeURIComponent(sender.facility)}`;
}

/** The refusal of a message that lacks a segment it must have (table 0357: 100 covers required segments missing). */
export function missingSegment(segment: string): Hl7Refusal {
  return contentError(100, `segment ${segment} is required`, { segment, sequence: 1 });
}

/** The refusal of a message that lacks a field it must have. */
export function missing(segment: string, field: number, what: string, sequence = 1): Hl7Refusal {
  return contentError(101, `${segment}-${field} ${what} is required`, { segment, sequence, field });
}
