import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import type { DatasetInput } from '#dicom';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { Worklist } from './worklist.store.js';
import type { StepStatus } from './worklist-item.js';

/** One step as the reference below knows it. */
interface Line {
  stepId: string;
  name: string;
  patientId: string;
  accession: string;
  procedureId: string;
  placer: string;
  uid: string;
  station: string;
  modality: string;
  date: string;
  time: string;
  physician: string;
  status: StepStatus;
  isStat: boolean;
}
/** What is asked: a value of DICOM for each key, several where a list is given. */
type Query = Partial<Record<Exclude<keyof Line, 'isStat'>, string | string[]>>;

/**
 * What a worklist query asks for, said as plainly as PS3.4 sections C.2.2.2 and K.6.1.2 do, over all lines in memory.
 * It shares nothing with what it judges.
 */
const reference = {
  like(value: string, pattern: string): boolean {
    const source = [...pattern].map((one) =>
      one === '*' ? '.*' : one === '?' ? '.' : one.replace(/[$()+.[\\\]^{|}/-]/, '\\$&'),
    );
    return new RegExp(`^${source.join('')}$`, 'su').test(value);
  },
  name(value: string, pattern: string): boolean {
    const groups = (text: string) =>
      text
        .toLowerCase()
        .split('=')
        .map((one) => one.trim().replace(/\^*$/, ''));
    const [own, asked] = [groups(value), groups(pattern)];
    if (asked.length === 1) return own.some((one) => this.like(one, asked[0]!));
    return asked.every((one, index) => one === '' || this.like(own[index] ?? '', one));
  },
  moment(line: Line, { date, time }: { date: string; time: string }): boolean {
    const ends = (range: string) => (range.includes('-') ? range.split('-') : [range, range]) as [string, string];
    const [fromTime, toTime] = ends(time);
    const from = fromTime.padEnd(6, '0');
    const to = toTime.padEnd(6, '9');
    if (!date) return !time || (line.time >= from && line.time <= to);
    const [first, last] = ends(date);
    const at = BigInt(line.date + line.time);
    return (!first || at >= BigInt(first + from)) && (!last || at <= BigInt(last + to));
  },
  is(line: Line, query: Query): boolean {
    const matches = (key: keyof Query, by: (value: string, pattern: string) => boolean) => {
      const asked = [query[key] ?? []].flat().filter((one) => one !== '');
      return asked.length === 0 || asked.some((one) => by(line[key], one));
    };
    const like = (value: string, pattern: string) => this.like(value, pattern);
    const sees = [query.status ?? []].flat().includes('STARTED') ? ['STARTED', 'SCHEDULED'] : ['SCHEDULED'];
    return (
      sees.includes(line.status) &&
      (['name', 'physician'] as const).every((key) => matches(key, (value, one) => this.name(value, one))) &&
      (['patientId', 'accession', 'procedureId', 'placer', 'station', 'modality', 'stepId', 'status'] as const).every(
        (key) => matches(key, like),
      ) &&
      matches('uid', (value, one) => value === one) &&
      this.moment(line, { date: String(query.date ?? ''), time: String(query.time ?? '') })
    );
  },
  /** Step ids as a modality is to see them: STAT first, then by time. */
  answer(lines: Line[], query: Query): string[] {
    const order = ({ isStat, date, time, stepId }: Line) => `${isStat ? 0 : 1}${date}${time}${stepId}`;
    const found = lines.filter((line) => this.is(line, query));
    return found.sort((a, b) => (order(a) < order(b) ? -1 : 1)).map(({ stepId }) => stepId);
  },
};

