import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { DiagnosticReport, Medication, Observation } from 'fhir/r4.js';
import { parseMessage } from '#hl7v2';
import { aPatient, aServiceRequest } from '#testing';
import { typedIdentifier } from '#fhir';
import { reportToMessage, type ResultEnvelope, type ResultFacts } from './report-out.js';

const envelope: ResultEnvelope = {
  sendingApplication: 'COLLIMATOR',
  sendingFacility: 'SGH',
  receivingApplication: 'EMR',
  receivingFacility: 'SGH',
  controlId: 'C1',
  now: new Date('2026-03-02T10:00:00Z'),
  namespaceOf: (system) =>
    system === 'urn:oid:2.25.1001' ? 'SGH' : system === 'urn:oid:2.25.1002' ? 'EMR' : undefined,
};
const written = (facts: Partial<ResultFacts> = {}) =>
  parseMessage(reportToMessage({ patient: aPatient(), serviceRequests: [aServiceRequest()], ...facts }, envelope));

describe('reportToMessage', () => {
  it('names patient and order by the numbers the EMR gave them', () => {
    const message = written();
    expect(message.header.raw(9)).toBe('ORU^R01^ORU_R01');
    expect(message.first('PID')?.raw(3)).toBe('P1^^^SGH^MR');
    expect(message.first('OBR')?.raw(2)).toBe('ORD1^EMR');
    expect(message.first('OBR')?.get(18)).toBe('TST00000001');
  });

  it('gives each of several orders a group of its own, with all that is known', () => {
    const orders = ['ORD1', 'ORD2'].map((placerOrderNumber) => aServiceRequest({ placerOrderNumber }));
    const message = written({ serviceRequests: orders, examStatus: 'started' });
    expect(message.segments.map((one) => [one.name, one.get(1), one.raw(2)]).slice(2)).toEqual([
      ['OBR', '1', 'ORD1^EMR'],
      ['OBX', '1', 'ST'],
      ['OBR', '2', 'ORD2^EMR'],
      ['OBX', '1', 'ST'],
    ]);
  });

  it('names no order where none is known', () => {
    expect(
      written({ serviceRequests: [] })
        .all('OBR')
        .map((obr) => obr.raw(2)),
    ).toEqual(['']);
  });

  it('gives the number whose authority it can name, not that of another hospital', () => {
    const identifier = [typedIdentifier('MR', 'urn:collimator:authority:OTHER', '999'), ...aPatient().identifier!];
    expect(
      written({ patient: aPatient({ identifier }) })
        .first('PID')
        ?.raw(3),
    ).toBe('P1^^^SGH^MR');
  });

  it('gives the text of a report so that it reads back the same, and its status', () => {
    const text = 'No | lesion & ^ "stable"\nsecond line \\ end';
    const message = written({
      report: {
        resourceType: 'DiagnosticReport',
        status: 'corrected',
        code: { text: 'Report' },
        conclusion: 'Normal.',
        presentedForm: [{ contentType: 'text/plain', data: Buffer.from(text).toString('base64') }],
      },
    });
    expect(message.all('OBX').map((obx) => [obx.get(3), obx.text(5), obx.get(11)])).toEqual([
      ['18748-4', text, 'C'],
      ['19005-8', 'Normal.', 'C'],
    ]);
    expect(message.first('OBR')?.get(25)).toBe('C');
  });

  it('gives every form of a report: its text, what was added, a PDF, and where another is found', () => {
    const [text, added, pdf] = ['One.', 'Two.', '%PDF'].map((one) => Buffer.from(one).toString('base64'));
    const presentedForm = [
      { contentType: 'text/plain; charset=utf-8', data: text! },
      { contentType: 'text/plain; charset=utf-8', data: added! },
      { contentType: 'application/pdf', data: pdf! },
      { contentType: 'image/jpeg', url: 'https://x.example/1?a&b' },
    ];
    const report = { resourceType: 'DiagnosticReport', status: 'appended', code: {}, presentedForm } as const;
    const message = written({ report: { ...report, presentedForm } });
    expect(message.all('OBX').map((obx) => [obx.get(2), obx.raw(5)])).toEqual([
      ['TX', 'One.'],
      ['TX', 'Two.'],
      ['ED', `^AP^PDF^Base64^${pdf}`],
      ['RP', 'https://x.example/1?a\\T\\b^^AP^JPEG'],
    ]);
  });

  it('gives exam status, study and contrast with its lot and dose', () => {
    const agent: Medication = { resourceType: 'Medication', code: { text: 'iopromide' }, batch: { lotNumber: 'L1' } };
    const message = written({
      examStatus: 'completed',
      imagingStudy: {
        resourceType: 'ImagingStudy',
        status: 'available',
        subject: {},
        identifier: [{ system: 'urn:dicom:uid', value: 'urn:oid:1.2.3' }],
        numberOfInstances: 2,
      },
      medicationAdministrations: [
        {
          resourceType: 'MedicationAdministration',
          status: 'completed',
          subject: {},
          contained: [agent],
          dosage: { dose: { value: 80, unit: 'mL' } },
        },
      ],
    });
    expect(message.all('OBX').map((obx) => [obx.get(1), obx.get(2), obx.get(3), obx.get(5), obx.get(6)])).toEqual([
      ['1', 'ST', 'EXAMSTATUS', 'completed', undefined],
      ['2', 'ST', 'STUDYUID', '1.2.3', undefined],
      ['3', 'ST', 'IMAGES', '2', undefined],
      ['4', 'ST', 'CONTRASTAGENT', 'iopromide', undefined],
      ['5', 'ST', 'CONTRASTLOT', 'L1', undefined],
      ['6', 'NM', 'CONTRASTDOSE', '80', 'mL'],
    ]);
  });

  it.each([
    ['entered-in-error', 'W'],
    ['completed', 'F'],
  ] as const)('says of contrast that is %s, in every line, OBX-11 %s', (status, expected) => {
    const agent = {
      resourceType: 'Medication' as const,
      id: 'm',
      code: { text: 'iopromide' },
      batch: { lotNumber: 'L1' },
    };
    const dosage = { dose: { value: 80, unit: 'mL' } };
    const given = {
      resourceType: 'MedicationAdministration' as const,
      status,
      subject: {},
      contained: [agent],
      dosage,
    };
    const message = written({ medicationAdministrations: [given] });
    expect(message.all('OBX').map((obx) => obx.get(11))).toEqual([expected, expected, expected]);
  });

  it.each([
    ['entered-in-error', 'W'],
    ['cancelled', 'D'],
  ] as const)('takes back a study that is %s (OBX-11 %s), and links to nothing', (status, expected) => {
    const identifier = [{ system: 'urn:dicom:uid', value: 'urn:oid:1.2.3' }];
    const message = written({
      imagingStudy: { resourceType: 'ImagingStudy', status, subject: {}, identifier, numberOfInstances: 0 },
    });
    expect(message.all('OBX').map((obx) => [obx.get(3), obx.get(5), obx.get(11)])).toEqual([
      ['STUDYUID', '1.2.3', expected],
      ['IMAGES', '0', expected],
    ]);
  });
});

