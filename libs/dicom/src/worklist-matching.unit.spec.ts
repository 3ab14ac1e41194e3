import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, type DatasetInput } from './dataset.js';
import { hasUnsupportedKeys, worklistItemMatches, worklistResponse } from './worklist-matching.js';

const item = Dataset.of({
  AccessionNumber: 'SGH00000001',
  PatientName: 'Müller^Jörg=山田^太郎',
  PatientID: '700001',
  PatientSex: 'M',
  StudyInstanceUID: '2.25.1',
  RequestedProcedureID: 'RP1',
  ScheduledProcedureStepSequence: [
    {
      Modality: 'CT',
      ScheduledStationAETitle: ['CT01', 'CT02'],
      ScheduledProcedureStepStartDate: '20240305',
      ScheduledProcedureStepStartTime: '093000',
      ScheduledPerformingPhysicianName: 'House^Gregory',
      ScheduledProcedureStepID: 'STEP1',
      ScheduledProcedureStepStatus: 'SCHEDULED',
    },
  ],
});
const step = (keys: DatasetInput): DatasetInput => ({ ScheduledProcedureStepSequence: [keys] });
const on = (date: string, time = '') =>
  step({ ScheduledProcedureStepStartDate: date, ScheduledProcedureStepStartTime: time });

describe('a worklist item', () => {
  it.each<[string, DatasetInput]>([
    ['nothing at all', {}],
    ['a key of length zero (universal)', { PatientID: '' }],
    ['a sequence of length zero', { ScheduledProcedureStepSequence: undefined }],
    ['an empty step', step({})],
    ['a star alone', { PatientID: '*' }],
    ['a star for what the item does not have', { PlacerOrderNumberImagingServiceRequest: '*' }],
    ['its patient id', { PatientID: '700001' }],
    ['a beginning', { AccessionNumber: 'SGH*' }],
    ['an end', { AccessionNumber: '*0001' }],
    ['one character left open', { PatientID: '70000?' }],
    ['a star that stands for nothing', { PatientID: '700001*' }],
    ['one of several study UIDs', { StudyInstanceUID: ['2.25.9', '2.25.1'] }],
    ['its name in other case', { PatientName: 'MÜLLER^jörg' }],
    ['its name with empty components behind', { PatientName: 'Müller^Jörg^^^' }],
    ['a beginning of its name', { PatientName: 'mü*' }],
    ['its ideographic name, without saying which group it is', { PatientName: '山田*' }],
    ['one kanji left open', { PatientName: '山?^太郎' }],
    ['its ideographic name in its group', { PatientName: '=山田^太郎' }],
    ['a group left open', { PatientName: 'Müller*=' }],
    ['its modality', step({ Modality: 'CT' })],
    ['the second of the stations it may go to', step({ ScheduledStationAETitle: 'CT02' })],
    ['one of two modalities', step({ Modality: ['MR', 'CT'] })],
    ['its physician by part of the name', step({ ScheduledPerformingPhysicianName: 'house*' })],
    ['its day', on('20240305')],
    ['its day as it once was written', on('2024.03.05')],
    ['days from before', on('20240301-')],
    ['days until after', on('-20240305')],
    ['a range of days', on('20240304-20240306')],
    ['its minute on its day', on('20240305', '0930')],
    ['its hour in a range of times', on('20240305', '09-10')],
    ['a time with colons, as it once was written', on('20240305', '09:30-10:00')],
    ['times until, without a day', on('', '-1200')],
    // PS3.4 K.6.1.2.2: one range from the first day and time to the last, not the same hours of each day.
    ['a range that begins later in the day, but days before', on('20240304-20240306', '1000-0800')],
    ['a key that does not match here', { PatientSex: 'F' }],
  ])('is what a query for %s asks for', (_case, query) => {
    expect(worklistItemMatches(item, Dataset.of(query))).toBe(true);
  });

  it.each<[string, DatasetInput]>([
    ['another patient id', { PatientID: '700002' }],
    ['a patient id that begins the same', { PatientID: '70000' }],
    ['an accession number in other case, which counts there', { AccessionNumber: 'sgh00000001' }],
    ['one character too many', { PatientID: '700001?' }],
    ['a beginning that is not its own', { AccessionNumber: 'XGH*' }],
    ['a full stop where a pattern would take any character', { RequestedProcedureID: 'R.1' }],
    ['what the item does not have', { PlacerOrderNumberImagingServiceRequest: 'A1' }],
    ['other study UIDs', { StudyInstanceUID: ['2.25.2', '2.25.11'] }],
    ['a study UID by wildcard, which UIDs do not know', { StudyInstanceUID: '2.25.*' }],
    ['another name', { PatientName: 'Meier*' }],
    ['the ideographic name in the alphabetic group', { PatientName: '山田*=' }],
    ['another ideographic name beside the right one', { PatientName: 'Müller*=鈴木*' }],
    ['another modality', step({ Modality: 'MR' })],
    ['neither of its stations', step({ ScheduledStationAETitle: 'CT0' })],
    ['the right modality on another station', step({ Modality: 'CT', ScheduledStationAETitle: 'CT03' })],
    ['another day', on('20240306')],
    ['days after', on('20240306-')],
    ['days before', on('-20240304')],
    ['another minute', on('20240305', '0931')],
    ['a time after, on the first of the days', on('20240305-20240306', '1000-')],
    ['a time before, on the last of the days', on('20240304-20240305', '-0900')],
    ['another step', step({ ScheduledProcedureStepID: 'STEP2' })],
  ])('is not what a query for %s asks for', (_case, query) => {
    expect(worklistItemMatches(item, Dataset.of(query))).toBe(false);
  });

  it('without a start is found by no date and by no time', () => {
    const open = Dataset.of(step({ Modality: 'CT' }));
    expect(worklistItemMatches(open, Dataset.of(on('-20991231')))).toBe(false);
    expect(worklistItemMatches(open, Dataset.of(on('', '0000-2359')))).toBe(false);
    expect(worklistItemMatches(open, Dataset.of(on('', '')))).toBe(true);
  });

  it('is compared in the time of its length, however many stars a query has', () => {
    const zeros = Dataset.of({ AccessionNumber: '0'.repeat(64), PatientName: '0'.repeat(64) });
    const stars = `${'*0'.repeat(5)}*x`;
    const started = performance.now();
    expect(worklistItemMatches(zeros, Dataset.of({ AccessionNumber: stars }))).toBe(false);
    expect(worklistItemMatches(zeros, Dataset.of({ PatientName: stars }))).toBe(false);
    // Trying every split takes seconds here and for ever with a few more stars; the bound is far from both.
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('a wildcard', () => {
  /** The rule of PS3.4 C.2.2.2.4 as it is said, one character at a time. */
  const plainly = (value: string[], pattern: string[]): boolean => {
    const [first, ...rest] = pattern;
    if (first === undefined) return value.length === 0;
    if (first === '*') return plainly(value, rest) || (value.length > 0 && plainly(value.slice(1), pattern));
    return value.length > 0 && (first === '?' || first === value[0]) && plainly(value.slice(1), rest);
  };
  const some = (letters: string[]) => fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 8 });

  it('matches what the plain rule matches', () => {
    fc.assert(
      fc.property(some(['a', 'b', '.', '+']), some(['a', 'b', '.', '*', '?']), (value, pattern) => {
        const one = Dataset.of({ PatientID: value.join('') });
        expect(worklistItemMatches(one, Dataset.of({ PatientID: pattern.join('') }))).toBe(plainly(value, pattern));
      }),
      { numRuns: 2_000 },
    );
  });

  it('matches in names what the plain rule matches, whatever the case', () => {
    fc.assert(
      fc.property(some(['a', 'B', 'ü', '山', '𠮷']), some(['A', 'b', 'Ü', '山', '*', '?']), (value, pattern) => {
        const lower = (letters: string[]) => letters.map((letter) => letter.toLowerCase());
        const one = Dataset.of({ PatientName: value.join('') });
        const query = Dataset.of({ PatientName: pattern.join('') });
        expect(worklistItemMatches(one, query)).toBe(plainly(lower(value), lower(pattern)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a range of dates and times', () => {
  it('matches what lies between its ends as one point in time each', () => {
    const day = fc.constantFrom('20240304', '20240305', '20240306');
    const time = fc.constantFrom('000000', '093000', '120000', '235959');
    fc.assert(
      fc.property(day, time, day, day, time, time, (at, atTime, from, to, fromTime, toTime) => {
        const one = Dataset.of(on(at, atTime));
        const asked = Dataset.of(on(`${from}-${to}`, `${fromTime}-${toTime}`));
        const within = Number(at + atTime) >= Number(from + fromTime) && Number(at + atTime) <= Number(to + toTime);
        expect(worklistItemMatches(one, asked)).toBe(within);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the keys of a query', () => {
  it.each<[string, DatasetInput, boolean]>([
    ['only keys that match', { PatientID: 'A', ...step({ Modality: 'CT' }) }, false],
    ['keys asked for without a value', { PatientSex: '', RequestedProcedureCodeSequence: [{ CodeValue: '' }] }, false],
    ['a value for a key that does not match', { PatientSex: 'F' }, true],
    ['a value for a key of the step that does not match', step({ ScheduledProcedureStepDescription: 'Chest' }), true],
    ['a value within another sequence', { RequestedProcedureCodeSequence: [{ CodeValue: 'CTCHEST' }] }, true],
    // Row 9: dcmjs writes 0 where it means nothing.
    ['a number that is 0 for want of a value', { PregnancyStatus: 0 }, false],
    ['a number that is 0 within another sequence', { ReferencedStudySequence: [{ PregnancyStatus: 0 }] }, false],
    ['a number that asks for something', { PregnancyStatus: 4 }, true],
  ])('are told apart: %s', (_case, query, unsupported) => {
    expect(hasUnsupportedKeys(Dataset.of(query))).toBe(unsupported);
  });
});

describe('the answer to a query', () => {
  it('has the attributes that were asked for and no others, empty where the item has none', () => {
    const query = Dataset.of({ PatientID: '', PatientWeight: '', ...step({ Modality: '' }) });
    const answer = worklistResponse(item, query);
    expect(answer).toEqual(Dataset.of({ PatientID: '700001', PatientWeight: '', ...step({ Modality: 'CT' }) }));
    expect(answer.elements().map(({ tag }) => tag)).toEqual(query.elements().map(({ tag }) => tag));
  });

  // Row 9.
  it('has no number 0 where the query has one for want of a value', () => {
    const query = Dataset.of({ PregnancyStatus: 0, ...step({ PregnancyStatus: 0 }) });
    const answer = worklistResponse(item, query);
    expect(answer.element('PregnancyStatus')!.values).toEqual([]);
    expect(answer.items('ScheduledProcedureStepSequence')[0]!.element('PregnancyStatus')!.values).toEqual([]);
  });

  it('has the whole of a sequence that was asked for without items', () => {
    const answer = worklistResponse(item, Dataset.of({ ScheduledProcedureStepSequence: undefined }));
    expect(answer.items('ScheduledProcedureStepSequence')[0]!.text('ScheduledProcedureStepID')).toBe('STEP1');
  });
});
