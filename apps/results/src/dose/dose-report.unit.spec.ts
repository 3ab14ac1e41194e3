import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, sopClasses, type DatasetInput } from '#dicom';
import { doseMeasures, doseUnitOf, doseUnitsFor, inUnitOf, type DoseMeasure } from '#platform';
import { failureOf } from '#testing';
import {
  aDoseReport,
  acquisition,
  aRadiopharmaceuticalReport,
  at,
  code,
  container,
  ctTotals,
  localizer,
  num,
  read,
  text,
  uid,
} from './a-dose-report.spec.js';
import { doseReportFrom, isOtherDocument } from './dose-report.js';

describe('A unit of dose', () => {
  it.each<[DoseMeasure, number, string, number]>([
    ['ctdi-vol', 0.0123, 'Gy', 12.3],
    ['ctdi-vol', 1.23, 'cGy', 12.3],
    ['ctdi-vol', 12300, 'uGy', 12.3],
    ['dlp', 0.345, 'Gy.cm', 345],
    ['dlp', 3450, 'uGy.m', 345],
    ['dlp', 345, 'mGycm', 345],
    ['dap', 0.00123, 'Gy.m2', 12.3],
    ['dap', 123, 'dGy.cm2', 12.3],
    ['dap', 1230, 'cGy.cm2', 12.3],
    ['dap', 1230, 'uGy.m2', 12.3],
    ['dap', 12300, 'mGy.cm2', 12.3],
    ['dap', 0.00123, 'Gym2', 12.3],
    ['fluoro-time', 2.5, 'min', 150],
    ['activity', 10, 'mCi', 370],
    ['activity', 370000, 'kBq', 370],
  ])('%s %p %s is %p in the unit of its measure', (measure, value, unit, expected) =>
    expect(inUnitOf(measure, value, unit)).toBe(expected),
  );
  it('of another measure, unknown or of an object is none', () => {
    for (const unit of ['mGy', 'mgy.cm', 'toString', '', 'MGY.CM']) expect(inUnitOf('dlp', 1, unit)).toBeUndefined();
  });
  it('there and back is the same', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...doseMeasures),
        fc.nat(),
        fc.integer({ min: 0, max: 1_000_000 }),
        (measure, pick, written) => {
          const units = doseUnitsFor(measure);
          const one = inUnitOf(measure, 1, units[pick % units.length]!)!;
          const value = written / 1000;
          const ours = inUnitOf(measure, value, units[pick % units.length]!)!;
          expect(Number((ours / one).toPrecision(12))).toBe(value);
          expect(inUnitOf(measure, ours, doseUnitOf(measure))).toBe(ours);
        },
      ),
    );
  });
});

describe('A CT dose report', () => {
  it('says its total, acquisitions and what they were of', () => {
    const report = read(
      aDoseReport(
        [
          code('113705', '113014', uid('121018', '2.25.1')),
          ctTotals(2, 345.6),
          localizer('1.1'),
          acquisition('1.2', 'Abdomen', 11.2, 345.6),
        ],
        { PatientWeight: '81.5', PatientAge: '056Y' },
      ),
    );
    expect(report).toMatchObject({
      kind: 'ct',
      scope: 'study',
      scopeUid: '2.25.1',
      totals: { dlp: { value: 345.6 } },
      numberOfEvents: 2,
      startedAt: '2026-03-02T10:15:00+01:00',
      device: { stationName: 'CT01' },
      patient: { birthDate: '1970-01-31', ageYears: 56, sex: 'F', weightKg: 81.5 },
      isMammography: false,
    });
    expect(report.events).toMatchObject([
      { uid: '1.1', isLocalizer: true, amounts: {} },
      {
        uid: '1.2',
        protocol: 'Abdomen',
        region: { value: '51185008' },
        phantom: { value: '113691' },
        amounts: { 'ctdi-vol': { value: 11.2 }, dlp: { value: 345.6 } },
      },
    ]);
    expect(report.patientId).toBe('ZZCANARY1');
    expect(JSON.stringify(report)).not.toContain('ZZCANARY^');
  });
  it('may nest its containers, and write its units in its own way', () => {
    const { totals, events } = read(
      aDoseReport([
        container(
          '99X|1',
          container('99X|2', ctTotals(1, 0.5, 'mGycm'), acquisition('1.2', 'Head', 0.05, 0.0005, ['Gy', 'Gy.cm'])),
        ),
      ]),
    );
    expect([totals, events[0]!.amounts]).toEqual([
      { dlp: { value: 0.5 } },
      { 'ctdi-vol': { value: 50 }, dlp: { value: 0.5 } },
    ]);
  });
  it.each([
    ['of another measure', num('113813', 5, 'mGy'), 'its unit mGy is none of this measure'],
    ['of no scheme that is known', num('113813', 5, '99GE|mGy.cm'), 'its unit is of scheme 99GE, not UCUM'],
    ['less than nothing', num('113813', -5, 'mGy.cm'), 'it is stated as less than nothing'],
    ['empty', { ...num('113813', 5, 'mGy.cm'), MeasuredValueSequence: [] }, 'it is stated without a value or a unit'],
  ])('whose total is %s has none, and says why', (_, total, unknown) =>
    expect(read(aDoseReport([container('113811', total as DatasetInput)])).totals).toEqual({ dlp: { unknown } }),
  );
});

