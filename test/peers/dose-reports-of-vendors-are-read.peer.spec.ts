import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Observation } from 'fhir/r4.js';
import { newUid } from '#dicom';
import { studyInstanceUidOf, systems } from '#fhir';
import { aPatient, aServiceRequest, peerSuite, until } from '#testing';
import { AResultsService, anExam, anExpectedStudy } from '../../apps/results/src/a-results-service.spec.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { pynetdicom, storeDoseReports, type DoseReportAsked } from './pynetdicom.js';

/** What is asked for beside whose it is. */
type Shape = Partial<DoseReportAsked> & Pick<DoseReportAsked, 'shape'>;

interface Case {
  reports: Shape[];
  /** By DICOM code, in the units of the measures; of a breast, with its side; a text where there is no value. */
  doses: Record<string, string>;
  events?: number;
  protocol?: string;
  /** How many versions of the dose are told where the reports come one by one. */
  told?: number;
}

const noValue = 'it is stated without a value or a unit';
/** A CT whose total is broken. */
const broken = (how: DoseReportAsked['broken'], why: string, implicit = false): Case => ({
  reports: [{ shape: 'broken', broken: how, implicit }],
  doses: { '113830': '50 mGy', '113813': why },
});

const cases: Record<string, Case> = {
  'CT as Siemens has it, with what was foreseen beside what was given, sent twice': {
    reports: [
      { shape: 'ct-siemens', uid: '2.25.4711' },
      { shape: 'ct-siemens', uid: '2.25.4711', implicit: true },
    ],
    doses: { '113830': '11.27 mGy', '113813': '601 mGy.cm' },
    events: 3,
    protocol: 'Thorax',
  },
  'CT as GE has it: Enhanced SR, implicit, mGycm, a total that is not quite the sum, a scout without UID': {
    reports: [{ shape: 'ct-ge', implicit: true, characterSet: '', old: true }],
    doses: { '113830': '5.3 mGy', '113813': '415.82 mGy.cm' },
    events: 3,
  },
  'CT as Toshiba has it: private items between, a protocol in Japanese': {
    reports: [{ shape: 'ct-toshiba', old: true, characterSet: ['', 'ISO 2022 IR 87'], protocol: '胸部 造影' }],
    doses: { '113830': '25.4 mGy', '113813': '349.7 mGy.cm' },
    events: 1,
    protocol: '胸部 造影',
  },
  'CT as Philips has it: no total, exact values beside, a protocol in Russian': {
    reports: [{ shape: 'ct-philips', old: 'SNM3', characterSet: 'ISO_IR 144', protocol: 'Грудная клетка' }],
    doses: { '113830': '10.203125 mGy', '113813': '150.65 mGy.cm' },
    events: 2,
    protocol: 'Грудная клетка',
  },
  'fluoroscopy with two planes': {
    reports: [{ shape: 'fluoro-siemens', old: true }],
    doses: {
      '113722': '15.4 Gy.cm2',
      '113725': '106 mGy',
      '113726': '5 Gy.cm2',
      '113727': '10.4 Gy.cm2',
      '113730': '407 s',
    },
    events: 3,
    protocol: 'Coro',
  },
  'radiography of which nothing is accumulated, each exposure in another unit': {
    reports: [{ shape: 'dx', old: 'SNM3', implicit: true }],
    doses: { '113722': '0.1277 Gy.cm2' },
    events: 3,
    protocol: 'Hip AP',
  },
  'mammography as Hologic has it': {
    reports: [{ shape: 'mg-hologic', old: true }],
    doses: { '111637 left': '1.3 mGy', '111637 right': '1.28 mGy' },
    events: 2,
  },
  'mammography whose sides stand in the region': {
    reports: [{ shape: 'mg-by-region' }],
    doses: { '111637 left': '2.3 mGy', '111637 right': '2.35 mGy' },
    events: 4,
  },
  'a PET, beside what was left and what went beside the vein': {
    reports: [{ shape: 'pet' }],
    doses: { '113507': '248.7 MBq', '349358000': '35321007', '89457008': '77004003' },
    events: 1,
  },
  'CT nested 30 deep': {
    reports: [{ shape: 'nested', levels: 30, scans: 1 }],
    doses: { '113830': '50 mGy', '113813': '103 mGy.cm' },
    events: 2,
  },
  'all so far, then grown, then the first again': {
    reports: [
      { shape: 'ct-so-far', scans: 1, contentTime: '100000', uid: '2.25.4712' },
      { shape: 'ct-so-far', scans: 2, contentTime: '101000', uid: '2.25.4713' },
      { shape: 'ct-so-far', scans: 1, contentTime: '100000', uid: '2.25.4712' },
    ],
    doses: { '113830': '50 mGy', '113813': '203 mGy.cm' },
    events: 3,
    told: 2,
  },
  'all, then the first of it, which comes late': {
    reports: [
      { shape: 'ct-so-far', scans: 3, contentTime: '101000' },
      { shape: 'ct-so-far', scans: 1, contentTime: '100000' },
    ],
    doses: { '113830': '50 mGy', '113813': '303 mGy.cm' },
    events: 4,
    told: 2,
  },
  'two that call themselves of the study and have only their own part': {
    reports: [
      { shape: 'ct-continued', part: 1 },
      { shape: 'ct-continued', part: 2 },
    ],
    doses: { '113830': '2.03 mGy', '113813': '120.34 mGy.cm' },
    events: 4,
    told: 2,
  },
  'a letter of the class that GE has its dose reports in, beside a dose report': {
    reports: [{ shape: 'letter' }, { shape: 'ct-ge' }],
    doses: { '113830': '5.3 mGy', '113813': '415.82 mGy.cm' },
  },
  'a total without unit': broken('no-unit', noValue),
  'a total without value': broken('empty', noValue),
  'a total that is not a number': broken('nan', noValue),
  'a total with a comma': broken('comma', noValue, true),
  'a total of two values': broken('two-values', noValue),
  'a total in millisievert': broken('other-unit', 'its unit mSv is none of this measure'),
};
const ways = ['by C-STORE', 'by Orthanc'] as const;
type Way = (typeof ways)[number];

