import { describe, expect, it } from '@jest/globals';
import type { Observation } from 'fhir/r4.js';
import fc from 'fast-check';
import { cellsOf } from '#platform';
import { failureOf, given, site as aSite } from '#testing';
import {
  closureOfQuality,
  qualityStates,
  readQualityResult,
  testsOf,
  type KnownQuality,
} from './quality-control.decider.js';
import { readQualityFile } from './quality-csv.js';
import { deviceIdOf } from './site-resources.decider.js';

const now = new Date('2026-03-10T09:00:00Z');
const site = aSite({
  qualityControl: [
    {
      code: 'UNIFORMITY',
      display: 'Uniformity',
      modalities: ['CT'],
      everyDays: 1,
      dueAt: '08:00',
      limits: { low: -4, high: 4, unit: 'HU' },
    },
    { code: 'CALIBRATION', display: 'Calibration', stations: ['DX01'], everyDays: 365 },
  ],
});
const [ct, dx] = site.stations as [(typeof site.stations)[number], (typeof site.stations)[number]];
const known = (overrides: Partial<KnownQuality> = {}): KnownQuality => ({
  aeTitle: 'CT01',
  system: 'urn:collimator:quality-test',
  code: 'UNIFORMITY',
  since: new Date('2026-03-10T00:00:00Z'),
  ...overrides,
});
const at = (text: string) => new Date(text);

describe('A test of a station', () => {
  it('is asked for by modality or by name', () => {
    expect(testsOf(ct, site).map(({ code }) => code)).toEqual(['UNIFORMITY']);
    expect(testsOf(dx, site).map(({ code }) => code)).toEqual(['CALIBRATION']);
  });

  it.each<[string, Partial<KnownQuality>, 'fit' | 'failed' | 'overdue']>([
    ['asked for since today, never made', {}, 'fit'],
    ['asked for since yesterday, never made', { since: at('2026-03-09T12:00:00Z') }, 'overdue'],
    // 08:00 in Berlin is 07:00Z.
    ['passed yesterday', { passedAt: at('2026-03-09T22:00:00Z') }, 'overdue'],
    ['passed after midnight in Berlin', { passedAt: at('2026-03-09T23:30:00Z') }, 'fit'],
    ['passed, then failed', { passedAt: at('2026-03-10T06:00:00Z'), failedAt: at('2026-03-10T07:00:00Z') }, 'failed'],
    ['failed, then passed', { passedAt: at('2026-03-10T07:00:00Z'), failedAt: at('2026-03-10T06:00:00Z') }, 'fit'],
    [
      'failed and passed at the same moment',
      { passedAt: at('2026-03-10T07:00:00Z'), failedAt: at('2026-03-10T07:00:00Z') },
      'failed',
    ],
    ['failed, never passed', { failedAt: at('2026-01-01T07:00:00Z') }, 'failed'],
  ])('%s is %s', (_what, overrides, state) => {
    given([known(overrides)])
      .when((all) => qualityStates(ct, all, site, now))
      .then([{ state } as never]);
  });

  it('closes from the moment it failed, or was due; the day it is due may have 23 hours', () => {
    const closureOf = (overrides: Partial<KnownQuality>, moment = now) =>
      closureOfQuality(qualityStates(ct, [known(overrides)], site, moment)[0]!);
    expect(closureOf({ failedAt: at('2026-03-10T06:00:00Z') })!.start).toEqual(at('2026-03-10T06:00:00Z'));
    expect(closureOf({ passedAt: at('2026-03-09T07:00:00Z') })!.start).toEqual(at('2026-03-10T07:00:00Z'));
    const summer = closureOf({ passedAt: at('2026-03-28T07:00:00Z') }, at('2026-03-29T12:00:00Z'));
    expect(summer!.start).toEqual(at('2026-03-29T06:00:00Z'));
    expect(closureOf({ passedAt: now })).toBeUndefined();
  });
});

