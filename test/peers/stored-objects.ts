import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Dataset, encodeDicomFile, sopClasses, type DatasetInput } from '#dicom';

export const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';

/** Whose a stored object is. */
export interface Whose {
  patientId: string;
  accessionNumber: string;
  studyInstanceUid: string;
}

/** Writes a CT image, whose series is known by its number: `<study>.<series>`. @returns the file */
export function writeImage(
  folder: string,
  whose: Whose,
  series: number,
  sopInstanceUid: string,
  more: DatasetInput = {},
) {
  return write(folder, ctImageStorage, sopInstanceUid, {
    ...common(whose),
    Modality: 'CT',
    SeriesInstanceUID: `${whose.studyInstanceUid}.${series}`,
    SeriesNumber: `${series}`,
    SeriesDate: '20260302',
    SeriesTime: `093${series}00`,
    BodyPartExamined: 'CHEST',
    InstanceNumber: sopInstanceUid.split('.').at(-1)!,
    ...more,
  });
}

/** Writes a Key Object Selection document that rejects CT images. @returns the file */
export function writeRejectionNote(folder: string, whose: Whose, title: string, series: number, rejected: string[]) {
  const sopInstanceUid = `${whose.studyInstanceUid}.99.1`;
  const references = rejected.map((uid) => ({ ReferencedSOPClassUID: ctImageStorage, ReferencedSOPInstanceUID: uid }));
  return write(folder, sopClasses.keyObjectSelection, sopInstanceUid, {
    ...common(whose),
    Modality: 'KO',
    SeriesInstanceUID: `${whose.studyInstanceUid}.99`,
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [{ CodeValue: title, CodingSchemeDesignator: 'DCM', CodeMeaning: 'rejected' }],
    ContinuityOfContent: 'SEPARATE',
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: whose.studyInstanceUid,
        ReferencedSeriesSequence: [
          { SeriesInstanceUID: `${whose.studyInstanceUid}.${series}`, ReferencedSOPSequence: references },
        ],
      },
    ],
    ContentSequence: references.map((one) => ({
      RelationshipType: 'CONTAINS',
      ValueType: 'IMAGE',
      ReferencedSOPSequence: [one],
    })),
  });
}

function common({ patientId, accessionNumber, studyInstanceUid }: Whose): DatasetInput {
  return {
    StudyInstanceUID: studyInstanceUid,
    StudyDate: '20260302',
    StudyTime: '093000',
    AccessionNumber: accessionNumber,
    PatientName: 'Beispiel^Berta',
    PatientID: patientId,
  };
}

function write(folder: string, sopClassUid: string, sopInstanceUid: string, content: DatasetInput): string {
  const dataset = Dataset.of({ SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid, ...content });
  const file = join(folder, `${sopInstanceUid}.dcm`);
  writeFileSync(file, encodeDicomFile(dataset, { sopClassUid, sopInstanceUid }));
  return file;
}
