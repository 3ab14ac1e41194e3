import {
  acknowledge,
  acknowledgementCode,
  frame,
  FrameReader,
  FrameTooLarge,
  Hl7Refusal,
  parseMessage,
  readHeader,
  type Hl7Message,
} from '#hl7v2';
import {
  admissionTypes,
  appointmentsFromMessage,
  appointmentTypes,
  documentFromMessage,
  documentTypes,
  acknowledgedAs,
  checkEnvelope,
  mergesFromAdt,
  mergeTypes,
  orderFromMessage,
  orderReply,
  patientFromAdt,
  placedAsItCame,
  readMessage,
  reportsFromMessage,
  type AppliedRow,
} from '#mapping';
import type { Sender, Site } from '#platform';
import { Chance, mutate } from './mutate.js';

/** What a run came to. */
export interface FuzzReport {
  frames: number;
  /** How often each acknowledgement code was given, with the code of table 0357 where one was refused. */
  outcomes: Record<string, number>;
  /** The longest one frame took, in milliseconds. */
  slowestMs: number;
  slowestFrame: number;
  /** Highest resident set size seen, in MiB. */
  rssMiB: number;
  /** What should never happen: the error, and the seed and number of the frame it happened at. */
  faults: { seed: number; frame: number; error: string }[];
}

const MAX_BYTES = 8 * 1024 * 1024;
const readers: Record<string, (message: Hl7Message, sender: Sender, site: Site) => unknown> = {
  ...Object.fromEntries(['ORM^O01', 'OMG^O19', 'OMI^O23'].map((type) => [type, orderFromMessage])),
  ...Object.fromEntries(admissionTypes.map((type) => [type, patientFromAdt])),
  ...Object.fromEntries(mergeTypes.map((type) => [type, mergesFromAdt])),
  'ORU^R01': reportsFromMessage,
  ...Object.fromEntries(appointmentTypes.map((type) => [type, appointmentsFromMessage])),
  ...Object.fromEntries(documentTypes.map((type) => [type, documentFromMessage])),
};

/**
 * Sends mutated messages through everything a frame meets before the database: MLLP framing in pieces, parsing,
 * interpretation, and the acknowledgement, which must be one that can be read and names the message. Every frame must
 * end in an acknowledgement or a refusal; anything else is a fault.
 */
export function fuzz(corpus: readonly Buffer[], site: Site, options: { frames: number; seed: number }): FuzzReport {
  const { frames, seed } = options;
  const chance = new Chance(seed);
  const report: FuzzReport = { frames, outcomes: {}, slowestMs: 0, slowestFrame: 0, rssMiB: 0, faults: [] };
  for (let number = 0; number < frames; number++) {
    const mutated = mutate(chance.of(corpus), chance, corpus);
    const began = performance.now();
    try {
      const pieces = throughMllp(mutated, chance);
      for (const outcome of pieces === 'too large' ? [pieces] : pieces.map((bytes) => outcomeOf(bytes, site)))
        report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      report.faults.push({
        seed,
        frame: number,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    const ms = performance.now() - began;
    if (ms > report.slowestMs) [report.slowestMs, report.slowestFrame] = [ms, number];
    if (number % 1000 === 0) report.rssMiB = Math.max(report.rssMiB, process.memoryUsage.rss() / 1024 / 1024);
  }
  return report;
}

/** The messages that come out of a frame sent in pieces; control characters in it may make none or several of one. */
function throughMllp(message: Buffer, chance: Chance): Buffer[] | 'too large' {
  const reader = new FrameReader(MAX_BYTES);
  const bytes = frame(message);
  const at = chance.below(bytes.length);
  try {
    return [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))];
  } catch (error) {
    // The listener closes the connection.
    if (error instanceof FrameTooLarge) return 'too large';
    throw error;
  }
}

function outcomeOf(bytes: Buffer, site: Site): string {
  let came: Hl7Message | undefined;
  let applied: AppliedRow[] = [];
  let refusal: Hl7Refusal | undefined;
  let reply;
  try {
    const { message, ...read } = readMessage(bytes, site);
    ({ came, applied } = read);
    const sender = checkEnvelope(message, site, Object.keys(readers));
    JSON.stringify(readers[message.type]!(message, sender, site));
    if (/^O(RM|MG|MI)\^/.test(message.type)) reply = orderReply(message, [], site);
  } catch (error) {
    if (!(error instanceof Hl7Refusal)) throw error;
    refusal = placedAsItCame(error, applied);
  }
  const header = acknowledgedAs(came ?? readHeader(bytes), site);
  const from = { ...site.identity, controlId: '1', now: new Date(0) };
  const acknowledgement = acknowledge(header, refusal, from, reply);
  const code = acknowledgementCode(header, refusal);
  if ((code === undefined) !== (acknowledgement.length === 0))
    throw new Error('silence where there is an answer, or an answer to nobody');
  if (code === undefined) return 'none';
  const answer = parseMessage(acknowledgement);
  if (answer.first('MSA')?.get(1) !== code) throw new Error('the acknowledgement does not say what it should');
  const named = header?.header.get(10)?.replaceAll('\r\n', '\n');
  if (answer.first('MSA')?.get(2) !== named) throw new Error('the acknowledgement names another message');
  return refusal ? `${code} ${refusal.errorCode}` : code;
}
