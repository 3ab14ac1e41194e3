import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { explain } from './explain.js';

const message = (...segments: string[]) =>
  parseMessage(Buffer.from(['MSH|^~\\&|EMR|SGH|||20260302||ADT^A08|1|P|2.5.1', ...segments].join('\r')));
/** A reader that makes a patient of PID-5 and PID-8. */
const read = (one: ReturnType<typeof message>) => {
  const pid = one.first('PID')!;
  return { resourceType: 'Patient', name: [{ family: pid.get(5) }], gender: pid.get(8) ?? 'unknown' };
};

describe('An explanation', () => {
  it('names what a field makes, and what nothing is made of', () => {
    const fields = explain(message('PID|1||||Doe|||F', 'ZZZ|x'), read);
    expect(fields.filter(({ place }) => !place.startsWith('MSH')).map(({ place, makes }) => [place, makes])).toEqual([
      ['PID-1', []],
      ['PID-5', ['Patient.name.family']],
      ['PID-8', ['Patient.gender']],
      ['ZZZ-1', []],
    ]);
  });
  it('is given of a message that is not too long', () => {
    const many = Array.from({ length: 500 }, (_, index) => `OBX|${index}`);
    expect(() => explain(message('PID|1', ...many), read)).toThrow('at most 500 fields');
  });
  it('follows what the site file says of the sender, and names it', () => {
    const rows = [{ to: 'PID-5.1', from: 'ZPI-2.1' }, { to: 'PID-8', value: 'M' }, { ignore: 'PID-7' }];
    const fields = explain(message('PID|1||||Doe||1970', 'ZPI|1|Roe'), read, rows);
    const field = (place: string) => fields.find((one) => one.place === place);
    expect(field('ZPI-2')).toMatchObject({ makes: ['Patient.name.family'], fields: ['PID-5.1 from ZPI-2.1'] });
    expect(field('ZPI-2')!.guide.map(({ map }) => map)).toContain('PID[Patient]');
    expect(field('PID-5')).toMatchObject({ makes: [], fields: ['PID-5.1 from ZPI-2.1'] });
    expect(field('PID-7')).toMatchObject({ makes: [], fields: ['PID-7 ignored'] });
    expect(field('fields.1')).toMatchObject({ name: 'PID-8 else "M"', makes: ['Patient.gender'] });
    expect(JSON.stringify(fields)).not.toContain('Roe');
  });
});
