import type { Association, DicomCaller } from './association.js';
import type { Dataset } from './dataset.js';
import { DicomStatus } from './dicom-status.js';
import { commands, type DimseMessage } from './dimse.js';
import type { Keyword } from './dictionary.js';
import { answerNormalized, INVALID_ATTRIBUTE_VALUE, MISSING_ATTRIBUTE, newUid } from './normalized-operation.js';

/** Where MPPS instances go. Success is answered when the promise resolves: by then they must be durable. */
export interface MppsProvider {
  /** @throws DicomStatus, such as 0x0111 for an instance that is there already */
  create(sopInstanceUid: string, dataset: Dataset, caller: DicomCaller): Promise<void>;
  /** @throws DicomStatus, such as 0x0110 with error id 0xA710 for an instance that is final */
  set(sopInstanceUid: string, modification: Dataset, caller: DicomCaller): Promise<void>;
}

/** Type 1 attributes of N-CREATE that the exam cannot do without (PS3.4 table F.7.2-1). */
const required: Keyword[] = [
  'PerformedStationAETitle',
  'PerformedProcedureStepStartDate',
  'PerformedProcedureStepStartTime',
  'PerformedProcedureStepStatus',
];

/** Answers one N-CREATE or N-SET of MPPS. @returns its status */
export async function answerMpps(
  message: DimseMessage,
  association: Association,
  provider: MppsProvider,
): Promise<number> {
  const { command } = message;
  const isCreate = command.number('CommandField') === commands.nCreate;
  // A modality may leave the UID to us (PS3.7 section 10.1.5.1.4; dcm4che's mppsscu does).
  const sopInstanceUid = isCreate
    ? (command.text('AffectedSOPInstanceUID') ?? newUid())
    : (command.text('RequestedSOPInstanceUID') ?? '');
  return answerNormalized(message, association, { sopInstanceUid }, async (dataset) => {
    if (isCreate) checkCreation(dataset);
    else checkStatus(dataset, ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED']);
    const { caller } = association;
    await (isCreate ? provider.create(sopInstanceUid, dataset, caller) : provider.set(sopInstanceUid, dataset, caller));
  });
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
