import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { personalDoses, wearLocations, type DosimetryService } from '#platform';
import { failureOf } from '#testing';
import { aService } from './a-dosimetry-service.spec.js';
import { doseRecordCsv, recordFormat } from './dose-record.js';
import { readDosimetryFile } from './read-dosimetry-file.js';
import type { StaffReading } from './staff-reading.decider.js';

const TODAY = '2026-03-15';
const german: DosimetryService = {
  ...aService,
  columns: {
    person: 'PersNr',
    badge: 'Sonde',
    location: 'Ort',
    start: 'Von',
    end: 'Bis',
    hp10: 'Hp(10)',
    hp007: 'Hp(0,07)',
  },
  decimal: ',',
  unit: 'mSv',
  dateFormat: 'dd.MM.yyyy',
  locations: { GANZKÖRPER: 'chest', Ring: 'finger' },
  belowReportable: ['<NWG'],
};
const read = (header: string, lines: string[], service = german) =>
  readDosimetryFile([header, ...lines].join('\r\n'), service, TODAY);
const header = 'PersNr;Sonde;Ort;Von;Bis;Hp(10);Hp(0,07);Bemerkung';
const refusalsOf = (line: string, service = german, head = header) =>
  read(head, [line], service).refused.map(({ line, failure }) => [line, failure.field, failure.code]);

describe('a file of a dosimetry service', () => {
  it('has what each line says, by the columns, words, days and decimals of the site file', () => {
    expect(read(header, ['4711;B9;Ganzkörper;01.02.2026;28.02.2026;0,12;<NWG;kam spät'])).toEqual({
      refused: [],
      lines: [
        {
          line: 2,
          readings: [
            { quantity: 'hp10', value: { kind: 'measured', nanosieverts: 120_000 } },
            { quantity: 'hp007', value: { kind: 'below', nanosieverts: 100_000 } },
          ].map((one) => ({
            ...one,
            person: { system: 'urn:test:person', value: '4711' },
            badge: { system: 'urn:test:badge', value: 'B9' },
            location: 'chest',
            start: '2026-02-01',
            end: '2026-02-28',
            service: 'dosimetry',
          })),
        },
      ],
    });
  });

  it('tells less than something, nothing read and zero apart', () => {
    const lines = ['<0,05', 'nr', '0', '0,00'].map((cell, at) => `1;B${at};Ring;01.02.2026;28.02.2026;;${cell}`);
    expect(read(header, lines).lines.map(({ readings }) => readings[0]!.value)).toEqual([
      { kind: 'below', nanosieverts: 50_000 },
      { kind: 'not-read' },
      { kind: 'measured', nanosieverts: 0 },
      { kind: 'measured', nanosieverts: 0 },
    ]);
  });

  it.each([
    ['mSv', '0.12', 120_000],
    ['µSv', '120', 120_000],
    ['μSv', '120', 120_000],
    ['uSv', '0.5', 500],
    ['mrem', '12', 120_000],
    ['MSV', '1', 1_000_000],
  ])('converts %s exactly', (unit, cell, nanosieverts) => {
    const line = `1,chest,2026-02-01,2026-02-28,${cell},${unit}`;
    const { lines } = read('person,location,start,end,hp10,unit', [line], aService);
    expect(lines[0]!.readings[0]!.value).toEqual({ kind: 'measured', nanosieverts });
  });

  it('takes one column for two of ours, where a service knows a person by their dosimeter', () => {
    const service = { ...german, columns: { ...german.columns, person: 'Sonde' } };
    const { lines } = read('Sonde;Ort;Von;Bis;Hp(10)', ['B9;Ring;01.02.2026;28.02.2026;1'], service);
    expect(lines[0]!.readings[0]).toMatchObject({ person: { value: 'B9' }, badge: { value: 'B9' } });
  });

  it.each<[string, string, unknown]>([
    ['a decimal point where the site says comma', '1;B;Ring;01.02.2026;28.02.2026;0.1;', [2, 'hp10', 'field-invalid']],
    ['a thousands’ separator', '1;B;Ring;01.02.2026;28.02.2026;1.000,5;', [2, 'hp10', 'field-invalid']],
    ['a negative dose', '1;B;Ring;01.02.2026;28.02.2026;-1;', [2, 'hp10', 'field-invalid']],
    ['a word nobody explained', '1;B;Ring;01.02.2026;28.02.2026;n/a;', [2, 'hp10', 'field-invalid']],
    ['no dose', '1;B;Ring;01.02.2026;28.02.2026;;', [2, 'hp10', 'field-missing']],
    ['nobody', ';B;Ring;01.02.2026;28.02.2026;1;', [2, 'person', 'field-missing']],
    ['a day there is not', '1;B;Ring;31.02.2026;28.02.2026;1;', [2, 'start', 'field-invalid']],
    ['an end before its start', '1;B;Ring;01.02.2026;28.01.2026;1;', [2, 'end', 'field-invalid']],
    ['an end in the future', '1;B;Ring;01.03.2026;31.03.2026;1;', [2, 'end', 'field-invalid']],
    ['years of wearing', '1;B;Ring;01.03.2020;28.02.2026;1;', [2, 'end', 'field-invalid']],
    ['an unknown place', '1;B;Knie;01.02.2026;28.02.2026;1;', [2, 'location', 'value-unknown']],
    ['a quote that is not closed', '1;"B;Ring;01.02.2026;28.02.2026;1;', [2, undefined, 'field-invalid']],
    ['more cells than columns', '1;B;Ring;01.02.2026;28.02.2026;1;;;;', [2, undefined, 'field-invalid']],
  ])('refuses a line with %s, and says where', (_, line, refusal) => expect(refusalsOf(line)).toEqual([refusal]));

  it('refuses a dose below what is reported where nobody says what that is', () => {
    const service = { ...german, minimumReportable: {} };
    expect(refusalsOf('1;B;Ring;01.02.2026;28.02.2026;<NWG;', service)).toEqual([[2, 'hp10', 'field-invalid']]);
  });

  it('refuses all lines that say different things of one reading, and takes one that is there twice', () => {
    const line = (badge: string, dose: string) => `1;${badge};Ring;01.02.2026;28.02.2026;${dose};`;
    const { lines, refused } = read(header, [line('B1', '1'), line('B2', '1'), line('B1', '2'), line('B2', '1')]);
    expect(refused.map((one) => one.line)).toEqual([2, 4]);
    expect(lines.map((one) => one.line)).toEqual([3, 5]);
  });

  it.each([
    ['nothing in it', '', 'person'],
    ['no place', 'PersNr;Sonde;Von;Bis;Hp(10)', 'location'],
    ['no dose', 'PersNr;Sonde;Ort;Von;Bis', 'header'],
    ['a column twice', 'PersNr;Ort;Von;Bis;Hp(10);hp(10)', 'hp10'],
  ])('is refused with a header row that has %s', (_, head, field) =>
    expect(failureOf(() => read(head, []))).toMatchObject({ field }),
  );

  it('is refused without a unit anywhere', () =>
    expect(failureOf(() => read('person,location,start,end,hp10', [], aService))).toMatchObject({ field: 'unit' }));

  it('never crashes, and repeats nothing of a person, whatever is sent', () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom('chest', '2026-02-01', '0,1', '"', ';', 'M', 'NR', '\n'));
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 10 })), (rows) => {
        const lines = rows.map((cells) => ['ZZCANARY', ...cells].join(';'));
        const { refused } = read(header, lines);
        expect(refused.every(({ failure }) => failure.fate === 'refuse')).toBe(true);
        expect(refused.map(({ failure }) => failure.message).join()).not.toContain('ZZCANARY');
      }),
    );
  });
});

