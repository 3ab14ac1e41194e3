import { createHash } from 'node:crypto';
import type { Hl7Message, Segment } from '#hl7v2';
import { uuidFrom } from '#fhir';

/** A message as it came in, with what identifies it. */
export interface ReceivedMessage {
  /** From sender, control id and content: the same bytes again are the same entry. */
  id: string;
  raw: Buffer;
  sha256: string;
  /** As the site file says that its sender means it; undefined if it could not be read. */
  message: Hl7Message | undefined;
  /** As much as can be read of it as it came, by which it is acknowledged. */
  header: Hl7Message | undefined;
}

/** Gives received bytes their identity. */
export function receivedMessage(
  raw: Buffer,
  message: Hl7Message | undefined,
  header: Hl7Message | undefined,
): ReceivedMessage {
  const sha256 = createHash('sha256').update(raw).digest('hex');
  const { sendingApplication = '', sendingFacility = '', controlId = '' } = message ?? {};
  return { id: uuidFrom('hl7', sendingApplication, sendingFacility, controlId, sha256), raw, sha256, message, header };
}

/** Fields that hold numbers people look for: of patients, visits, orders and exams. */
const numbered: [segment: string, fields: number[]][] = [
  ['PID', [3]],
  ['MRG', [1]],
  ['PV1', [19]],
  ['ORC', [2, 3]],
  ['OBR', [2, 3, 18]],
  ['IPC', [1]],
  ['SCH', [1, 2, 26, 27]],
];
const MOST = 100;

/** The numbers a message names, whoever gave them, each once; of a message of very many the first hundred. */
export function numbersIn(message: Hl7Message | undefined): string[] {
  const found = new Set<string>();
  const look = (segment: Segment, field: number) => {
    for (
      let repetition = 1;
      repetition <= Math.min(segment.repetitions(field), MOST) && found.size < MOST;
      repetition++
    ) {
      const number = segment.get(field, 1, 1, repetition);
      // The index takes no endless values, and nobody looks for one.
      if (number && number.length <= 100) found.add(number);
    }
  };
  for (const segment of message?.segments ?? [])
    for (const field of numbered.find(([name]) => name === segment.name)?.[1] ?? []) look(segment, field);
  return [...found];
}
