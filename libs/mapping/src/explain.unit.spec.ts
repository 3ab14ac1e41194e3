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
});