const named: Line[] = [
  {
    name: 'Beispiel^Berta',
    patientId: '700001',
    accession: 'SGH00000001',
    station: 'CT01',
    modality: 'CT',
    date: '20260301',
    time: '080000',
  },
  {
    name: 'Beispiel^Bernd',
    patientId: '700002',
    accession: 'SGH00000002',
    station: 'CT02',
    modality: 'CT',
    date: '20260301',
    time: '093000',
    isStat: true,
  },
  {
    name: 'Müller^Jörg',
    patientId: '700003',
    accession: 'SGH00000003',
    station: 'MR01',
    modality: 'MR',
    date: '20260301',
    time: '235959',
  },
  {
    name: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
    patientId: '700004',
    accession: 'SGH00000010',
    station: 'MR01',
    modality: 'MR',
    date: '20260302',
    time: '000000',
  },
  {
    name: 'Hong^Gildong=洪^吉洞=홍^길동',
    patientId: 'A_1',
    accession: 'A%1',
    station: 'DX01',
    modality: 'DX',
    date: '20260302',
    time: '120000',
    physician: 'House^Gregory',
  },
  {
    name: 'Wang^XiaoDong=王^小东',
    patientId: 'AB1',
    accession: 'AX1',
    station: 'DX01',
    modality: 'DX',
    date: '20260303',
    time: '120000',
  },
  {
    name: 'Люксембург^Роза',
    patientId: 'a_1',
    accession: 'ZZ',
    station: 'US01',
    modality: 'US',
    date: '20260304',
    time: '070000',
  },
  {
    name: 'Διονυσιος',
    patientId: '700009',
    accession: 'UNDER',
    station: 'CT01',
    modality: 'CT',
    date: '20260301',
    time: '100000',
    status: 'STARTED' as const,
  },
  {
    name: 'Gone^Gina',
    patientId: '700010',
    accession: 'GONE',
    station: 'CT01',
    modality: 'CT',
    date: '20260301',
    time: '100000',
    status: 'CANCELLED' as const,
  },
  // Letters whose lower case is not where one looks for it.
  {
    name: 'İpek^Kelvin\u212A',
    patientId: '700011',
    accession: 'LOWER',
    station: 'US01',
    modality: 'US',
    date: '20260305',
    time: '070000',
  },
].map((line, index) => ({
  stepId: `N${index}`,
  procedureId: `RP${index}`,
  placer: `ORD${index}`,
  uid: `2.25.${index + 1}`,
  physician: '',
  status: 'SCHEDULED',
  isStat: false,
  ...line,
}));

const letters = (from: string[]) =>
  fc.array(fc.constantFrom(...from), { minLength: 1, maxLength: 4 }).map((some) => some.join(''));
const words = letters(['A', 'B', 'a', 'ü', 'İ', '山', '%', '_', '1']);
const anyLine = (stepId: string): fc.Arbitrary<Line> =>
  fc.record({
    stepId: fc.constant(stepId),
    name: fc
      .array(
        fc.tuple(words, words).map((parts) => parts.join('^')),
        { minLength: 1, maxLength: 3 },
      )
      .map((some) => some.join('=')),
    patientId: letters(['A', 'a', 'B', '_', '%', '1']),
    accession: letters(['A', 'B', '_', '1']),
    procedureId: letters(['R', 'P', '1']),
    placer: letters(['O', '1']),
    uid: fc.integer({ min: 1, max: 30 }).map((n) => `2.25.1${n}`),
    station: fc.constantFrom('CT01', 'CT02', 'MR01'),
    modality: fc.constantFrom('CT', 'MR', 'DX'),
    date: fc.constantFrom('20260301', '20260302', '20260303'),
    time: fc.constantFrom('000000', '080000', '120000', '235959'),
    physician: fc.oneof(fc.constant(''), words),
    status: fc.constantFrom('SCHEDULED', 'STARTED', 'COMPLETED', 'DISCONTINUED', 'CANCELLED'),
    isStat: fc.boolean(),
  });
const lines = [...named, ...fc.sample(fc.tuple(...Array.from({ length: 150 }, (_, n) => anyLine(`R${n}`))), 1).flat()];

