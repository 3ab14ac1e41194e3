import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, ImagingStudy } from 'fhir/r4.js';
import { studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest, peerSuite, until } from '#testing';
import { AResultsService, anExam, anExpectedStudy } from '../../apps/results/src/a-results-service.spec.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { pynetdicom, storeAsPacs, type StoredByPacs } from './pynetdicom.js';

type Image = Extract<StoredByPacs, { kind: 'image' }>;
type Note = Omit<Extract<StoredByPacs, { kind: 'note' }>, 'kind' | 'uid' | 'rejected'>;

interface Case {
  modality: 'CT' | 'DX';
  /** The series of each image. */
  images: number[];
  note: Note;
  /** Which of the images, counted from 1. */
  rejects: number[];
  /** Where it rejects images of another study as well: all of that one's. */
  withOther?: boolean;
  times?: number;
  isFirst?: boolean;
  left: number[];
  status: ImagingStudy['status'];
  /** Numbers of instances of the versions that are told available, withdrawn as 0. */
  told: number[];
  /** Reasons in the ledger of rejects, '' where none is said. */
  ledger: string[];
  /** By Orthanc the document is an object of the study where it rejects nothing. */
  isShown?: boolean;
}

const cases: Record<string, Case> = {
  'for quality, with the reason, as highdicom makes it': {
    modality: 'DX',
    images: [1, 1, 1],
    note: { shape: 'highdicom', title: '113001', reason: '111207' },
    rejects: [2],
    left: [1, 3],
    status: 'available',
    told: [3, 2],
    ledger: ['111207'],
  },
  'for quality, without a reason, of several series, as dcm4chee does it': {
    modality: 'DX',
    images: [1, 1, 2, 3],
    note: { shape: 'bare', title: '113001', implicit: true },
    rejects: [1, 3, 4],
    left: [2],
    status: 'available',
    told: [4, 1],
    ledger: ['', '', ''],
  },
  'for the safety of patients, all of it': {
    modality: 'CT',
    images: [1, 2],
    note: { shape: 'highdicom', title: '113037' },
    rejects: [1, 2],
    left: [],
    status: 'entered-in-error',
    told: [2, 0],
    ledger: [],
  },
  'as of the wrong worklist entry, one series': {
    modality: 'CT',
    images: [1, 2],
    note: { shape: 'highdicom', title: '113038' },
    rejects: [2],
    left: [1],
    status: 'available',
    told: [2, 1],
    ledger: [],
  },
  'as kept long enough, all of it': {
    modality: 'CT',
    images: [1, 2],
    note: { shape: 'bare', title: '113039' },
    rejects: [1, 2],
    left: [],
    status: 'cancelled',
    told: [2, 0],
    ledger: [],
  },
  'of a foreign study too, as its evidence says': {
    modality: 'DX',
    images: [1, 1],
    note: { shape: 'bare', title: '113001' },
    rejects: [1],
    withOther: true,
    left: [2],
    status: 'available',
    told: [2, 1],
    ledger: [''],
  },
  'by two documents, one in each study, that are identical': {
    modality: 'DX',
    images: [1, 1],
    note: { shape: 'identical', title: '113001', reason: '111213' },
    rejects: [1],
    withOther: true,
    left: [2],
    status: 'available',
    told: [2, 1],
    ledger: ['111213'],
  },
  'twice by the same document': {
    modality: 'DX',
    images: [1, 1],
    note: { shape: 'highdicom', title: '113001', reason: '111207' },
    rejects: [1],
    times: 2,
    left: [2],
    status: 'available',
    told: [2, 1],
    ledger: ['111207'],
  },
  'before they came': {
    modality: 'DX',
    images: [1, 1],
    note: { shape: 'highdicom', title: '113001', reason: '111207' },
    rejects: [1],
    isFirst: true,
    left: [2],
    status: 'available',
    told: [1],
    ledger: ['111207'],
  },
  'not at all, where it is of interest': {
    modality: 'DX',
    images: [1, 1],
    note: { shape: 'highdicom', title: '113000' },
    rejects: [1],
    left: [1, 2],
    status: 'available',
    told: [2],
    ledger: [],
    isShown: true,
  },
};
const ways = ['by C-STORE', 'by Orthanc'] as const;
type Way = (typeof ways)[number];
const eventually = <T>(condition: () => Promise<T | false | undefined>, what: string) =>
  until(condition, { within: 45_000, what });

