import { errorCodes, type Hl7Refusal, type Location } from './refusal.js';
import { recommended } from './encoding-characters.js';
import { writeMessage, writeSegment, type FieldValue, type Hl7Message, type Segment } from './message.js';

/** Who answers, when, and under which control id. */
export interface Acknowledger {
  /** MSH-3 and MSH-4, used where the message does not say whom it was sent to (its MSH-5 and MSH-6). */
  application: string;
  facility: string;
  controlId: string;
  now: Date;
}

/**
 * True where the sender asks for enhanced acknowledgement: MSH-15 or MSH-16 is valued (HL7 v2.5.1 section 2.9.3).
 */
export function isEnhanced(message: Hl7Message | undefined): boolean {
  return [15, 16].some((field) => message?.header.get(field) !== undefined);
}

/**
 * The MSA-1 code a message is answered with where it came: AA/AE/AR in original mode; in enhanced mode CA/CE/CR where
 * the outcome is one MSH-15 wants to be told of (table 0155: AL always, ER refusals, SU success, NE never). What the
 * application has to say by MSH-16 goes out as a message of its own ({@link wantsApplicationAcknowledgement}), unless
 * there is no accept acknowledgement before it: where MSH-15 wants none, and for a refusal it does not want to hear of,
 * it is the answer, AA/AE/AR.
 *
 * @returns undefined where the sender wants no answer
 */
export function acknowledgementCode(
  message: Hl7Message | undefined,
  refusal: Hl7Refusal | undefined,
): string | undefined {
  const code = refusal?.acknowledgement ?? 'AA';
  if (!message || !isEnhanced(message)) return code;
  const { accept, application } = conditionsOf(message);
  if (isMet(accept, refusal)) return code.replace('A', 'C');
  const isAnswer = accept === 'NE' || refusal !== undefined;
  return isAnswer && isMet(application, refusal) ? code : undefined;
}

/** MSH-15 and MSH-16; one that is empty beside the other means never (HL7 v2.5.1 section 2.9.3.1). */
function conditionsOf({ header }: Hl7Message): { accept: string; application: string } {
  return { accept: header.get(15) ?? 'NE', application: header.get(16) ?? 'NE' };
}

/** Table 0155; a code outside it means always, as silence may lose a message and an answer too many does not. */
function isMet(condition: string, refusal: Hl7Refusal | undefined): boolean {
  if (condition === 'NE') return false;
  return condition === 'ER' ? refusal !== undefined : condition === 'SU' ? refusal === undefined : true;
}

/** What an application answers beside its acknowledgement, such as ORR^O02: the answer's MSH-9, and what stands behind MSA. */
export interface Reply {
  type: readonly string[];
  segments: readonly string[];
}

/**
 * Writes the acknowledgement of a message (HL7 v2.5.1 section 2.9): MSA echoes its control id; a refusal is told in ERR
 * with location, code and text, and before v2.5, which had no room for the text there, in MSA-3 as well.
 *
 * @param message undefined if not even its MSH could be read
 * @param reply what the application answers; left out of an accept acknowledgement, which is none of its doing
 * @returns an empty buffer where the sender wants no answer
 */
export function acknowledge(
  message: Hl7Message | undefined,
  refusal: Hl7Refusal | undefined,
  from: Acknowledger,
  reply?: Reply,
): Buffer {
  const code = acknowledgementCode(message, refusal);
  return code === undefined ? Buffer.alloc(0) : written(message, refusal, from, code, reply);
}

/**
 * The application's positive acknowledgement of a message whose accept acknowledgement is given (enhanced mode, HL7
 * v2.5.1 section 2.9.3): a message of its own, which itself wants an accept acknowledgement and no more.
 */
export function applicationAcknowledgement(message: Hl7Message, from: Acknowledger, reply?: Reply): Buffer {
  return written(message, undefined, from, 'AA', reply, { 15: 'AL', 16: 'NE' });
}

/**
 * True where the sender, in enhanced mode, wants to be told of success by the application as well (MSH-16), apart from
 * the accept acknowledgement that MSH-15 speaks of.
 */
export function wantsApplicationAcknowledgement(message: Hl7Message): boolean {
  const { accept, application } = conditionsOf(message);
  return isEnhanced(message) && accept !== 'NE' && isMet(application, undefined);
}

function written(
  message: Hl7Message | undefined,
  refusal: Hl7Refusal | undefined,
  from: Acknowledger,
  code: string,
  reply: Reply | undefined,
  conditions: Record<number, string> = {},
): Buffer {
  const answer = code.startsWith('A') ? reply : undefined;
  const header = message?.header;
  const version = header?.get(12) ?? '2.5.1';
  const event = header?.get(9, 2);
  const segments = [
    writeSegment('MSH', {
      1: '|',
      3: hierarchic(header, 5) ?? from.application,
      4: hierarchic(header, 6) ?? from.facility,
      5: hierarchic(header, 3),
      6: hierarchic(header, 4),
      7: timestamp(from.now),
      9: (answer?.type ?? ['ACK', event ?? '', 'ACK']).slice(0, isBefore(version, '2.4') ? 2 : 3),
      10: from.controlId,
      11: header?.get(11) ?? 'P',
      12: version,
      ...conditions,
      18: 'UNICODE UTF-8',
    }),
    writeSegment('MSA', {
      1: code,
      2: header?.get(10),
      3: refusal && isBefore(version, '2.5') ? refusal.message : undefined,
    }),
  ];
  if (refusal) segments.push(errorSegment(refusal, version));
  return writeMessage([...segments, ...(answer?.segments ?? [])]);
}

/** Data type HD: namespace id, universal id and its type, given back as they came. */
function hierarchic(header: Segment | undefined, field: number): FieldValue {
  const components = [1, 2, 3].map((component) => header?.get(field, component));
  return components.some((one) => one !== undefined) ? components : undefined;
}

function errorSegment(refusal: Hl7Refusal, version: string): string {
  const code = [String(refusal.errorCode), errorCodes[refusal.errorCode], 'HL70357'];
  if (isBefore(version, '2.5')) {
    // ERR-1 (data type ELD): segment, sequence, field, and the code as subcomponents of the fourth component.
    const { segment, sequence, field } = refusal.location ?? { segment: '' };
    const place = [segment, sequence, field].map((one) => one ?? '').join(recommended.component);
    return `ERR|${place}${recommended.component}${code.join(recommended.subcomponent)}`;
  }
  return writeSegment('ERR', { 2: writeLocation(refusal.location), 3: code, 4: 'E', 8: refusal.message });
}

/** Data type ERL: segment id, sequence, field, repetition, component. */
function writeLocation(location: Location | undefined): string[] | undefined {
  if (!location) return undefined;
  const { segment, sequence = 1, field, repetition, component } = location;
  const known = [segment, sequence, field, repetition ?? (component ? 1 : undefined), component];
  return known.map((one) => (one === undefined ? '' : String(one)));
}

/** HL7 DTM in UTC with offset, to the second. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19).replace(/[-:T]/g, '')}+0000`;
}

const byNumber = new Intl.Collator('en', { numeric: true });

function isBefore(version: string, other: string): boolean {
  return byNumber.compare(version, other) < 0;
}
