import type { WorklistLine } from './scanner.js';

type Elements = Record<string, unknown>;

/** What a scanner says that an exam gave, in mGy and mGy.cm. */
export interface CtDose {
  ctdiVolMgy: number;
  dlpMgyCm: number;
}

/** The X-Ray Radiation Dose SR of a CT of one acquisition (DICOM PS3.16 TID 10011). */
export function ctDoseReport(
  line: Pick<WorklistLine, 'patientName' | 'patientId' | 'accessionNumber' | 'studyInstanceUid' | 'procedure'>,
  uids: { seriesInstanceUid: string; sopInstanceUid: string; eventUid: string },
  dose: CtDose,
): Elements {
  const now = new Date().toISOString();
  const [date, time] = [now.slice(0, 10).replaceAll('-', ''), now.slice(11, 19).replaceAll(':', '')];
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.67',
    SOPInstanceUID: uids.sopInstanceUid,
    StudyDate: date,
    StudyTime: time,
    ContentDate: date,
    ContentTime: time,
    AccessionNumber: line.accessionNumber,
    Modality: 'SR',
    PatientName: line.patientName,
    PatientID: line.patientId,
    StudyInstanceUID: line.studyInstanceUid,
    SeriesInstanceUID: uids.seriesInstanceUid,
    SeriesNumber: '999',
    InstanceNumber: '1',
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    ValueType: 'CONTAINER',
    ContinuityOfContent: 'SEPARATE',
    ConceptNameCodeSequence: [code('113701', 'X-Ray Radiation Dose Report')],
    ContentSequence: [
      item('CODE', code('121058', 'Procedure reported'), {
        ConceptCodeSequence: [code('77477000', 'Computed Tomography X-Ray', 'SCT')],
      }),
      container(
        code('113811', 'CT Accumulated Dose Data'),
        measured(code('113812', 'Total Number of Irradiation Events'), 1, '{events}'),
        measured(code('113813', 'CT Dose Length Product Total'), dose.dlpMgyCm, 'mGy.cm'),
      ),
      container(
        code('113819', 'CT Acquisition'),
        item('TEXT', code('125203', 'Acquisition Protocol'), { TextValue: line.procedure || 'CT' }),
        item('CODE', code('113820', 'CT Acquisition Type'), {
          ConceptCodeSequence: [code('116152004', 'Spiral Acquisition', 'SCT')],
        }),
        item('UIDREF', code('113769', 'Irradiation Event UID'), { UID: uids.eventUid }),
        container(
          code('113829', 'CT Dose'),
          measured(code('113830', 'Mean CTDIvol'), dose.ctdiVolMgy, 'mGy'),
          measured(code('113838', 'DLP'), dose.dlpMgyCm, 'mGy.cm'),
        ),
      ),
    ],
  };
}

function code(value: string, meaning: string, scheme = 'DCM'): Elements {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

function item(type: string, concept: Elements, value: Elements): Elements {
  return { RelationshipType: 'CONTAINS', ValueType: type, ConceptNameCodeSequence: [concept], ...value };
}

function container(concept: Elements, ...children: Elements[]): Elements {
  return item('CONTAINER', concept, { ContinuityOfContent: 'SEPARATE', ContentSequence: children });
}

function measured(concept: Elements, value: number, unit: string): Elements {
  const MeasurementUnitsCodeSequence = [code(unit, unit, 'UCUM')];
  return item('NUM', concept, {
    MeasuredValueSequence: [{ NumericValue: String(value), MeasurementUnitsCodeSequence }],
  });
}
