import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Dataset, DicomServer } from '#dicom';
import { peerSuite } from '#testing';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { findWorklist, pynetdicom, reportMpps } from './pynetdicom.js';

/** A name, the character set a modality of that country asks and reports in, and what it asks for. */
const names = [
  {
    country: 'Japan',
    characterSet: ['', 'ISO 2022 IR 87'],
    name: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
    asked: '=山田*',
  },
  { country: 'Korea', characterSet: ['', 'ISO 2022 IR 149'], name: 'Hong^Gildong=洪^吉洞=홍^길동', asked: '=洪^吉洞' },
  { country: 'China', characterSet: ['GB18030'], name: 'Wang^XiaoDong=王^小东', asked: '=王*' },
  { country: 'Ukraine', characterSet: ['ISO_IR 144'], name: 'Іваненко^Олена', asked: 'ІВАНЕНКО*' },
  { country: 'Greece', characterSet: ['ISO_IR 126'], name: 'Διονυσιος^Νικος', asked: 'διονυσιος*' },
];
const items = names.map(({ name }, index) =>
  Dataset.of({
    PatientName: name,
    PatientID: `N${index}`,
    AccessionNumber: `A${index}`,
    StudyInstanceUID: `2.25.${index + 1}`,
    ScheduledProcedureStepSequence: [
      { Modality: 'CT', ScheduledStationAETitle: 'CT01', ScheduledProcedureStepStartDate: '20260302' },
    ],
  }),
);

let server: DicomServer;
let port: number;
const created = new Map<string, Dataset>();
const start = async () => {
  server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
  server.provideWorklist({ find: async () => items });
  server.provideMpps({
    create: async (uid, dataset) => void created.set(uid, dataset),
    set: () => Promise.reject(new Error('no part of this test')),
  });
  port = await server.start();
};

peerSuite('A name, with pynetdicom as the modality', pynetdicom, () => {
  beforeAll(start);
  afterAll(() => server.stop());

  it.each(names)('of $country is asked for in its character set and comes back whole', async (one) => {
    const { characterSet: SpecificCharacterSet, asked: PatientName } = one;
    const { matches, status } = await findWorklist(port, { SpecificCharacterSet, PatientName, PatientID: '' });
    expect(matches.map((match) => match.PatientName)).toEqual([one.name]);
    expect(status).toBe(0);
  });

  it.each(names)('of $country is reported by MPPS in its character set and kept whole', async (one) => {
    const uid = `2.25.9${names.indexOf(one)}`;
    const [answer] = await reportMpps(port, {
      operation: 'create',
      uid,
      attributes: {
        SpecificCharacterSet: one.characterSet,
        PatientName: one.name,
        PerformedStationAETitle: 'CT01',
        PerformedProcedureStepStartDate: '20260302',
        PerformedProcedureStepStartTime: '093000',
        PerformedProcedureStepStatus: 'IN PROGRESS',
      },
    });
    expect(answer!.Status).toBe(0);
    expect(created.get(uid)!.text('PatientName')).toBe(one.name);
  });

  it('is cancelled in the middle of a long answer', async () => {
    const endless = function* () {
      for (;;) yield items[0]!;
    };
    server.provideWorklist({ find: async () => endless() });
    const { matches, status } = await findWorklist(port, { PatientName: '' }, { cancelAfter: 20 });
    server.provideWorklist({ find: async () => items });
    expect(status).toBe(0xfe00);
    expect(matches.length).toBeGreaterThanOrEqual(20);
  });
});

peerSuite("A name, with Orthanc's find-worklist", orthancPeer, () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    await start();
    orthanc = await startOrthanc();
    const modality = { AET: 'COLLIMATOR', Host: '127.0.0.1', Port: port };
    await fetch(`${orthanc.url}/modalities/collimator`, { method: 'PUT', body: JSON.stringify(modality) });
  }, 60_000);
  afterAll(async () => {
    await orthanc?.stop();
    await server.stop();
  });

  const find = async (Query: object) => {
    const body = JSON.stringify({ Query, Full: false, Short: true });
    const response = await fetch(`${orthanc.url}/modalities/collimator/find-worklist`, { method: 'POST', body });
    expect(response.status).toBe(200);
    return (await response.json()) as Record<string, unknown>[];
  };

  it.each(names)('of $country comes back whole', async ({ name }) => {
    const PatientID = `N${names.findIndex((one) => one.name === name)}`;
    const found = await find({ PatientID, PatientName: '', ScheduledProcedureStepSequence: [{ Modality: 'CT' }] });
    expect(found.map((one) => one['0010,0010'])).toEqual([name]);
    expect(found[0]!['0040,0100']).toEqual([{ '0008,0060': 'CT' }]);
  });

  it('finds by station and day', async () => {
    const step = { ScheduledStationAETitle: 'CT01', ScheduledProcedureStepStartDate: '20260302' };
    expect(await find({ PatientID: '', ScheduledProcedureStepSequence: [step] })).toHaveLength(names.length);
    expect(await find({ ScheduledProcedureStepSequence: [{ ...step, ScheduledStationAETitle: 'MR01' }] })).toEqual([]);
  });
});
