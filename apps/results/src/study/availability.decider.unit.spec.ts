import { describe, expect, it } from '@jest/globals';
import { unavailableAfter } from './availability.decider.js';
import { withoutInstances } from './imaging-study.decider.js';

describe('what the PACS said it cannot give', () => {
  it('is what its last word on each instance says', () => {
    const unavailable = unavailableAfter([
      [
        { sopInstanceUid: '1', availability: 'UNAVAILABLE' },
        { sopInstanceUid: '2', availability: 'UNAVAILABLE' },
        { sopInstanceUid: '3', availability: 'OFFLINE' },
      ],
      [{ sopInstanceUid: '1', availability: 'NEARLINE' }],
      [{ sopInstanceUid: '4', availability: 'ONLINE' }],
      [{ sopInstanceUid: '4', availability: 'UNAVAILABLE' }],
    ]);
    expect([...unavailable].sort()).toEqual(['2', '4']);
  });

  it('is left out of the series, and a series with nothing else as a whole', () => {
    const series = (seriesInstanceUid: string, ...uids: string[]) => ({
      seriesInstanceUid,
      instances: uids.map((sopInstanceUid) => ({ sopInstanceUid })),
    });
    expect(withoutInstances([series('a', '1', '2'), series('b', '3')], new Set(['2', '3']))).toEqual([
      series('a', '1'),
    ]);
  });
});