peerSuite('rejection notes made of highdicom and pydicom', [pynetdicom, orthancPeer], () => {
  let results: AResultsService;
  let orthanc: Orthanc;
  let answers: Record<string, unknown>[];
  const studies = new Map<string, ReturnType<typeof aStudy>>();
  const studyOf = (way: Way, name: string) => studies.get(`${way} ${name}`)!;
  const otherOf = (way: Way, name: string) => studies.get(`${way} ${name}, other`)!;

  beforeAll(async () => {
    orthanc = await startOrthanc();
    results = await AResultsService.start({
      pacs: {
        name: 'orthanc',
        qidoUrl: orthanc.dicomWebUrl,
        aeTitles: ['PACS'],
        orthanc: { url: orthanc.url, everySeconds: 0.2 },
        lookup: { firstAfterSeconds: 0, everySeconds: 3600, giveUpAfterSeconds: 7200, withoutExamAfterSeconds: 3600 },
      },
    });
    await eventually(async () => (await results.sql('SELECT FROM pacs_changes')).length > 0, 'changes to be followed');
    const toResults = { dicomPort: results.infrastructure.dicom!.port, aeTitle: 'COLLIMATOR' };
    const early: Parameters<typeof storeAsPacs> = [];
    const images: Parameters<typeof storeAsPacs> = [];
    const notes: Parameters<typeof storeAsPacs> = [];
    for (const way of ways)
      for (const [name, one] of Object.entries(cases)) {
        const study = aStudy(`ZZCANARY${studies.size}`, one.modality, one.images);
        studies.set(`${way} ${name}`, study);
        const other = one.withOther ? aStudy(`ZZCANARY${studies.size}`, one.modality, [1, 1]) : undefined;
        if (other) studies.set(`${way} ${name}, other`, other);
        for (const object of [...study.images, ...(other?.images ?? [])]) images.push({ object, to: orthanc });
        const rejected = [...one.rejects.map((n) => study.images[n - 1]!), ...(other?.images ?? [])];
        const uids = [`${study.uid}.99`, ...(one.note.shape === 'identical' ? [`${other!.uid}.99`] : [])];
        const documents = uids.map((uid, n): StoredByPacs => ({
          kind: 'note',
          ...one.note,
          uid,
          rejected: n === 0 ? rejected : [...rejected].reverse(),
          ...(uids.length > 1 ? { identicalTo: uids[1 - n]! } : {}),
        }));
        const sent = Array.from({ length: one.times ?? 1 }, () => documents).flat();
        const to = way === 'by Orthanc' ? orthanc : toResults;
        for (const object of sent) (one.isFirst ? early : notes).push({ object, to });
      }
    for (const { complete } of studies.values()) await complete(results);
    for (const { patient } of studies.values()) await results.handled(patient);
    answers = await storeAsPacs(...early, ...images);
    for (const [name, { patient }] of studies)
      await eventually(async () => (await told(patient.id!)).length > 0, `the study ${name}`);
    answers.push(...(await storeAsPacs(...notes)));
  }, 240_000);
  afterAll(async () => {
    await results?.stop();
    await orthanc?.stop();
  });

  const told = async (patientId: string) => {
    const [available, withdrawn] = await Promise.all(
      (['available', 'withdrawn'] as const).map((what) =>
        results.published(`imaging.result.study-${what}.v1`, patientId),
      ),
    );
    return [...available!, ...withdrawn!].map(([one]) => (one as ImagingStudy).numberOfInstances);
  };
  const studyNow = async (patientId: string) => {
    const { entry = [] } = await results.get<Bundle<ImagingStudy>>(`/fhir/ImagingStudy?patient=${patientId}`);
    expect(entry).toHaveLength(1);
    return entry[0]!.resource!;
  };
  const instancesOf = ({ series = [] }: ImagingStudy) =>
    series.flatMap(({ instance = [] }) => instance.map(({ uid }) => uid));
  const ledgerOf = async (uid: string) =>
    (
      await results.get<{
        entries: { studyInstanceUid: string; reason?: string; sources: string[]; counts: boolean }[];
      }>('/rejects?from=2026-01-01&to=2027-12-31&kind=reject')
    ).entries.filter(({ studyInstanceUid }) => studyInstanceUid === uid);
  const alertsOf = async (uid: string) =>
    (
      await results.get<{ alerts: { kind: string; studyInstanceUid: string }[] }>('/study-alerts?state=open')
    ).alerts.filter(({ studyInstanceUid }) => studyInstanceUid === uid);

  describe.each(ways)('%s', (way) => {
    it.each(Object.entries(cases))('images are rejected %s', async (name, one) => {
      const { patient, uid, images } = studyOf(way, name);
      const isShown = one.isShown && way === 'by Orthanc';
      const left = [...one.left.map((n) => images[n - 1]!.uid), ...(isShown ? [`${uid}.99`] : [])].sort();
      const versions = isShown ? [...one.told, one.told.at(-1)! + 1] : one.told;
      await eventually(async () => (await told(patient.id!)).length >= versions.length, 'what is left to be told');
      const study = await studyNow(patient.id!);
      expect(instancesOf(study).sort()).toEqual(left);
      expect(study).toMatchObject({ status: one.status, numberOfInstances: left.length });
      await eventually(async () => (await ledgerOf(uid)).length === one.ledger.length, 'the ledger');
      expect((await ledgerOf(uid)).map(({ reason = '', sources, counts }) => [reason, sources, counts])).toEqual(
        one.ledger.map((reason) => [reason, ['kos'], true]),
      );
      expect(await alertsOf(uid)).toEqual([]);
      expect(await told(patient.id!)).toEqual(versions);
    });

    it.each(Object.keys(cases).filter((name) => cases[name]!.withOther))(
      'the other study of images that are rejected %s',
      async (name) => {
        const { patient, uid } = otherOf(way, name);
        await eventually(
          async () => (await studyNow(patient.id!)).status === 'cancelled',
          'the other study to be withdrawn',
        );
        expect(instancesOf(await studyNow(patient.id!))).toEqual([]);
        expect(await told(patient.id!)).toEqual([2, 0]);
        expect(await ledgerOf(uid)).toHaveLength(2);
        expect(await alertsOf(uid)).toEqual([]);
      },
    );
  });

  it('each is taken', () => expect(answers.map(({ Status }) => Status)).toEqual(answers.map(() => 0)));

  it('no word of a patient is in the log', () => expect(results.log.join('')).not.toMatch(/ZZCANARY/));
});

/** A study with its exam, whose images are `<study>.<series>.<n>`. */
function aStudy(mrn: string, modality: 'CT' | 'DX', series: number[]) {
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: mrn, patient });
  const uid = studyInstanceUidOf(order)!;
  const images = series.map((number, n): Image => ({
    kind: 'image',
    modality,
    series: number,
    uid: `${uid}.${number}.${n + 1}`,
    studyUid: uid,
    patientName: 'ZZCANARY^TILDA',
    patientId: mrn,
    accessionNumber: mrn,
  }));
  const study = anExpectedStudy(
    uid,
    patient,
    [order],
    images.map((one) => one.uid),
  );
  const made = { ...study, series: seriesOf(study, images, modality) };
  return {
    uid,
    patient,
    images,
    complete: (results: AResultsService) =>
      results.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9`, 'completed', patient, [order]),
        patient,
        order,
        made,
      ),
  };
}

function seriesOf(study: ImagingStudy, images: Image[], modality: string) {
  const instances = study.series![0]!.instance!;
  return [...new Set(images.map(({ series }) => series))].map((number) => ({
    uid: `${images[0]!.studyUid}.${number}`,
    modality: { code: modality },
    instance: instances.filter((_, n) => images[n]!.series === number),
  }));
}
