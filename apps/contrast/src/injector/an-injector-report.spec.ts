import { codeOf, newUid, sopClasses, type DatasetInput } from '#dicom';

/** A code sequence. @param written as {@link codeOf} reads it, with its meaning behind a third bar */
export function coded(written: string): DatasetInput[] {
  const { scheme, value } = codeOf(written);
  return [{ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: written.split('|')[2] ?? 'meaning' }];
}

/** One content item. */
export function item(
  type: string,
  concept: string,
  value: DatasetInput = {},
  ...children: DatasetInput[]
): DatasetInput {
  return {
    RelationshipType: 'CONTAINS',
    ValueType: type,
    ConceptNameCodeSequence: coded(concept),
    ...value,
    ...(children.length > 0 ? { ContentSequence: children } : {}),
  };
}
export const container = (concept: string, ...children: DatasetInput[]) => item('CONTAINER', concept, {}, ...children);
export const text = (concept: string, value: string) => item('TEXT', concept, { TextValue: value });
export const code = (concept: string, value: string, ...children: DatasetInput[]) =>
  item('CODE', concept, { ConceptCodeSequence: coded(value) }, ...children);
export const at = (concept: string, value: string) => item('DATETIME', concept, { DateTime: value });
export const num = (concept: string, value: number, unit: string) =>
  item('NUM', concept, {
    MeasuredValueSequence: [{ NumericValue: String(value), MeasurementUnitsCodeSequence: coded(`UCUM|${unit}`) }],
  });

/** The contrast agent and the saline of an injector, as 'A' and 'B'. */
export const contrastAgent = (...more: DatasetInput[]) =>
  container('130183', text('130254', 'A'), code('123011', 'RXNORM|5956|iopromide'), text('121149', 'LOT7'), ...more);
export const saline = container('130183', text('130254', 'B'), code('123011', 'SCT|373757009|Saline'));

/** A phase of one agent. */
export const phase = (agent: string, volumeMl: number, rate: number, begun: string, ended: string) =>
  container(
    '130202',
    text('130255', agent),
    num('130240', volumeMl, 'mL'),
    num('130208', rate, 'mL/s'),
    num('130245', 700, 'kPa'),
    at('111526', begun),
    at('111527', ended),
  );

/** A report of one injection: a test of 10 mL, 70 mL of contrast, 30 mL of saline; with what the test changes. */
export function anInjectorReport(changes: DatasetInput = {}, ...content: DatasetInput[]): DatasetInput {
  const usual = [
    code('SCT|410675002', 'SCT|47625008|Intravenous route'),
    contrastAgent(),
    saline,
    container('130195', code('130250', '130248'), phase('A', 10, 5, '20260302100400', '20260302100402')),
    container(
      '130195',
      code('130250', '130249'),
      phase('A', 70, 4, '20260302100500', '20260302100518'),
      phase('B', 30, 4, '20260302100518', '20260302100526'),
    ),
    code('130211', 'SCT|255594003|Complete'),
  ];
  return {
    SOPClassUID: sopClasses.performedImagingAgentAdministrationSr,
    SOPInstanceUID: newUid(),
    Modality: 'SR',
    PatientName: 'Beispiel^Berta',
    PatientID: '700001',
    StudyInstanceUID: '2.25.1',
    AccessionNumber: 'SGH00000001',
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: coded('130227'),
    CompletionFlag: 'COMPLETE',
    ...changes,
    ContentSequence: content.length > 0 ? content : usual,
  };
}