describe('A report with sections and findings', () => {
  const golden = (name: string) => {
    const bytes = readFileSync(new URL(`../../../test/golden/reports/${name}.out.json`, import.meta.url), 'utf8');
    return (JSON.parse(bytes) as { reports: DiagnosticReport[] }).reports[0]!;
  };
  const lines = (report: DiagnosticReport) =>
    written({ report })
      .all('OBX')
      .map((obx) => [2, 3, 5, 6, 8, 11].map((field) => obx.raw(field)).join('|'));

  it('is told section by section, with what was found as codes and measures', () => {
    expect(lines(golden('sections-and-coded-findings'))).toEqual([
      'TX|18785-6^Reason for study^LN|Fall from a ladder.|||F',
      'TX|18834-2^Comparison^LN|None.|||F',
      'TX|59776-5^Findings^LN|Nodule in the right upper lobe,\\.br\\8 mm.|||F',
      'TX|18783-1^Recommendation^LN^CTHEAD^Recommendation^L|CT of the chest in three months.|||F',
      'TX|19005-8^Impression^LN|Pulmonary nodule.|||F',
      'CWE|59776-5^Findings^LN|RID3875^Nodule^RADLEX^27925004^Nodule^SCT|||F',
      'NM|21889-1^Size^LN|8|mm^millimeter^UCUM||F',
      'CWE|19005-8^Impression^LN|786838002^Incidental pulmonary nodule^SCT|||F',
    ]);
  });

  it('is told with its flags', () => {
    expect(lines(golden('critical-by-flag-and-category'))).toEqual([
      'TX|GDT^Report^L|Large pneumothorax on the left.||AA^Critical abnormal^HL70078|F',
      'CWE|73568-8^Communication of actionable findings^LN|RID49480^ACR Category 1 Actionable Finding^RADLEX|||F',
    ]);
  });

  it('whose sections are not all of its text is told whole, and a conclusion that is no finding as a code', () => {
    const report: DiagnosticReport = {
      ...golden('sections-and-coded-findings'),
      result: [{ reference: '#finding-5' }],
      conclusionCode: [{ text: 'Nodule' }],
    };
    expect(lines(report).map((line) => line.split('|').slice(0, 2).join('|'))).toEqual([
      'TX|18748-4^Diagnostic imaging study^LN',
      'TX|19005-8^Impression^LN',
      'NM|21889-1^Size^LN',
      'CWE|19005-8^Impression^LN',
    ]);
  });

  it('tells every kind of value', () => {
    const values: Partial<Observation>[] = [
      { valueQuantity: { value: 5, comparator: '<', unit: 'mm' } },
      { valueRange: { low: { value: 2, unit: 'mm' }, high: { value: 5, unit: 'mm' } } },
      { valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } },
      { valueInteger: 3 },
      { valueBoolean: false },
      { valueDateTime: '2026-03-02' },
      { valueCodeableConcept: { text: 'Nodule' } },
    ];
    const contained = values.map((value, index): Observation => ({
      resourceType: 'Observation',
      id: `o${index}`,
      status: 'final',
      code: { text: 'X' },
      ...value,
    }));
    const result = contained.map(({ id }) => ({ reference: `#${id}` }));
    expect(lines({ resourceType: 'DiagnosticReport', status: 'final', code: {}, contained, result })).toEqual([
      'SN|^X|<^5|mm^mm^L||F',
      'SN|^X|^2^-^5|mm^mm^L||F',
      'SN|^X|^1^:^128|||F',
      'NM|^X|3|||F',
      'ST|^X|false|||F',
      'DTM|^X|20260302|||F',
      'CWE|^X|^Nodule|||F',
    ]);
  });
});
