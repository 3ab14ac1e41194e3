import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { encodeData } from './pdu.js';
import { implicitVrLittleEndian } from './transfer-syntax.js';

/** Command Field values (PS3.7 annex E); a response is its request with the highest bit set. */
export const commands = {
  cStore: 0x0001,
  cFind: 0x0020,
  cEcho: 0x0030,
  nEventReport: 0x0100,
  nSet: 0x0120,
  nAction: 0x0130,
  nCreate: 0x0140,
  cCancel: 0x0fff,
  response: 0x8000,
} as const;

/** Command Data Set Type that says: no data set follows. */
const NO_DATASET = 0x0101;

/** A peer that names no limit gets fragments of this size. */
const USUAL_PDU = 64 * 1024;

/** One DIMSE message: its command set, and its data set still encoded. */
export interface DimseMessage {
  contextId: number;
  command: Dataset;
  data?: Buffer;
}

/** Writes a command set: always Implicit VR Little Endian with its group length (PS3.7 section 6.3.1). */
export function encodeCommand(input: DatasetInput, hasDataset: boolean): Buffer {
  const command = Dataset.of({ ...input, CommandDataSetType: hasDataset ? 0x0001 : NO_DATASET });
  const body = encodeDataset(command, implicitVrLittleEndian);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 4);
  head.writeUInt32LE(body.length, 8);
  return Buffer.concat([head, body]);
}

/** One message as P-DATA-TF PDUs no longer than the peer takes, where 0 means that it named no limit (PS3.8 annex E). */
export function encodeMessage(
  contextId: number,
  command: Buffer,
  data: Buffer | undefined,
  peerMaxPdu: number,
): Buffer {
  const longest = (peerMaxPdu === 0 ? USUAL_PDU : Math.min(peerMaxPdu, USUAL_PDU)) - 6;
  // Fragments have even length; dcmtk refuses others.
  const room = longest - (longest % 2);
  return Buffer.concat([
    ...fragments(contextId, true, command, room),
    ...(data ? fragments(contextId, false, data, room) : []),
  ]);
}

function* fragments(contextId: number, isCommand: boolean, bytes: Buffer, room: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length || at === 0; at += room) {
    const data = bytes.subarray(at, at + room);
    yield encodeData([{ contextId, isCommand, isLast: at + room >= bytes.length, data }]);
  }
}

/** Reads a command set. @throws Failure field-invalid if it is none */
export function decodeCommand(bytes: Buffer): Dataset {
  return decodeDataset(bytes, implicitVrLittleEndian, { depth: 1, elements: 100 });
}

/** Whether a data set follows a command. */
export function announcesDataset(command: Dataset): boolean {
  return command.number('CommandDataSetType') !== NO_DATASET;
}

/** The number of the request after this one: 1 to 65,535, then from 1 again (PS3.7 E.1, Message ID is a US). */
export function messageIdAfter(messageId: number): number {
  return (messageId % 0xffff) + 1;
}
