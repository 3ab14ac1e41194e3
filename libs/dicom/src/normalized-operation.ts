import { randomUUID } from 'node:crypto';
import type { Association } from './association.js';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { DicomStatus } from './dicom-status.js';
import { commands, type DimseMessage } from './dimse.js';

/** PS3.7 annex C. */
export const INVALID_ATTRIBUTE_VALUE = 0x0106;
export const PROCESSING_FAILURE = 0x0110;
export const NO_SUCH_OBJECT_INSTANCE = 0x0112;
export const NO_SUCH_EVENT_TYPE = 0x0113;
export const MISSING_ATTRIBUTE = 0x0120;
export const NO_SUCH_ACTION = 0x0123;

/**
 * Runs one normalized operation (PS3.7 section 10.1) and answers it: success when the work resolves, else the status it
 * throws, or 0x0110. Command elements that this operation's response has beside the common ones are given as `also`.
 *
 * @returns the status answered
 */
export async function answerNormalized(
  message: DimseMessage,
  association: Association,
  answered: { sopInstanceUid: string; also?: DatasetInput },
  work: (dataset: Dataset) => Promise<void>,
): Promise<number> {
  const { transferSyntax } = association.context(message.contextId);
  let failure: DicomStatus | undefined;
  try {
    await work(readDataset(message.data, transferSyntax));
  } catch (error) {
    failure = error instanceof DicomStatus ? error : new DicomStatus(PROCESSING_FAILURE, 'cannot be stored now');
  }
  return answerAboutInstance(message, association, answered, failure);
}

/** Answers a request that is about one SOP instance: success, or the failure. @returns the status answered */
export async function answerAboutInstance(
  { contextId, command }: DimseMessage,
  association: Association,
  { sopInstanceUid, also = {} }: { sopInstanceUid: string; also?: DatasetInput },
  failure: DicomStatus | undefined,
): Promise<number> {
  await association.send(contextId, {
    AffectedSOPClassUID: association.context(contextId).abstractSyntax,
    CommandField: command.number('CommandField')! | commands.response,
    MessageIDBeingRespondedTo: command.number('MessageID') ?? 0,
    Status: failure?.status ?? 0,
    ...(failure ? { ErrorComment: failure.message.slice(0, 64) } : {}),
    ...(failure?.errorId !== undefined ? { ErrorID: failure.errorId } : {}),
    AffectedSOPInstanceUID: sopInstanceUid,
    ...also,
  });
  return failure?.status ?? 0;
}

/**
 * The UID that an element must have. Read as what it is whatever the value representation: dcm4che's ianscu labels a
 * Series Instance UID as CS.
 *
 * @throws DicomStatus 0x0120 where it is missing, 0x0106 where it is no UID (PS3.5 section 9.1)
 */
export function requiredUid(dataset: Dataset, keyword: UidKeyword): string {
  const value = dataset.text(keyword);
  if (value === undefined) throw new DicomStatus(MISSING_ATTRIBUTE, `missing ${keyword}`);
  if (!/^[0-9][0-9.]{0,63}$/.test(value)) throw new DicomStatus(INVALID_ATTRIBUTE_VALUE, `${keyword} is no UID`);
  return value;
}

type UidKeyword =
  'StudyInstanceUID' | 'SeriesInstanceUID' | 'TransactionUID' | 'ReferencedSOPClassUID' | 'ReferencedSOPInstanceUID';

/** A UID made of a random UUID (PS3.5 section B.2). */
export function newUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}

function readDataset(data: Buffer | undefined, transferSyntax: string): Dataset {
  try {
    return decodeDataset(data ?? Buffer.alloc(0), transferSyntax);
  } catch {
    throw new DicomStatus(PROCESSING_FAILURE, 'the data set cannot be read');
  }
}
