import type { ServiceRequest } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { extensions, identifierOf, studyInstanceUidOf, uuidFrom, WRONG_WORKLIST_ENTRY } from '#fhir';
import { fail } from '#platform';
import type { PerformedProcedureStepRow } from './performed-procedure-steps.store.js';

/**
 * Whether an exam may be given from the order of its worklist entry to the one it was done for.
 *
 * @returns true if a person said the same before
 * @throws Failure state-conflict for one that goes on, is of no order, is of this order, or was given to a third
 */
export function isReassignedTo(
  orderId: string,
  row: PerformedProcedureStepRow,
  orderIdsNow: readonly string[],
): boolean {
  if (row.reassignedTo === orderId) return true;
  if (row.reassignedTo) throw fail('state-conflict', 'the exam was given to a third order already');
  if (row.appointmentIds.length === 0)
    throw fail('state-conflict', 'the exam is of no order: link it by POST /unscheduled/<MPPS UID>/link');
  if (orderIdsNow.includes(orderId)) throw fail('state-conflict', 'the exam is that of this order already');
  if (row.status === 'IN PROGRESS')
    throw fail('state-conflict', 'the exam goes on: end it at the modality first, for the reason 110514 if it can');
  return false;
}

/** An MPPS as if its modality had noticed itself that it was the wrong worklist entry (DICOM CID 9300). */
export const asWrongWorklistEntry: DatasetInput = {
  PerformedProcedureStepStatus: 'DISCONTINUED',
  PerformedProcedureStepDiscontinuationReasonCodeSequence: [
    {
      CodeValue: WRONG_WORKLIST_ENTRY,
      CodingSchemeDesignator: 'DCM',
      CodeMeaning: 'Incorrect worklist entry selected',
    },
  ],
};

/**
 * What a done exam's MPPS would have been under the right worklist entry. The images it lists are those that are rejected
 * under the wrong one: which copies take their place (IHE IOCM) only the PACS knows.
 */
export function underRightEntry(order: ServiceRequest, stepId: string, dicomPatientId: string): DatasetInput {
  return {
    PatientID: dicomPatientId,
    PerformedProcedureStepStatus: 'COMPLETED',
    PerformedSeriesSequence: [],
    ScheduledStepAttributesSequence: [
      {
        StudyInstanceUID: studyInstanceUidOf(order)!,
        AccessionNumber: identifierOf(order, 'ACSN')?.value ?? '',
        ScheduledProcedureStepID: stepId,
      },
    ],
  };
}

/** The SOP Instance UID of that MPPS (DICOM PS3.5 section B.2): the same exam and order give the same. */
export function uidUnderRightEntry(mppsUid: string, orderId: string): string {
  return `2.25.${BigInt(`0x${uuidFrom('reassigned exam', mppsUid, orderId).replaceAll('-', '')}`)}`;
}

/**
 * The order of the wrong worklist entry as it is to be done still: as it was before that exam completed it. The mark says
 * so to those who hold that an order which is done stays done.
 *
 * @param before its status before
 */
export function reopened(order: ServiceRequest, before: ServiceRequest['status'], now: Date): ServiceRequest {
  const others = (order.extension ?? []).filter(({ url }) => url !== extensions.reopened);
  return {
    ...order,
    status: before,
    extension: [...others, { url: extensions.reopened, valueInstant: now.toISOString() }],
  };
}
