import type { Procedure } from 'fhir/r4.js';
import { systems } from './identity.js';

/** The technologist chose the wrong worklist entry (DICOM CID 9300, code of DCM). */
export const WRONG_WORKLIST_ENTRY = '110514';

/** True if an exam was discontinued because it was another patient's, or another order's: under this one it never was. */
export function wasWrongWorklistEntry(exam: Procedure | undefined): boolean {
  const codings = exam?.statusReason?.coding ?? [];
  return (
    exam?.status === 'stopped' &&
    codings.some(({ system, code }) => system === systems.dicomCode && code === WRONG_WORKLIST_ENTRY)
  );
}
