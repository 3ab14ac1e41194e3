import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport } from 'fhir/r4.js';
import { patientIdOf, systems, uuidFrom } from '#fhir';
import { failureOf, site } from '#testing';
import { reportFromFhir } from './report-from-fhir.js';

const PATIENTS = 'urn:oid:2.25.1001';
const stated: DiagnosticReport = {
  resourceType: 'DiagnosticReport',
  identifier: [{ system: 'urn:reports', value: 'R1' }],
  status: 'final',
  code: { text: 'CT head' },
  subject: { identifier: { system: PATIENTS, value: 'P1' } },
};
const read = (parts: object = {}) => reportFromFhir({ ...stated, ...parts }, site());
const typed = (code: string, value: string) => ({ type: { coding: [{ code }] }, system: 'urn:theirs', value });

describe('A report by FHIR', () => {
  it('is known by its own number, of the same id as one by HL7 v2 with that number', () => {
    const { report, patientId, patient } = read();
    expect(report.id).toBe(uuidFrom('DiagnosticReport', 'urn:reports', 'R1'));
    expect(patientId).toBe(patientIdOf({ system: PATIENTS, value: 'P1' }));
    expect(patient).toMatchObject({ id: patientId, identifier: [{ system: PATIENTS, value: 'P1' }] });
    expect(report.subject).toEqual({ reference: `Patient/${patientId}` });
  });

  it('names its orders by number, by id, or by their study', () => {
    const { report, orderIds, studyIds } = read({
      identifier: [typed('ACSN', 'A1'), ...stated.identifier!],
      basedOn: [
        { identifier: typed('PLAC', 'O1') },
        { identifier: { system: systems.accessionNumber, value: 'A1' } },
        { reference: 'ServiceRequest/s1' },
      ],
      imagingStudy: [{ identifier: { system: 'urn:dicom:uid', value: 'urn:oid:1.2.3' } }],
    });
    expect(report.identifier!.map(({ value }) => value)).toEqual(['R1', 'A1', 'O1']);
    expect(report.identifier![1]!.system).toBe(systems.accessionNumber);
    expect([orderIds, studyIds]).toEqual([['s1'], [uuidFrom('ImagingStudy', '1.2.3')]]);
    expect([report.basedOn, report.imagingStudy]).toEqual([undefined, undefined]);
  });

  it('brings its patient along, who is not kept within it', () => {
    const contained = [
      {
        resourceType: 'Patient',
        id: 'p',
        identifier: [{ system: PATIENTS, value: 'P1' }],
        name: [{ family: 'Beispiel' }],
      },
    ];
    const { report, patient } = read({ contained, subject: { reference: '#p' } });
    expect(patient).toMatchObject({
      id: patientIdOf({ system: PATIENTS, value: 'P1' }),
      name: [{ family: 'Beispiel' }],
    });
    expect(report.contained).toBeUndefined();
  });

  it('may have results without a subject of their own', () => {
    const contained = [{ resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'Nodule' } }];
    expect(read({ contained, result: [{ reference: '#o' }] }).report.contained).toMatchObject([
      { id: 'o', subject: {} },
    ]);
  });

  it.each<[string, string, object]>([
    ['field-missing', 'DiagnosticReport.identifier', { identifier: [typed('ACSN', 'A1')] }],
    ['field-missing', 'DiagnosticReport.subject', { subject: { identifier: { system: 'urn:other', value: 'P1' } } }],
    ['field-missing', 'DiagnosticReport.code', { code: undefined }],
    ['field-invalid', 'DiagnosticReport.status', { status: 'done' }],
    ['field-invalid', 'DiagnosticReport.status', { status: 'unknown' }],
    ['field-invalid', 'DiagnosticReport.result[0].reference', { result: [{ reference: 'Observation/1' }] }],
    [
      'field-missing',
      'DiagnosticReport.presentedForm[0].data',
      { presentedForm: [{ contentType: 'application/pdf' }] },
    ],
    ['field-missing', 'DiagnosticReport.presentedForm[0].contentType', { presentedForm: [{ data: 'JVBERg==' }] }],
    [
      'field-invalid',
      'DiagnosticReport.presentedForm[0].data',
      { presentedForm: [{ contentType: 'application/pdf', data: '%' }] },
    ],
  ])('is refused: %s %s', (code, field, parts) => {
    expect(failureOf(() => read(parts))).toMatchObject({ code, field });
  });
});
