import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DatasetInput } from '#dicom';
import {
  aDoseReport,
  acquisition,
  aRadiopharmaceuticalReport,
  code,
  container,
  ctTotals,
  localizer,
  num,
  read,
  uid,
} from './a-dose-report.spec.js';
import { doseOfStudy } from './dose-of-study.decider.js';
import type { DoseKind } from './dose-report.js';

const at = (time: string): DatasetInput => ({ ContentTime: time, SOPInstanceUID: `2.25.9.${time}` });
const totals = (kind: DoseKind, ...reports: DatasetInput[]) => doseOfStudy(reports.map(read), kind)?.totals;
/** As GE has it. */
const scout = container('113819', code('113820', '113805'), container('113829', num('113838', 3, 'mGy.cm')));
const A = acquisition('1.1', 'Abdomen', 10, 300);
const B = acquisition('1.2', 'Thorax', 12, 200);
const C = acquisition('1.3', 'Thorax', 8, 100);

describe('The dose of a study', () => {
  it('is nothing without a report of its kind', () =>
    expect(doseOfStudy([read(aDoseReport([A]))], 'projection')).toBeUndefined());

  it('is summed from the events where no total is stated', () => {
    expect(totals('ct', aDoseReport([localizer('1.0'), A, B]))).toEqual({
      'ctdi-vol': { value: 12 },
      dlp: { value: 500 },
    });
    const event = (n: number, ...more: DatasetInput[]) => container('113706', uid('113769', `1.${n}`), ...more);
    const fluoro = [code('113721', 'SRT|P5-06000'), num('113742', 30, 's')];
    expect(
      totals(
        'projection',
        aDoseReport([event(1, num('122130', 100, 'uGy.m2'), ...fluoro), event(2, num('122130', 0.2, 'Gy.cm2'))]),
      ),
    ).toEqual({ dap: { value: 1.2 }, 'fluoro-time': { value: 30 } });
  });

  it('is unknown, not less, where an event does not say its part', () => {
    const silent = container('113819', uid('113769', '1.7'), code('113820', 'SCT|116152004'));
    expect(totals('ct', aDoseReport([A, silent]))!.dlp).toEqual({ unknown: expect.stringContaining('1 of 2') });
    expect(totals('ct', aDoseReport([A, acquisition('1.8', 'Head', 50, 5, ['mGy', 'furlong'])]))!.dlp).toEqual({
      unknown: 'its unit furlong is none of this measure',
    });
  });

  it.each<[string, DatasetInput[], number]>([
    ['one report a series', [aDoseReport([ctTotals(1, 300), A]), aDoseReport([ctTotals(2, 300), B, C])], 600],
    [
      'the same report under two UIDs',
      [aDoseReport([ctTotals(2, 500), A, B]), aDoseReport([ctTotals(2, 500), A, B])],
      500,
    ],
    [
      'one a series and one of all',
      [
        aDoseReport([ctTotals(1, 300), A], at('1000')),
        aDoseReport([ctTotals(1, 200), B], at('1001')),
        aDoseReport([ctTotals(3, 600), A, B, C], at('1002')),
      ],
      600,
    ],
    [
      'each of all until then',
      [aDoseReport([ctTotals(1, 300), A], at('1000')), aDoseReport([ctTotals(2, 500), A, B], at('1001'))],
      500,
    ],
    [
      'each of all until then, with a localizer that has a dose and no UID',
      [aDoseReport([ctTotals(2, 303), scout, A], at('1000')), aDoseReport([ctTotals(3, 503), scout, A, B], at('1001'))],
      503,
    ],
    [
      'one of each series, both with such a localizer',
      [aDoseReport([ctTotals(2, 303), scout, A]), aDoseReport([ctTotals(2, 203), scout, B])],
      506,
    ],
    [
      'two that share an event',
      [aDoseReport([ctTotals(2, 500), A, B], at('1001')), aDoseReport([ctTotals(2, 300), B, C], at('1000'))],
      600,
    ],
    [
      'two without events, of the study',
      [aDoseReport([ctTotals(1, 300)], at('1000')), aDoseReport([ctTotals(2, 500)], at('1001'))],
      500,
    ],
    [
      'two without events, of a series each',
      ['5.1', '5.2'].map((one) => aDoseReport([code('113705', '113015', uid('112002', one)), ctTotals(1, 250)])),
      500,
    ],
    [
      'without events, one of the study and one of each series',
      [
        aDoseReport([code('113705', '113014', uid('121018', '2.25.1')), ctTotals(2, 500)]),
        ...['5.1', '5.2'].map((one) => aDoseReport([code('113705', '113015', uid('112002', one)), ctTotals(1, 250)])),
      ],
      500,
    ],
    [
      'one without events beside one with them',
      [aDoseReport([ctTotals(2, 500)], at('1001')), aDoseReport([ctTotals(2, 500), A, B])],
      500,
    ],
  ])('counts each event once: %s', (_, reports, dlp) => expect(totals('ct', ...reports)!.dlp).toEqual({ value: dlp }));

  it('does not depend on the order in which its reports came', () => {
    const pool = [A, B, C, localizer('1.0'), acquisition('1.1', 'Abdomen', 11, 310)];
    const report = fc.tuple(
      fc.subarray(pool),
      fc.integer({ min: 1000, max: 1002 }),
      fc.option(fc.integer({ min: 1, max: 900 })),
    );
    fc.assert(
      fc.property(fc.array(report, { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.nat()), (some, random) => {
        const reports = some.map(([events, time, dlp]) =>
          read(aDoseReport([...events, ...(dlp ? [ctTotals(1, dlp)] : [])], { ContentTime: String(time) })),
        );
        const mixed = reports
          .map((one) => [random.next().value!, one] as const)
          .sort(([a], [b]) => a - b)
          .map(([, one]) => one);
        expect(doseOfStudy(mixed, 'ct')).toEqual(doseOfStudy(reports, 'ct'));
        const twice = [...reports, ...reports];
        expect(doseOfStudy(twice, 'ct')?.totals).toEqual(doseOfStudy(reports, 'ct')?.totals);
      }),
    );
  });

  it('never adds two breasts, and keeps them apart from contrast and from nuclear medicine', () => {
    const mammography = aDoseReport([
      container(
        '113702',
        num('111637', 2, 'mGy', code('SCT|272741003', 'SCT|80248007')),
        num('111637', 3, 'mGy', code('SCT|272741003', 'SCT|73056007')),
      ),
    ]);
    const dose = doseOfStudy([read(mammography)], 'projection')!;
    expect([dose.isMammography, dose.totals.agd, dose.agd]).toEqual([
      true,
      { value: 3 },
      { left: { value: 2 }, right: { value: 3 } },
    ]);
    const given = (n: string, value: number) => container('113502', uid('113503', n), num('113507', value, 'MBq'));
    expect(
      totals('radiopharmaceutical', aRadiopharmaceuticalReport([given('1', 100), given('2', 300)]), mammography),
    ).toEqual({ activity: { value: 400 } });
  });
});
