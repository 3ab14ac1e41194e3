import type { Dataset } from './dataset.js';
import { localTimeOf } from './pacs-query.js';
import { sopClasses } from './uids.js';

/** Titles of Key Object Selection documents by which images are rejected (IHE RAD TF-3 4.66, DICOM PS3.16 CID 7010). */
export const rejectionReasons = {
  '113001': 'Rejected for Quality Reasons',
  '113037': 'Rejected for Patient Safety Reasons',
  '113038': 'Incorrect Modality Worklist Entry',
  '113039': 'Data Retention Policy Expired',
} as const;

export type RejectionReason = keyof typeof rejectionReasons;

/** A rejection note: which instances nobody is to see any more, and why. */
export interface RejectionNote {
  sopInstanceUid: string;
  studyInstanceUid: string;
  reason: RejectionReason;
  /** What is wrong with the images, a DCM code of PS3.16 CID 7011, where the document says it (Document Title Modifier). */
  qualityReason?: string;
  /** When it was written: local time without zone, `YYYY-MM-DDTHH:MM:SS`, or a date. */
  writtenAt?: string;
  instances: { studyInstanceUid: string; sopInstanceUid: string }[];
}

/**
 * Reads a Key Object Selection document as a rejection note; undefined for any other document. What is rejected is what
 * its content refers to, or its evidence where the content refers to nothing; whose study an instance is in, the
 * evidence says (PS3.3 sections C.17.6.2 and C.17.6.3).
 */
export function rejectionNoteFrom(dataset: Dataset): RejectionNote | undefined {
  const [title] = dataset.items('ConceptNameCodeSequence');
  const reason = title?.text('CodeValue') ?? '';
  const [sopInstanceUid, studyInstanceUid] = [dataset.text('SOPInstanceUID'), dataset.text('StudyInstanceUID')];
  if (dataset.text('SOPClassUID') !== sopClasses.keyObjectSelection || !sopInstanceUid || !studyInstanceUid) return;
  if (title?.text('CodingSchemeDesignator') !== 'DCM' || !isReason(reason)) return;
  const evidence = evidenceOf(dataset);
  const referred = dataset.items('ContentSequence').flatMap((item) => uidsIn(item, 'ReferencedSOPSequence'));
  const rejected = referred.length > 0 ? referred : [...evidence.keys()];
  const instances = [...new Set(rejected)].map((uid) => ({
    sopInstanceUid: uid,
    studyInstanceUid: evidence.get(uid) ?? studyInstanceUid,
  }));
  const qualityReason = modifierOf(dataset);
  const writtenAt = localTimeOf(dataset.text('ContentDate'), dataset.text('ContentTime'));
  return {
    sopInstanceUid,
    studyInstanceUid,
    reason,
    ...(qualityReason ? { qualityReason } : {}),
    ...(writtenAt ? { writtenAt } : {}),
    instances,
  };
}

/** Document Title Modifier (113011, DCM), PS3.16 TID 2010: of several the first. */
function modifierOf(dataset: Dataset): string | undefined {
  for (const item of dataset.items('ContentSequence')) {
    const [name] = item.items('ConceptNameCodeSequence');
    if (name?.text('CodeValue') !== '113011' || name.text('CodingSchemeDesignator') !== 'DCM') continue;
    const [code] = item.items('ConceptCodeSequence');
    if (code?.text('CodingSchemeDesignator') === 'DCM') return code.text('CodeValue');
  }
  return undefined;
}

/** The study of each instance that a document names as evidence. */
function evidenceOf(dataset: Dataset): Map<string, string> {
  const found = new Map<string, string>();
  for (const study of dataset.items('CurrentRequestedProcedureEvidenceSequence'))
    for (const series of study.items('ReferencedSeriesSequence'))
      for (const uid of uidsIn(series, 'ReferencedSOPSequence')) found.set(uid, study.text('StudyInstanceUID') ?? '');
  for (const [uid, study] of found) if (study === '') found.delete(uid);
  return found;
}

function uidsIn(item: Dataset, sequence: 'ReferencedSOPSequence'): string[] {
  return item.items(sequence).flatMap((one) => one.text('ReferencedSOPInstanceUID') ?? []);
}

function isReason(code: string): code is RejectionReason {
  return Object.hasOwn(rejectionReasons, code);
}