/** A value of some line, or what is near it: its beginning, one character left open, the other case, several. */
const near = (key: Exclude<keyof Line, 'isStat'>) => {
  const value = fc.constantFrom(...lines).map((line) => line[key] as string);
  const at = fc.nat({ max: 6 });
  const cut = fc.tuple(value, at).map(([one, end]) => `${[...one].slice(0, end).join('')}*`);
  const open = fc
    .tuple(value, at)
    .map(([one, where]) => [...one].map((character, index) => (index === where ? '?' : character)).join(''));
  if (key === 'date' || key === 'time') {
    const range = fc
      .tuple(value, value, fc.constantFrom('', 'from', 'to'))
      .map(([a, b, end]) => (end === 'from' ? `${a}-` : end === 'to' ? `-${b}` : `${a}-${b}`));
    return fc.oneof(value, range);
  }
  if (key === 'uid') return fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }));
  const other = value.map((one) => (one === one.toUpperCase() ? one.toLowerCase() : one.toUpperCase()));
  const end = value.map((one) => `*${one.slice(-2)}`);
  return fc.oneof(
    value,
    cut,
    open,
    end,
    other,
    fc.constant('*'),
    fc.array(fc.oneof(value, cut), { minLength: 2, maxLength: 3 }),
  );
};
const keys = [
  'name',
  'patientId',
  'accession',
  'procedureId',
  'placer',
  'uid',
  'station',
  'modality',
  'date',
  'time',
  'physician',
  'status',
  'stepId',
] as const;
const anyQuery = fc.record(Object.fromEntries(keys.map((key) => [key, near(key)])), {
  requiredKeys: [],
}) as fc.Arbitrary<Query>;
/** Most queries of all keys at once match nothing: few keys, then. */
const someKeys = fc
  .tuple(anyQuery, fc.subarray([...keys], { maxLength: 3 }))
  .map(
    ([query, kept]) =>
      Object.fromEntries(Object.entries(query).filter(([key]) => kept.includes(key as never))) as Query,
  );

function attributesOf(line: Line): DatasetInput {
  return {
    PatientName: line.name,
    PatientID: line.patientId,
    AccessionNumber: line.accession,
    StudyInstanceUID: line.uid,
    RequestedProcedureID: line.procedureId,
    RequestedProcedurePriority: line.isStat ? 'STAT' : 'ROUTINE',
    PlacerOrderNumberImagingServiceRequest: line.placer,
    ScheduledProcedureStepSequence: [
      {
        Modality: line.modality,
        ScheduledStationAETitle: line.station,
        ScheduledProcedureStepStartDate: line.date,
        ScheduledProcedureStepStartTime: line.time,
        ScheduledPerformingPhysicianName: line.physician,
        ScheduledProcedureStepID: line.stepId,
      },
    ],
  };
}

