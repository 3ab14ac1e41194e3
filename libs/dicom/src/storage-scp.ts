import type { Association } from './association.js';
import type { Dataset } from './dataset.js';
import { decodeDataset, type DecodeLimits } from './dataset-decoder.js';
import { DicomStatus } from './dicom-status.js';
import type { DimseMessage } from './dimse.js';
import { answerAboutInstance } from './normalized-operation.js';

/** PS3.4 table B.2-1. */
export const OUT_OF_RESOURCES = 0xa700;
export const DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xa900;
export const CANNOT_UNDERSTAND = 0xc000;
/** PS3.7 section 9.1.1.1.9. */
export const INVALID_SOP_INSTANCE = 0x0117;

/** Content of SR documents nests deeper than other data sets: three sequences for a value, one for each level. */
const storedObjectLimits: DecodeLimits = { depth: 64, elements: 250_000 };

/** One object as it was sent. */
export interface StoredObject {
  sopClassUid: string;
  sopInstanceUid: string;
  dataset: Dataset;
  /** The data set as it came, byte for byte, in `transferSyntax`. */
  bytes: Buffer;
  transferSyntax: string;
}

/** Where objects go. Success is answered when the promise resolves: by then they must be durable. */
export interface StorageProvider {
  /**
   * @throws DicomStatus, such as 0xC000 for an object that cannot be understood; anything else is answered 0xA700, and
   *   the sender tries again
   */
  store(object: StoredObject, callingAeTitle: string): Promise<void>;
}

/** Answers one C-STORE (PS3.4 section B.2). @returns its status */
export async function answerStorage(
  message: DimseMessage,
  association: Association,
  provider: StorageProvider,
): Promise<number> {
  const sopInstanceUid = message.command.text('AffectedSOPInstanceUID') ?? '';
  let failure: DicomStatus | undefined;
  try {
    await provider.store(storedObjectFrom(message, association, sopInstanceUid), association.callingAeTitle);
  } catch (error) {
    failure = error instanceof DicomStatus ? error : new DicomStatus(OUT_OF_RESOURCES, 'cannot be stored now');
  }
  return answerAboutInstance(message, association, { sopInstanceUid }, failure);
}

/** @throws DicomStatus 0x0117, 0xC000 or 0xA900, with no value of the data set in its comment */
function storedObjectFrom(
  { contextId, data }: DimseMessage,
  association: Association,
  sopInstanceUid: string,
): StoredObject {
  const { abstractSyntax: sopClassUid, transferSyntax } = association.context(contextId);
  if (!/^[0-9][0-9.]{0,63}$/.test(sopInstanceUid))
    throw new DicomStatus(INVALID_SOP_INSTANCE, 'the Affected SOP Instance UID is missing or no UID');
  if (!data) throw new DicomStatus(CANNOT_UNDERSTAND, 'no data set came');
  let dataset: Dataset;
  try {
    dataset = decodeDataset(data, transferSyntax, storedObjectLimits);
  } catch {
    throw new DicomStatus(CANNOT_UNDERSTAND, 'the data set cannot be read');
  }
  if (dataset.text('SOPClassUID') !== sopClassUid)
    throw new DicomStatus(DATA_SET_DOES_NOT_MATCH_SOP_CLASS, 'SOPClassUID is missing or another than was negotiated');
  if (dataset.text('SOPInstanceUID') !== sopInstanceUid)
    throw new DicomStatus(DATA_SET_DOES_NOT_MATCH_SOP_CLASS, 'SOPInstanceUID is missing or not that of the command');
  return { sopClassUid, sopInstanceUid, dataset, bytes: data, transferSyntax };
}