describe('A result', () => {
  const observation = (overrides: Partial<Observation> = {}): Observation => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ code: 'UNIFORMITY' }] },
    subject: { reference: `Device/${deviceIdOf('CT01')}` },
    effectiveDateTime: '2026-03-10T07:30:00+01:00',
    ...overrides,
  });
  const measured = (value: number, more: Partial<Observation> = {}): Partial<Observation> => ({
    valueQuantity: { value, unit: 'HU' },
    ...more,
  });
  const range = (low?: number, high?: number) => ({
    referenceRange: [
      {
        ...(low === undefined ? {} : { low: { value: low, unit: 'HU' } }),
        ...(high === undefined ? {} : { high: { value: high, unit: 'HU' } }),
      },
    ],
  });

  it.each<[string, Partial<Observation>, boolean]>([
    ['within the limits of the site', measured(4), true],
    ['beyond them', measured(4.1), false],
    ['beyond them, but within its own', measured(9, range(undefined, 10)), true],
    [
      'within the limits of the site, its range being words only',
      measured(9, { referenceRange: [{ text: 'see manual' }] }),
      false,
    ],
    ['normal by code', { interpretation: [{ coding: [{ code: 'N' }] }] }, true],
    ['high by code', { interpretation: [{ coding: [{ code: 'HH' }] }] }, false],
    ['passed in words', { valueString: ' Pass ' }, true],
    ['failed as a concept', { valueCodeableConcept: { coding: [{ code: 'fail' }] } }, false],
    ['passed by word, failed by value', measured(9, { interpretation: [{ text: 'passed' }] }), false],
  ])('%s: passed is %s', (_what, overrides, isPassed) => {
    expect(readQualityResult(observation(overrides), site, now).result).toEqual({
      aeTitle: 'CT01',
      system: 'urn:collimator:quality-test',
      code: 'UNIFORMITY',
      at: at('2026-03-10T06:30:00Z'),
      isPassed,
    });
  });

  it('is the same one by its content, not by the id a client gives it', () => {
    const id = (one: Observation) => readQualityResult(one, site, now).observation.id;
    expect(id(observation({ ...measured(1), id: 'mine' }))).toBe(id(observation(measured(1))));
    expect(id(observation(measured(1)))).not.toBe(
      id(observation({ ...measured(1), effectiveDateTime: '2026-03-10T07:31:00+01:00' })),
    );
  });

  it.each<[string, string, Partial<Observation>]>([
    ['Observation.interpretation', 'value-unknown', { interpretation: [{ coding: [{ code: 'constructor' }] }] }],
    ['Observation.valueQuantity', 'field-invalid', { valueQuantity: { value: 1, unit: 'HU', comparator: '<' } }],
    ['Observation.value[x]', 'field-missing', {}],
    ['Observation.effective[x]', 'field-invalid', { valueString: 'pass', effectiveDateTime: '2026-03-10T10:00:00Z' }],
  ])('is refused for its %s: %s', (field, code, overrides) => {
    expect(failureOf(() => readQualityResult(observation(overrides), site, now))).toMatchObject({ field, code });
  });
});

describe('A file of results', () => {
  const read = (text: string) => {
    const { results, refused } = readQualityFile(text, site, now);
    return [
      ...results.map(({ line, result }) => [line, result.aeTitle, result.isPassed]),
      ...refused.map(({ line, failure }) => [line, failure.code, failure.field]),
    ];
  };
  it('is read by the names of its columns, line by line', () => {
    const header = '\uFEFFDate,Station,Test,value,unit,low,high,comment\r\n';
    expect(read(`${header}2026-03-10 07:30,CT01,UNIFORMITY,3.5,HU,,,"said ""fine"", twice"`)).toEqual([
      [2, 'CT01', true],
    ]);
    expect(read(`${header}2026-03-10T07:30,CT01,UNIFORMITY,3.5,HU,,3,`)).toEqual([[2, 'CT01', false]]);
  });
  it.each<[string, string, string | undefined]>([
    ['2026-03-10T07:30,CT01,UNIFORMITY,pass,"open', 'field-invalid', undefined],
    ['2026-03-10T07:30,CT01,UNIFORMITY,pass,,,', 'field-invalid', undefined],
    ['2026-03-10T07:30,,UNIFORMITY,pass', 'field-missing', 'station'],
    ['2026-03-10T07:30,CT01,CALIBRATION,pass', 'value-unknown', 'test'],
    ['2026-03-10,CT01,UNIFORMITY,pass', 'field-invalid', 'date'],
    ['2026-02-30T07:30,CT01,UNIFORMITY,pass', 'field-invalid', 'date'],
    ['2027-03-10T07:30,CT01,UNIFORMITY,pass', 'field-invalid', 'date'],
    ['2026-03-10T07:30,CT01,UNIFORMITY', 'field-missing', 'result'],
    ['2026-03-10T07:30,CT01,UNIFORMITY,maybe', 'value-unknown', 'result'],
    ['2026-03-10T07:30,CT01,UNIFORMITY,,"3,5"', 'field-invalid', 'value'],
    ['2026-03-10T07:30,CT01,UNIFORMITY,,1e999', 'field-invalid', 'value'],
    ['2026-03-10T07:30,CT01,UNIFORMITY,pass\u0000', 'field-invalid', 'Observation'],
  ])('has a bad line told and the next one taken: %j', (line, code, field) => {
    const good = '2026-03-10T07:31,CT01,UNIFORMITY,pass,';
    expect(read(`date,station,test,result,value\n${line}\n${good}`)).toEqual([
      [3, 'CT01', true],
      [2, code, field],
    ]);
  });
  it.each(['', 'station,test', 'station,test,date,colour', 'station,test,date,date', '\u0000'])(
    'has a usable header row, not %j',
    (header) => {
      expect(['field-missing', 'field-invalid']).toContain(failureOf(() => readQualityFile(header, site, now)).code);
    },
  );
  it('gives back every cell that was written by the rules', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), fc.constantFrom(',', ';'), (cells, separator) => {
        const line = cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(separator);
        expect(cellsOf(line, separator)).toEqual(cells);
      }),
    );
  });
  it('is answered, whatever it is', () => {
    fc.assert(fc.property(fc.string(), (text) => void read(`station,test,date,result\n${text}`)));
  });
});
