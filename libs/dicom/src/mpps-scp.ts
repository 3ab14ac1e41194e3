import { randomUUID } from 'node:crypto';
import type { Association } from './association.js';
import type { Dataset } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { DicomStatus } from './dicom-status.js';
import { commands, type DimseMessage } from './dimse.js';
import type { Keyword } from './dictionary.js';
import { sopClasses } from './uids.js';

/** Where MPPS instances go. Success is answered when the promise resolves: by then they must be durable. */
export interface MppsProvider {
  /** @throws DicomStatus, such as 0x0111 for an instance that is there already */
  create(sopInstanceUid: string, dataset: Dataset): Promise<void>;
  /** @throws DicomStatus, such as 0x0110 with error id 0xA710 for an instance that is final */
  set(sopInstanceUid: string, modification: Dataset): Promise<void>;
}

/** PS3.7 annex C. */
const MISSING_ATTRIBUTE = 0x0120;
const INVALID_ATTRIBUTE_VALUE = 0x0106;
const PROCESSING_FAILURE = 0x0110;

/** Type 1 attributes of N-CREATE that the exam cannot do without (PS3.4 table F.7.2-1). */
const required: Keyword[] = [
  'PerformedStationAETitle',
  'PerformedProcedureStepStartDate',
  'PerformedProcedureStepStartTime',
  'PerformedProcedureStepStatus',
];

/** Answers one N-CREATE or N-SET of MPPS. @returns its status */
export async function answerMpps(
  { contextId, command, data }: DimseMessage,
  association: Association,
  provider: MppsProvider,
): Promise<number> {
  const field = command.number('CommandField')!;
  const isCreate = field === commands.nCreate;
  // A modality may leave the UID to us (PS3.7 section 10.1.5.1.4; dcm4che's mppsscu does).
  const sopInstanceUid = isCreate
    ? (command.text('AffectedSOPInstanceUID') ?? newUid())
    : (command.text('RequestedSOPInstanceUID') ?? '');
  let failure: DicomStatus | undefined;
  try {
    const dataset = readDataset(data, association.context(contextId).transferSyntax);
    if (isCreate) checkCreation(dataset);
    else checkStatus(dataset, ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED']);
    await (isCreate ? provider.create(sopInstanceUid, dataset) : provider.set(sopInstanceUid, dataset));
  } catch (error) {
    failure = error instanceof DicomStatus ? error : new DicomStatus(PROCESSING_FAILURE, 'cannot be stored now');
  }
  await association.send(contextId, {
    AffectedSOPClassUID: sopClasses.modalityPerformedProcedureStep,
    CommandField: field | commands.response,
    MessageIDBeingRespondedTo: command.number('MessageID') ?? 0,
    Status: failure?.status ?? 0,
    ...(failure ? { ErrorComment: failure.message.slice(0, 64) } : {}),
    ...(failure?.errorId !== undefined ? { ErrorID: failure.errorId } : {}),
    AffectedSOPInstanceUID: sopInstanceUid,
  });
  return failure?.status ?? 0;
}

function readDataset(data: Buffer | undefined, transferSyntax: string): Dataset {
  try {
    return decodeDataset(data ?? Buffer.alloc(0), transferSyntax);
  } catch {
    throw new DicomStatus(PROCESSING_FAILURE, 'the data set cannot be read');
  }
}

function checkCreation(dataset: Dataset): void {
  const missing = required.filter((keyword) => !dataset.hasValue(keyword));
  if (missing.length > 0) throw new DicomStatus(MISSING_ATTRIBUTE, `missing ${missing.join(', ')}`);
  checkStatus(dataset, ['IN PROGRESS']);
}

function checkStatus(dataset: Dataset, allowed: string[]): void {
  const status = dataset.text('PerformedProcedureStepStatus');
  if (status !== undefined && !allowed.includes(status))
    throw new DicomStatus(INVALID_ATTRIBUTE_VALUE, `PerformedProcedureStepStatus must be ${allowed.join(' or ')}`);
}

function newUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}
