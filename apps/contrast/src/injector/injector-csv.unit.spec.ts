import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { extensions } from '#fhir';
import type { Injector } from '#platform';
import { readInjectorFile } from './injector-csv.js';

const injector: Injector = {
  name: 'CT1',
  system: 'urn:test:ct1',
  columns: { volume: 'Delivered' },
  values: { status: { Aborted: 'stopped' } },
  pressureUnit: 'psi',
};
const header =
  'number,order,start,Delivered,status,end,agent,lot,route,patient,operator,extravasation-site,extravasation-volume,peak-pressure';
const read = (...lines: string[]) => readInjectorFile([header, ...lines].join('\n'), injector, 'Europe/Berlin');

describe('a file of an injector', () => {
  it('has what each line says, in the site’s zone and the vendor’s words', () => {
    const { injections, refused } = read(
      '7,ACC1,2026-03-02 10:05:00,61.5,Aborted,2026-03-02T10:06:00Z,"iopromide, 370",L7,IV,MRN1,Ann,left arm,12,250',
    );
    expect(refused).toEqual([]);
    expect(injections).toEqual([
      expect.objectContaining({
        line: 2,
        number: '7',
        order: 'ACC1',
        administration: expect.objectContaining({
          identifier: [{ system: 'urn:test:ct1', value: '7' }],
          status: 'stopped',
          subject: { identifier: { value: 'MRN1' } },
          effectivePeriod: { start: '2026-03-02T10:05:00.000+01:00', end: '2026-03-02T11:06:00.000+01:00' },
          contained: [expect.objectContaining({ code: { text: 'iopromide, 370' }, batch: { lotNumber: 'L7' } })],
          dosage: expect.objectContaining({
            dose: expect.objectContaining({ value: 61.5, code: 'mL' }),
            route: { text: 'IV' },
          }),
        }),
      }),
    ]);
    const { extension, performer } = injections[0]!.administration;
    expect(extension!.map(({ url }) => url)).toEqual([extensions.injectionPhase, extensions.extravasation]);
    expect(extension![0]!.extension!.at(-1)).toMatchObject({
      url: 'peakPressure',
      valueQuantity: { value: 250, code: '[psi]' },
    });
    expect(performer!.map(({ actor }) => actor.display)).toEqual(['CT1', 'Ann']);
  });
  it('invents nothing: no route, no lot and no rate that is not there', () => {
    const { dosage, contained } = read('7,ACC1,2026-03-02T10:05:00Z,80').injections[0]!.administration;
    expect(Object.keys(dosage!)).toEqual(['dose']);
    expect(contained![0]).not.toHaveProperty('batch');
  });
  it.each<[string, string, string | undefined]>([
    ['no number', ',ACC1,2026-03-02T10:05:00Z,80', 'number'],
    ['no order', '7,,2026-03-02T10:05:00Z,80', 'order'],
    ['a day for a time', '7,ACC1,2026-03-02,80', 'start'],
    ['a comma for a point', '7,ACC1,2026-03-02T10:05:00Z,"80,5"', 'volume'],
    ['a negative volume', '7,ACC1,2026-03-02T10:05:00Z,-80', 'volume'],
    ['a word nobody knows', '7,ACC1,2026-03-02T10:05:00Z,80,Fine', 'status'],
    ['an end before its start', '7,ACC1,2026-03-02T10:05:00Z,80,,2026-03-02T10:04:00Z', 'end'],
    ['an open quote', '7,"ACC1,2026-03-02T10:05:00Z,80', undefined],
    ['more cells than columns', '7,ACC1,2026-03-02T10:05:00Z,80,,,,,,,,,,,more', undefined],
  ])('has a line refused with %s, and no other', (_, line, field) => {
    const { injections, refused } = read(line, '8,ACC1,2026-03-02T10:05:00Z,80');
    expect(refused).toEqual([
      expect.objectContaining({
        line: 2,
        failure: expect.objectContaining({ fate: 'refuse', ...(field ? { field } : {}) }),
      }),
    ]);
    expect(injections.map(({ number }) => number)).toEqual(['8']);
  });
  it('is refused whole without its columns, or with one of them twice', () => {
    expect(() => readInjectorFile('a,b', injector, 'UTC')).toThrow(expect.objectContaining({ code: 'field-missing' }));
    expect(() => readInjectorFile(`${header},number`, injector, 'UTC')).toThrow(
      expect.objectContaining({ code: 'field-invalid' }),
    );
  });
  it('has every line taken or refused, whatever is in it', () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom(...'7,;"ACC:2026-03T.\r x') }), { maxLength: 6 });
    fc.assert(
      fc.property(lines, (some) => {
        const text = some.join('\n');
        const filled = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '');
        const { injections, refused } = read(text);
        expect(injections.length + refused.length).toBe(filled.length);
      }),
    );
  });
});
