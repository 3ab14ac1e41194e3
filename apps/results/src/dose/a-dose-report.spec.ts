import { codeOf, Dataset, newUid, sopClasses, type DatasetInput } from '#dicom';
import { doseReportFrom, type DoseReport } from './dose-report.js';

function coded(written: string): DatasetInput[] {
  const { scheme, value } = codeOf(written);
  return [{ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: 'meaning' }];
}

function item(type: string, concept: string, value: DatasetInput, children: DatasetInput[]): DatasetInput {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: type,
    ConceptNameCodeSequence: coded(concept),
    ...value,
    ...(children.length > 0 ? { ContentSequence: children } : {}),
  };
}
/** Content items as scanners write them; codes as `scheme|value`, DCM without scheme. */
export const container = (concept: string, ...children: DatasetInput[]) => item('CONTAINER', concept, {}, children);
export const text = (concept: string, value: string) => item('TEXT', concept, { TextValue: value }, []);
export const uid = (concept: string, value: string) => item('UIDREF', concept, { UID: value }, []);
export const at = (concept: string, value: string) => item('DATETIME', concept, { DateTime: value }, []);
export const code = (concept: string, value: string, ...children: DatasetInput[]) =>
  item('CODE', concept, { ConceptCodeSequence: coded(value) }, children);
export const num = (concept: string, value: number, unit: string, ...children: DatasetInput[]) =>
  item(
    'NUM',
    concept,
    {
      MeasuredValueSequence: [
        {
          NumericValue: String(value),
          MeasurementUnitsCodeSequence: coded(unit.includes('|') ? unit : `UCUM|${unit}`),
        },
      ],
    },
    children,
  );

/** A CT acquisition with CTDIvol and DLP. */
export const acquisition = (event: string, protocol: string, ctdi: number, dlp: number, units = ['mGy', 'mGy.cm']) =>
  container(
    '113819',
    text('125203', protocol),
    code('123014', 'SCT|51185008'),
    code('113820', 'SCT|116152004'),
    uid('113769', event),
    container('113829', num('113830', ctdi, units[0]!), code('113835', '113691'), num('113838', dlp, units[1]!)),
  );
/** A CT localizer radiograph: no CT Dose. */
export const localizer = (event: string) =>
  container('113819', text('125203', 'Topogram'), code('113820', '113805'), uid('113769', event));
/** The totals of a CT report. */
export const ctTotals = (events: number, dlp: number, unit = 'mGy.cm') =>
  container('113811', num('113812', events, '{events}'), num('113813', dlp, unit));

/** An X-ray radiation dose report with this content, as a scanner stores it. */
export function aDoseReport(content: DatasetInput[], changes: DatasetInput = {}): DatasetInput {
  return {
    SOPClassUID: sopClasses.xRayRadiationDoseSr,
    SOPInstanceUID: newUid(),
    StudyInstanceUID: '2.25.1',
    StudyDate: '20260302',
    StudyTime: '101500',
    ContentDate: '20260302',
    ContentTime: '103000',
    PatientID: 'ZZCANARY1',
    PatientName: 'ZZCANARY^Tilda',
    PatientBirthDate: '19700131',
    PatientSex: 'F',
    Modality: 'SR',
    StationName: 'CT01',
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: coded('113701'),
    CompletionFlag: 'COMPLETE',
    ...changes,
    ContentSequence: content,
  };
}

/** A radiopharmaceutical dose report. */
export const aRadiopharmaceuticalReport = (content: DatasetInput[], changes: DatasetInput = {}) =>
  aDoseReport(content, {
    SOPClassUID: sopClasses.radiopharmaceuticalRadiationDoseSr,
    ConceptNameCodeSequence: coded('113500'),
    ...changes,
  });

/** The same, read. */
export function read(report: DatasetInput): DoseReport {
  return doseReportFrom(Dataset.of(report), 'Europe/Berlin');
}
