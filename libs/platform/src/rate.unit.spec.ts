import { describe, expect, it } from '@jest/globals';
import { rate } from './rate.js';

describe('A rate', () => {
  it.each([
    // The interval as published for these (Newcombe 1998, Stat Med 17:857-872, table I, method 3), per thousand.
    [81, 263, [255.3, 366.2]],
    [15, 148, [62.4, 160.5]],
    [0, 20, [0, 161.1]],
    [1, 29, [6.1, 171.8]],
  ])('says how sure it is: %d of %d', (count, of, interval) => {
    const found = rate(count, of).interval;
    expect(found.map((one) => Math.round(one * 10) / 10)).toEqual(interval);
  });

  it('is unknown, not zero, of nothing', () => {
    expect(rate(0, 0)).toEqual({ count: 0, of: 0, perThousand: 0, interval: [0, 1000] });
  });
});
