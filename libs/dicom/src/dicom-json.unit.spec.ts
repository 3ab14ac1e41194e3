import { describe, expect, it } from '@jest/globals';
import { Dataset } from './dataset.js';
import { datasetFromJson, datasetToJson } from './dicom-json.js';

describe('The DICOM JSON model', () => {
  const dataset = Dataset.of({
    SpecificCharacterSet: 'ISO_IR 192',
    PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
    PatientID: '700004',
    PatientWeight: '70.50',
    PregnancyStatus: 3,
    Allergies: ['Penicillin', '', 'Latex'],
    OffendingElement: 0x00100020,
    MedicalAlerts: '',
    ScheduledProcedureStepSequence: [{ Modality: 'CT', ScheduledProtocolCodeSequence: [] }],
  });

  it('has each kind of value as PS3.18 annex F writes it', () => {
    expect(datasetToJson(dataset)).toEqual({
      '00000901': { vr: 'AT', Value: ['00100020'] },
      '00100010': {
        vr: 'PN',
        Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
      },
      '00100020': { vr: 'LO', Value: ['700004'] },
      '00101030': { vr: 'DS', Value: [70.5] },
      '00102000': { vr: 'LO' },
      '00102110': { vr: 'LO', Value: ['Penicillin', null, 'Latex'] },
      '001021C0': { vr: 'US', Value: [3] },
      '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] }, '00400008': { vr: 'SQ' } }] },
    });
  });

  it('keeps a number that is none as the text it is, and bytes as such', () => {
    const odd = new Dataset().put({ tag: 0x00101030, vr: 'DS', values: ['70 kg'] });
    odd.put({ tag: 0x00090010, vr: 'UN', values: Buffer.from('ab') });
    expect(datasetToJson(odd)).toEqual({
      '00101030': { vr: 'DS', Value: ['70 kg'] },
      '00090010': { vr: 'UN', InlineBinary: 'YWI=' },
    });
  });

  it('is read back as what it was', () => {
    const again = datasetFromJson(JSON.parse(JSON.stringify(datasetToJson(dataset))));
    expect(datasetToJson(again)).toEqual(datasetToJson(dataset));
    expect(again.text('PatientName')).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
    expect(again.items('ScheduledProcedureStepSequence')[0]!.text('Modality')).toBe('CT');
  });

  it('may leave out the VR of what the dictionary knows, and may write a name as a text', () => {
    const query = datasetFromJson({ '00100010': { Value: ['Doe*'] }, '00100020': {} });
    expect([query.text('PatientName'), query.has('PatientID')]).toEqual(['Doe*', true]);
  });

  const deep = (levels: number): object =>
    levels === 0 ? {} : { '00400100': { vr: 'SQ', Value: [deep(levels - 1)] } };
  it.each<[string, unknown, string]>([
    ['a list', [], 'data set'],
    ['a keyword for a tag', { PatientID: { vr: 'LO', Value: ['1'] } }, 'data set'],
    ['an element that is no object', { '00100020': '1' }, 'PatientID'],
    ['a VR that is none', { '00100020': { vr: 'XX' } }, 'PatientID'],
    ['a value outside a list', { '00100020': { vr: 'LO', Value: '1' } }, 'PatientID'],
    ['an object for a text', { '00100020': { vr: 'LO', Value: [{}] } }, 'PatientID'],
    ['a text for a number', { '001021C0': { vr: 'US', Value: ['3'] } }, 'PregnancyStatus'],
    ['sequences in sequences without end', deep(6), 'ScheduledProcedureStepSequence'],
    [
      'more elements than any query has',
      Object.fromEntries(Array.from({ length: 501 }, (_, n) => [(0x00110000 + n).toString(16).padStart(8, '0'), {}])),
      '(0011,01F4)',
    ],
  ])('is refused with %s', (_case, json, field) => {
    expect(() => datasetFromJson(json)).toThrow(expect.objectContaining({ code: 'field-invalid', field }));
  });
});
