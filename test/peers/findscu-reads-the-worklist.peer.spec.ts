import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Dataset, DicomServer, type DatasetInput } from '#dicom';
import { peerSuite } from '#testing';
import { dcmtk, findscu } from './dcmtk.js';

const item = (patient: DatasetInput, step: DatasetInput) =>
  Dataset.of({
    AccessionNumber: 'SGH00000001',
    StudyInstanceUID: '2.25.12',
    ...patient,
    ScheduledProcedureStepSequence: [
      { ScheduledProcedureStepStartDate: '20240305', ScheduledProcedureStepStartTime: '093000', ...step },
    ],
  });
const items = [
  item({ PatientName: 'Beispiel^Berta', PatientID: '700001' }, { Modality: 'CT', ScheduledStationAETitle: 'CT01' }),
  item({ PatientName: 'Müller^Jörg', PatientID: '700002' }, { Modality: 'MR', ScheduledStationAETitle: 'MR01' }),
  item(
    { PatientName: 'Yamada^Tarou=山田^太郎', PatientID: '700003' },
    { Modality: 'CT', ScheduledStationAETitle: 'CT01' },
  ),
  item({ PatientName: 'Long^Lotte', PatientID: '700004', PatientComments: 'x'.repeat(9_000) }, { Modality: 'US' }),
];

peerSuite("dcmtk's findscu", dcmtk('findscu'), () => {
  let server: DicomServer;
  let port: number;
  beforeEach(async () => {
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    server.provideWorklist({ find: async () => items });
    port = await server.start();
  });
  afterEach(() => server.stop());

  const ask = async (keys: string[], options: string[] = [], called?: string) => {
    const { said, matches } = await findscu(port, keys, { options, called });
    return { said, patientIds: matches.map((match) => match.get('0010,0020')) };
  };
  const step = 'ScheduledProcedureStepSequence[0]';

  it.each<[string, string[], string[]]>([
    ['everything', ['PatientID'], ['700001', '700002', '700003', '700004']],
    ['what is on a station', ['PatientID', `${step}.ScheduledStationAETitle=CT01`], ['700001', '700003']],
    ['a modality', ['PatientID', `${step}.Modality=MR`], ['700002']],
    ['a name by its beginning', ['PatientID', 'PatientName=bei*'], ['700001']],
    [
      'a day',
      ['PatientID', `${step}.ScheduledProcedureStepStartDate=20240305-`],
      ['700001', '700002', '700003', '700004'],
    ],
    ['another day', ['PatientID', `${step}.ScheduledProcedureStepStartDate=20240306`], []],
  ])('finds %s', async (_case, keys, expected) => {
    const { patientIds, said } = await ask(keys);
    expect(patientIds).toEqual(expected);
    expect(said).toMatch(/Received Final Find Response \(Success\)/);
  });

  it.each([
    ['implicit VR', '-xi'],
    ['explicit VR', '-xe'],
  ])('reads every letter of a name in %s, labelled as UTF-8', async (_case, option) => {
    const { said } = await ask(['PatientID=700003', 'PatientName'], [option]);
    expect(said).toMatch(/\(0008,0005\) CS \[ISO_IR 192\]/);
    expect(said).toMatch(/\(0010,0010\) PN \[Yamada\^Tarou=山田\^太郎 ?\]/);
  });

  it('reads values of odd length without their padding', async () => {
    const { matches } = await findscu(port, ['PatientID=700003', 'StudyInstanceUID', 'AccessionNumber']);
    expect(matches.map((match) => [match.get('0020,000d'), match.get('0008,0050')])).toEqual([
      ['2.25.12', 'SGH00000001'],
    ]);
  });

  it('takes an answer longer than its PDUs, in fragments', async () => {
    const { patientIds, said } = await ask(['PatientID=700004', 'PatientComments'], ['-pdu', '4096']);
    expect(patientIds).toEqual(['700004']);
    expect(said).toMatch(/Received Final Find Response \(Success\)/);
  });

  it('is told that a key does not match here', async () => {
    const { patientIds, said } = await ask(['PatientID', 'PatientSex=F']);
    expect(patientIds).toHaveLength(4);
    expect(said).toMatch(/Pending: WarningUnsupportedOptionalKeys/);
  });

  it('is rejected under another called AE title', async () => {
    const { patientIds, said } = await ask(['PatientID'], [], 'SOMEONE');
    expect(patientIds).toEqual([]);
    expect(said).toMatch(/Association Rejected[^]*Called AE Title Not Recognized/i);
  });
});
