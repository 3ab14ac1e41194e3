import { describe, expect, it } from '@jest/globals';
import { rejectionText } from './rejection.decider.js';

describe('what was rejected', () => {
  it('is said by reason, in one order', () => {
    const rejected: [string, string][] = [
      ['1', '113001'],
      ['2', '113001'],
      ['3', '110514'],
    ];
    const text =
      'Not shown: 1 object: Incorrect worklist entry selected (DCM 110514); 2 objects: Rejected for Quality Reasons (DCM 113001)';
    expect(rejectionText(new Map(rejected))).toBe(text);
    expect(rejectionText(new Map([...rejected].reverse()))).toBe(text);
    expect(rejectionText(new Map())).toBeUndefined();
  });
});
