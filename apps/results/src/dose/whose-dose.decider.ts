import type { ImagingStudy, Patient } from 'fhir/r4.js';
import { WRONG_WORKLIST_ENTRY } from '#fhir';
import { instancesOf } from '../study/imaging-study.decider.js';
import type { Rejected } from '../study/rejection.decider.js';
import type { DoseReport } from './dose-report.js';

/** With these it is another patient's (DICOM CID 9300; IHE IOCM). What was rejected for anything else, was irradiated. */
const anothers = [WRONG_WORKLIST_ENTRY, '113038'];

/** Why a report is listed and not counted. */
export const ANOTHERS_NUMBER = 'PatientID: it is none of the numbers of the patient of its study';

/**
 * Whether a report was made under another number than those that the patients of its study have or had. Nothing is held
 * against one without a number, nor where the patients' are not known.
 *
 * @param patients whose study it is, or was until a person said whose it is
 */
export function isUnderOtherNumber(
  { patientId }: Pick<DoseReport, 'patientId'>,
  patients: readonly Patient[],
): boolean {
  const numbers = patients.flatMap(({ identifier = [] }) => identifier).flatMap(({ value }) => value ?? []);
  return patientId !== undefined && numbers.length > 0 && !numbers.includes(patientId);
}

/**
 * The dose reports that are of the study's own patient: not those rejected as made under the wrong worklist entry. Where
 * all images were, so are the reports, which few scanners list among what they made.
 */
export function reportsOfPatient<T extends Pick<DoseReport, 'sopInstanceUid'>>(
  reports: readonly T[],
  study: ImagingStudy,
  rejected: Rejected,
): T[] {
  const own = new Set(reports.map(({ sopInstanceUid }) => sopInstanceUid));
  const isLeft = instancesOf(study).some((uid) => !own.has(uid) && !rejected.has(uid));
  const isWrong = [...rejected.values()].some((code) => anothers.includes(code));
  if (study.status === 'entered-in-error' || (isWrong && !isLeft)) return [];
  return reports.filter(({ sopInstanceUid }) => !anothers.includes(rejected.get(sopInstanceUid) ?? ''));
}