describe('A query of the worklist', () => {
  let service: ASchedulingService;
  beforeAll(async () => {
    service = await ASchedulingService.start();
    const worklist = service.app.get(Worklist);
    await service.app.get(DataSource).transaction(async (manager) => {
      for (const line of lines)
        await worklist.put(
          manager,
          {
            appointmentId: line.stepId,
            patientId: line.patientId,
            stationAeTitle: line.station,
            modality: line.modality,
            startDate: line.date,
            startTime: line.time,
            accessionNumber: line.accession,
            dicomPatientId: line.patientId,
            requestedProcedureId: line.procedureId,
            stepId: line.stepId,
            studyInstanceUid: line.uid,
            attributes: attributesOf(line),
          },
          line.status,
        );
    });
  }, 60_000);
  afterAll(() => service?.stop());

  const ask = async (query: Query): Promise<string[]> => {
    const top = {
      PatientName: query.name,
      PatientID: query.patientId,
      AccessionNumber: query.accession,
      RequestedProcedureID: query.procedureId,
      PlacerOrderNumberImagingServiceRequest: query.placer,
      StudyInstanceUID: query.uid,
    };
    const step = {
      Modality: query.modality,
      ScheduledStationAETitle: query.station,
      ScheduledProcedureStepStartDate: query.date,
      ScheduledProcedureStepStartTime: query.time,
      ScheduledPerformingPhysicianName: query.physician,
      ScheduledProcedureStepID: query.stepId,
      ScheduledProcedureStepStatus: query.status,
    };
    const found = await service.find(top, step);
    return found.map((item) => item.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepID')!);
  };

  it.each<[string, Query, string[]]>([
    ['everything', {}, ['N1', 'N0', 'N2', 'N3', 'N4', 'N5', 'N6', 'N9']],
    ['a patient id', { patientId: '700001' }, ['N0']],
    ['a patient id by its beginning', { patientId: '70000*' }, ['N1', 'N0', 'N2', 'N3']],
    ['a patient id with one character left open', { patientId: '70000?' }, ['N1', 'N0', 'N2', 'N3']],
    ['a patient id with what SQL takes for any character', { patientId: 'A_1' }, ['N4']],
    ['two patient ids', { patientId: ['700001', '700003'] }, ['N0', 'N2']],
    ['an accession number', { accession: 'SGH00000002' }, ['N1']],
    ['an accession number with what SQL takes for anything', { accession: 'A%1' }, ['N4']],
    ['an accession number by its end', { accession: '*10' }, ['N3']],
    ['an accession number in other case', { accession: 'sgh00000002' }, []],
    ['a requested procedure id', { procedureId: 'RP5' }, ['N5']],
    ['a placer order number', { placer: 'ORD6' }, ['N6']],
    ['a study', { uid: '2.25.3' }, ['N2']],
    ['two studies', { uid: ['2.25.3', '2.25.4'] }, ['N2', 'N3']],
    ['a name in other case', { name: 'BEISPIEL^berta' }, ['N0']],
    ['a name by its beginning', { name: 'bei*' }, ['N1', 'N0']],
    ['a name with letters beyond ASCII', { name: 'MÜLLER*' }, ['N2']],
    ['a Cyrillic name in other case', { name: 'ЛЮКСЕМБУРГ*' }, ['N6']],
    ['a Greek name under way', { name: 'διο*', status: 'STARTED' }, ['N7']],
    ['a Japanese name by its ideograms', { name: '山田*' }, ['N3']],
    ['a Japanese name as it is spoken', { name: '==やまだ^たろう' }, ['N3']],
    ['a whole name in letters of one that has ideograms too', { name: 'Yamada^Tarou' }, ['N3']],
    ['a Korean name in each of its groups', { name: 'hong*=洪*=홍*' }, ['N4']],
    ['a Chinese name by its ideograms', { name: '王^小?' }, ['N5']],
    ['any name of two letters and two, in whichever writing', { name: '??^??' }, ['N3']],
    ['a name whose lower case is longer', { name: 'i?pek*' }, ['N9']],
    ['a name with the sign of Kelvin', { name: '*kelvink' }, ['N9']],
    ['a station', { station: 'CT02' }, ['N1']],
    ['two stations', { station: ['CT02', 'CT01'] }, ['N1', 'N0']],
    ['stations by a pattern', { station: 'CT0?' }, ['N1', 'N0']],
    ['a modality', { modality: 'MR' }, ['N2', 'N3']],
    ['two modalities', { modality: ['MR', 'DX'] }, ['N2', 'N3', 'N4', 'N5']],
    ['a day', { date: '20260302' }, ['N3', 'N4']],
    ['days from', { date: '20260303-' }, ['N5', 'N6', 'N9']],
    ['days until', { date: '-20260301' }, ['N1', 'N0', 'N2']],
    [
      'from a time of one day to a time of the next',
      { date: '20260301-20260302', time: '0930-1159' },
      ['N1', 'N2', 'N3'],
    ],
    ['a time of any day', { time: '1200' }, ['N4', 'N5']],
    ['a technologist by part of the name', { physician: 'house*' }, ['N4']],
    ['a step', { stepId: 'N6' }, ['N6']],
    ['what is under way', { status: 'STARTED' }, ['N7']],
    ['what is under way and what is ahead', { status: ['SCHEDULED', 'STARTED'], station: 'CT01' }, ['N0', 'N7']],
    ['what is no more, which is on no worklist', { status: 'CANCELLED' }, []],
    ['several keys at once', { modality: 'CT', date: '20260301', name: 'be*', station: 'CT01' }, ['N0']],
    ['keys that contradict each other', { modality: 'CT', station: 'MR01', name: 'Müller*' }, []],
  ])('for %s finds what the plain reference finds', async (_case, query, expected) => {
    const found = await ask(query);
    expect(found).toEqual(reference.answer(lines, query));
    expect(found.filter((one) => one.startsWith('N'))).toEqual(expected);
  });

  it('of any keys finds what the plain reference finds, in its order', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(someKeys, async (query) => {
        const expected = reference.answer(lines, query);
        hits += Math.min(expected.length, 1);
        expect(await ask(query)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
    // Queries that find nothing would prove nothing.
    expect(hits).toBeGreaterThan(40);
  });
});