peerSuite('dose reports made of pydicom in the shapes of vendors', [pynetdicom, orthancPeer], () => {
  let results: AResultsService;
  let orthanc: Orthanc;
  let answers: Record<string, unknown>[];
  const exams = new Map<string, ReturnType<typeof anOrderedExam>>();
  const examOf = (way: Way, name: string) => exams.get(`${way} ${name}`)!;
  /** Made under the number of the first, in the study of the second. */
  const mixed = (way: Way) => ({
    ...examOf(way, 'mixed').asked({ shape: 'ct-siemens' }),
    patientId: examOf(way, Object.keys(cases)[0]!).mrn,
  });
  const destination = (way: Way) =>
    ({ 'by C-STORE': { dicomPort: results.infrastructure.dicom!.port, aeTitle: 'COLLIMATOR' }, 'by Orthanc': orthanc })[
      way
    ];

  beforeAll(async () => {
    orthanc = await startOrthanc();
    results = await AResultsService.start({
      pacs: {
        name: 'orthanc',
        qidoUrl: orthanc.dicomWebUrl,
        aeTitles: ['PACS'],
        lookup: {
          firstAfterSeconds: 0,
          everySeconds: 1,
          giveUpAfterSeconds: 600,
          againAfterSeconds: [1, 3, 6, 12, 30],
        },
      },
    });
    for (const way of ways)
      for (const name of [...Object.keys(cases), 'mixed', 'unreadable'])
        exams.set(`${way} ${name}`, anOrderedExam(`ZZCANARY${exams.size}`));
    // Each image store of Orthanc comes before its exam is known: a study looked for is found as a whole.
    const sent = (way: Way) => [
      ...Object.entries(cases).flatMap(([name, { reports }]) => reports.map((one) => examOf(way, name).asked(one))),
      mixed(way),
      examOf(way, 'mixed').asked({ shape: 'ct-so-far', scans: 1 }),
      ...['unknown-template' as const, 'ct-ge' as const].map((shape) => examOf(way, 'unreadable').asked({ shape })),
    ];
    await storeDoseReports(destination('by Orthanc'), ...sent('by Orthanc'));
    for (const { complete } of exams.values()) await complete(results);
    for (const { patient } of exams.values()) await results.handled(patient);
    answers = await storeDoseReports(destination('by C-STORE'), ...sent('by C-STORE'));
  }, 240_000);
  afterAll(async () => {
    await results?.stop();
    await orthanc?.stop();
  });

  /** The dose of a patient, once it is of so many reports. */
  const doseOf = (patientId: string, reports: number) =>
    until(
      async () => {
        const found = await results.get<Bundle<Observation>>(`/fhir/Observation?patient=${patientId}`);
        const [one, ...others] = (found.entry ?? []).map(({ resource }) => resource!);
        expect(others).toEqual([]);
        const documents = (one?.identifier ?? []).filter(({ system }) => system !== systems.dose);
        return documents.length === reports && one;
      },
      { within: 45_000, what: `the dose of ${reports} reports` },
    );
  const dosesIn = ({ component = [] }: Observation) =>
    Object.fromEntries(
      component.map(({ code, valueQuantity: quantity, valueCodeableConcept: coded, dataAbsentReason: absent }) => {
        const name = [code.coding![0]!.code, ...(code.text?.match(/left|right|side not stated/) ?? [])].join(' ');
        return [name, quantity ? `${quantity.value} ${quantity.code}` : (coded?.coding![0]!.code ?? absent!.text!)];
      }),
    );
  const waiting = async (uid: string) =>
    (
      await results.get<{ reports: { studyInstanceUid: string; state: string; reason: string | null }[] }>(
        '/dose/waiting-reports',
      )
    ).reports.filter(({ studyInstanceUid }) => studyInstanceUid === uid);

  describe.each(ways)('%s', (way) => {
    it.each(Object.entries(cases))('%s', async (name, { reports, doses, events, protocol, told = 1 }) => {
      const { patient, uid } = examOf(way, name);
      const documents = reports.filter(({ shape }) => shape !== 'letter').map((one) => one.uid ?? newUid());
      const observation = await doseOf(patient.id!, new Set(documents).size);
      expect(dosesIn(observation)).toEqual(doses);
      expect(observation).toMatchObject({
        status: told > 1 && way === 'by C-STORE' ? 'amended' : 'final',
        subject: { reference: `Patient/${patient.id}` },
      });
      if (events) expect(observation.valueString).toContain(`Irradiation events: ${events}`);
      expect(await waiting(uid)).toEqual([]);
      const kept = await results.sql('SELECT protocol FROM dose_exam WHERE observation_id = $1', [observation.id]);
      if (protocol) expect(kept).toEqual([{ protocol }]);
      // Of Orthanc they were read together.
      const versions = await results.published('imaging.result.dose-recorded.v1', patient.id);
      expect(versions).toHaveLength(way === 'by C-STORE' ? told : 1);
    });

    it('one under the number of another patient is listed, and the others of the study count', async () => {
      const { patient, uid } = examOf(way, 'mixed');
      expect(dosesIn(await doseOf(patient.id!, 1))).toMatchObject({ '113813': '103 mGy.cm' });
      expect(await waiting(uid)).toMatchObject([
        { state: 'disagrees', reason: 'PatientID: it is none of the numbers of the patient of its study' },
      ]);
    });
  });

  it('what is stored and can be read is taken, what is called a dose report and is none is refused', () => {
    expect(answers.slice(0, -2).map(({ Status }) => Status)).toEqual(answers.slice(0, -2).map(() => 0));
    expect(answers.slice(-2)).toMatchObject([{ Status: 0xc000 }, { Status: 0 }]);
  });

  it('of the PACS, one that cannot be read is listed', async () => {
    const { patient, uid } = examOf('by Orthanc', 'unreadable');
    await doseOf(patient.id!, 1);
    expect(await waiting(uid)).toMatchObject([
      { state: 'unreadable', reason: expect.stringContaining('ConceptNameCodeSequence') },
    ]);
  });

  it('what is cut off or nested without end is refused, and the next one is taken', async () => {
    const { patient, asked } = examOf('by C-STORE', 'unreadable');
    const said = await storeDoseReports(
      destination('by C-STORE'),
      asked({ shape: 'nested', levels: 70, scans: 1 }),
      asked({ shape: 'ct-siemens', cut: 1001 }),
      asked({ shape: 'ct-so-far', scans: 1 }),
    );
    expect(said.map(({ Status }) => Status)).toEqual([0xc000, 0xc000, 0]);
    expect(JSON.stringify([...answers, ...said])).not.toMatch(/ZZCANARY/);
    await doseOf(patient.id!, 2);
  });

  it('no word of a patient is in the log', () => expect(results.log.join('')).not.toMatch(/ZZCANARY/));
});

/** A patient with an exam, of which reports can be asked for. */
function anOrderedExam(mrn: string) {
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: mrn, patient });
  const uid = studyInstanceUidOf(order)!;
  return {
    mrn,
    patient,
    uid,
    complete: (results: AResultsService) =>
      results.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9`, 'completed', patient, [order]),
        patient,
        order,
        anExpectedStudy(uid, patient, [order], []),
      ),
    asked: (shape: Shape): DoseReportAsked => ({
      patientName: 'ZZCANARY^TILDA',
      patientId: mrn,
      accessionNumber: mrn,
      studyUid: uid,
      ...shape,
      // The same in one way, another in each.
      uid: shape.uid ? `${shape.uid}.${mrn.slice('ZZCANARY'.length)}` : newUid(),
    }),
  };
}
