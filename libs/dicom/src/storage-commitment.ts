import type { Association } from './association.js';
import type { Dataset, DatasetInput } from './dataset.js';
import { DicomStatus } from './dicom-status.js';
import { commands, type DimseMessage } from './dimse.js';
import {
  answerNormalized,
  MISSING_ATTRIBUTE,
  NO_SUCH_ACTION,
  NO_SUCH_EVENT_TYPE,
  NO_SUCH_OBJECT_INSTANCE,
  requiredUid,
} from './normalized-operation.js';
import { storageCommitmentInstance } from './uids.js';

/** One stored object by its class and its instance. */
export interface ReferencedInstance {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** The question whether instances are safely stored (PS3.4 table J.3-1). */
export interface StorageCommitmentRequest {
  /** The asker's name for the question; the answer bears it. */
  transactionUid: string;
  instances: ReferencedInstance[];
}

/** The answer (PS3.4 table J.3-2). A reason is one of PS3.3 section C.14.1.1, such as 0x0112: no such object instance. */
export interface StorageCommitmentResult {
  transactionUid: string;
  committed: ReferencedInstance[];
  failed: (ReferencedInstance & { reason: number })[];
}

/** Where storage commitment goes; what a side does not take is left out. Durable when the promise resolves. */
export interface StorageCommitmentProvider {
  /** N-ACTION: a modality asks. @throws DicomStatus */
  request?(request: StorageCommitmentRequest, callingAeTitle: string): Promise<void>;
  /** N-EVENT-REPORT: a PACS answers what it was asked. @throws DicomStatus */
  report?(result: StorageCommitmentResult, callingAeTitle: string): Promise<void>;
}

/** Action and event types of the Push Model (PS3.4 sections J.3.2 and J.3.3). */
const REQUEST = 1;
const ALL_COMMITTED = 1;
const SOME_FAILED = 2;
/** PS3.7 annex C: the class is served, but not in this direction. */
const UNRECOGNIZED_OPERATION = 0x0211;
const PROCESSING_FAILURE_REASON = 0x0110;

/** @throws DicomStatus 0x0120 or 0x0106, naming the attribute */
export function storageCommitmentRequestFrom(dataset: Dataset): StorageCommitmentRequest {
  const transactionUid = requiredUid(dataset, 'TransactionUID');
  const instances = dataset.items('ReferencedSOPSequence').map(referenceFrom);
  if (instances.length === 0) throw new DicomStatus(MISSING_ATTRIBUTE, 'missing ReferencedSOPSequence');
  return { transactionUid, instances };
}

/** The Action Information of an N-ACTION. */
export function storageCommitmentRequestOf({ transactionUid, instances }: StorageCommitmentRequest): DatasetInput {
  return { TransactionUID: transactionUid, ReferencedSOPSequence: instances.map(referenceOf) };
}

/** @throws DicomStatus 0x0120 or 0x0106, naming the attribute */
export function storageCommitmentResultFrom(dataset: Dataset): StorageCommitmentResult {
  return {
    transactionUid: requiredUid(dataset, 'TransactionUID'),
    committed: dataset.items('ReferencedSOPSequence').map(referenceFrom),
    failed: dataset.items('FailedSOPSequence').map((one) => ({
      ...referenceFrom(one),
      reason: one.number('FailureReason') ?? PROCESSING_FAILURE_REASON,
    })),
  };
}

/** The Event Information of an N-EVENT-REPORT, and its type. A list that would be empty is left out, as J.3.3 asks. */
export function storageCommitmentResultOf(result: StorageCommitmentResult): { type: number; dataset: DatasetInput } {
  const { transactionUid, committed, failed } = result;
  return {
    type: failed.length > 0 ? SOME_FAILED : ALL_COMMITTED,
    dataset: {
      TransactionUID: transactionUid,
      ...(committed.length > 0 ? { ReferencedSOPSequence: committed.map(referenceOf) } : {}),
      ...(failed.length > 0
        ? { FailedSOPSequence: failed.map((one) => ({ ...referenceOf(one), FailureReason: one.reason })) }
        : {}),
    },
  };
}

/** Answers one N-ACTION or N-EVENT-REPORT of storage commitment. @returns its status */
export function answerStorageCommitment(
  message: DimseMessage,
  association: Association,
  provider: StorageCommitmentProvider,
): Promise<number> {
  const { command } = message;
  const isRequest = command.number('CommandField') === commands.nAction;
  const sopInstanceUid = command.text(isRequest ? 'RequestedSOPInstanceUID' : 'AffectedSOPInstanceUID') ?? '';
  const type = command.number(isRequest ? 'ActionTypeID' : 'EventTypeID');
  const also: DatasetInput = isRequest ? { ActionTypeID: type } : { EventTypeID: type };
  return answerNormalized(message, association, { sopInstanceUid, also }, async (dataset) => {
    if (sopInstanceUid !== storageCommitmentInstance)
      throw new DicomStatus(NO_SUCH_OBJECT_INSTANCE, 'storage commitment has one well-known instance');
    if (isRequest ? type !== REQUEST : type !== ALL_COMMITTED && type !== SOME_FAILED)
      throw new DicomStatus(isRequest ? NO_SUCH_ACTION : NO_SUCH_EVENT_TYPE, 'not a type of the Push Model');
    if (isRequest && provider.request)
      return provider.request(storageCommitmentRequestFrom(dataset), association.callingAeTitle);
    if (!isRequest && provider.report)
      return provider.report(storageCommitmentResultFrom(dataset), association.callingAeTitle);
    throw new DicomStatus(UNRECOGNIZED_OPERATION, 'storage commitment is not served in this direction');
  });
}

function referenceFrom(item: Dataset): ReferencedInstance {
  return {
    sopClassUid: requiredUid(item, 'ReferencedSOPClassUID'),
    sopInstanceUid: requiredUid(item, 'ReferencedSOPInstanceUID'),
  };
}

function referenceOf({ sopClassUid, sopInstanceUid }: ReferencedInstance): DatasetInput {
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}