describe('A projection dose report', () => {
  it.each([
    ['SNOMED CT', 'SCT|44491008'],
    ['SNOMED-RT', 'SRT|P5-06000'],
  ])('adds its planes; %s says which events were fluoroscopy', (_, fluoroscopy) => {
    const plane = (dap: number, time: number) =>
      container('113702', num('113722', dap, 'Gy.m2'), num('113725', 0.5, 'Gy'), num('113730', time, 's'));
    const report = read(
      aDoseReport([
        plane(0.001, 100),
        plane(0.0002, 50),
        container(
          '113706',
          uid('113769', '1.1'),
          code('113721', fluoroscopy),
          at('111526', '20260302101700'),
          num('122130', 0.0012, 'Gy.m2'),
          num('113742', 2.5, 'min'),
        ),
      ]),
    );
    expect(report).toMatchObject({
      kind: 'projection',
      totals: { dap: { value: 12 }, 'dose-rp': { value: 1000 }, 'fluoro-time': { value: 150 } },
      startedAt: '2026-03-02T10:17:00+01:00',
      events: [{ isFluoroscopy: true, amounts: { dap: { value: 12 }, 'fluoro-time': { value: 150 } } }],
    });
  });
  it.each([
    ['SNOMED CT', 'SCT|272741003', 'SCT|80248007', 'SCT|73056007'],
    ['SNOMED-RT', 'SRT|G-C171', 'SRT|T-04030', 'SRT|T-04020'],
  ])('of a mammography says what each breast got, by %s', (_, side, left, right) => {
    const report = read(
      aDoseReport([
        container('113702', num('111637', 2.5, 'mGy', code(side, left)), num('111637', 0.31, 'cGy', code(side, right))),
      ]),
    );
    expect([report.isMammography, report.agd]).toEqual([true, { left: { value: 2.5 }, right: { value: 3.1 } }]);
  });
});

it.each([
  ['target region', '123014', 'SCT|80248007', 'left'],
  ['target region by SNOMED-RT', '123014', 'SRT|T-04020', 'right'],
  ['finding site', 'SCT|363698007', 'SCT|73056007', 'right'],
])('The side of a mammography is that of its %s where no laterality stands', (_, concept, value, side) => {
  const report = read(aDoseReport([container('113706', code(concept, value), num('111631', 1.2, 'mGy'))]));
  expect(report.events[0]!.side).toBe(side);
});

it.each([
  ['an Enhanced SR of the title of dose reports', sopClasses.enhancedSr, '113701', false],
  ['an Enhanced SR of another title', sopClasses.enhancedSr, '18748-4', true],
  ['a Comprehensive SR of another title', sopClasses.comprehensiveSr, '126000', true],
  ['a dose report by its class, whatever its title', sopClasses.xRayRadiationDoseSr, '18748-4', false],
])('%s is another document or not', (_, SOPClassUID, title, isOther) => {
  const ConceptNameCodeSequence = [{ CodeValue: title, CodingSchemeDesignator: 'DCM' }];
  expect(isOtherDocument(Dataset.of(aDoseReport([], { SOPClassUID, ConceptNameCodeSequence })))).toBe(isOther);
});

it('A radiopharmaceutical dose report says what was given, when', () => {
  const report = read(
    aRadiopharmaceuticalReport([
      container(
        '113502',
        code('SCT|349358000', 'SCT|35321007', code('SCT|89457008', 'SCT|77004003')),
        uid('113503', '1.5'),
        at('123003', '20260302090000'),
        num('113507', 10, 'mCi'),
      ),
    ]),
  );
  expect(report).toMatchObject({
    kind: 'radiopharmaceutical',
    events: [
      {
        uid: '1.5',
        agent: { value: '35321007' },
        radionuclide: { value: '77004003' },
        amounts: { activity: { value: 370 } },
      },
    ],
    startedAt: '2026-03-02T09:00:00+01:00',
  });
});

describe('What is no dose report', () => {
  it.each<[string, DatasetInput, string]>([
    [
      'another document',
      { ConceptNameCodeSequence: [{ CodeValue: '113500x', CodingSchemeDesignator: 'DCM' }] },
      'ConceptNameCodeSequence',
    ],
    ['one without a study', { StudyInstanceUID: '' }, 'StudyInstanceUID'],
    ['one whose study is no UID', { StudyInstanceUID: 'ZZCANARY' }, 'StudyInstanceUID'],
    ['no SR document', { ValueType: 'NUM' }, 'ValueType'],
  ])('%s is refused naming the attribute, not its value', async (_, changes, field) => {
    const failure = await failureOf(() =>
      doseReportFrom(Dataset.of(aDoseReport([text('121106', 'x')], changes)), 'UTC'),
    );
    expect(failure.field).toBe(field);
    expect(failure.message).not.toContain('ZZCANARY');
  });
});
