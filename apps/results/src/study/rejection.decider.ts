import { rejectionReasons } from '#dicom';
import { WRONG_WORKLIST_ENTRY } from '#fhir';

/** Instances that nobody is to see, by SOP Instance UID, with the DICOM code of the reason. */
export type Rejected = ReadonlyMap<string, string>;

const meanings: Readonly<Record<string, string>> = {
  ...rejectionReasons,
  [WRONG_WORKLIST_ENTRY]: 'Incorrect worklist entry selected',
};
/** With these the study should never have been in this record; else it was, and is no more. */
const inError = [WRONG_WORKLIST_ENTRY, '113038', '113037'];

/** True if any was rejected because it should never have been in this record. */
export function isEnteredInError(rejected: Rejected): boolean {
  return [...rejected.values()].some((code) => inError.includes(code));
}

/** How many were rejected, and why, in a sentence; undefined for none. */
export function rejectionText(rejected: Rejected): string | undefined {
  if (rejected.size === 0) return undefined;
  const codes = [...rejected.values()];
  const reasons = [...new Set(codes)].sort().map((code) => {
    const count = codes.filter((one) => one === code).length;
    return `${count} ${count === 1 ? 'object' : 'objects'}: ${meanings[code] ?? 'rejected'} (DCM ${code})`;
  });
  return `Not shown: ${reasons.join('; ')}`;
}