describe('a dose record', () => {
  const identifying = fc
    .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    .filter((one) => one === one.trim() && !/[\p{Cc}\p{Cs}]|^'[=+\-@]/u.test(one) && one !== '');
  const value: fc.Arbitrary<StaffReading['value']> = fc.oneof(
    fc.record({ kind: fc.constantFrom('measured' as const, 'below' as const), nanosieverts: fc.nat(900_000_000) }),
    fc.constant({ kind: 'not-read' as const }),
  );
  const reading = fc.record({
    person: fc.constant({ system: 'urn:test:person', value: '=4711' }),
    badge: identifying.map((badge) => ({ system: 'urn:test:badge', value: badge })),
    location: fc.constantFrom(...wearLocations),
    start: fc.constant('2026-01-01'),
    end: fc.constantFrom('2026-01-31', '2026-02-28'),
    quantity: fc.constantFrom(...personalDoses),
    value,
  });
  const keyOf = ({ badge, location, start, end, quantity }: StaffReading) =>
    JSON.stringify([end, start, location, badge, quantity]);
  const readings = fc.uniqueArray(reading, { selector: keyOf });

  it('is read again as what it was written from', () => {
    fc.assert(
      fc.property(readings, identifying, (all, name) => {
        const { lines, refused } = readDosimetryFile(doseRecordCsv(all, name), { ...aService, ...recordFormat }, TODAY);
        expect(refused).toEqual([]);
        const inOrder = (some: readonly StaffReading[]) =>
          [...some].map((one) => ({ ...one, service: undefined })).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
        expect(inOrder(lines.flatMap((line) => line.readings))).toEqual(inOrder(all));
      }),
    );
  });
});
