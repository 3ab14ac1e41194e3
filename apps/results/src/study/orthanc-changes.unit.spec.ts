import { describe, expect, it } from '@jest/globals';
import { changesFrom } from './orthanc-changes.js';

describe("Orthanc's changes", () => {
  it('are those by which a study may have more in it, each with its number', () => {
    const answer = {
      Changes: [
        { Seq: 1, ChangeType: 'NewInstance', ID: 'i', ResourceType: 'Instance' },
        { Seq: 2, ChangeType: 'NewSeries', ID: 's', ResourceType: 'Series' },
        { Seq: 3, ChangeType: 'StableStudy', ID: 't', ResourceType: 'Study' },
        { Seq: 4, ChangeType: 'constructor', ID: 'x' },
        { Seq: '5', ChangeType: 'NewStudy', ID: 'y' },
        null,
      ],
      Last: 6,
      Done: false,
    };
    expect(changesFrom(answer)).toEqual({
      changes: [
        { sequence: 2, level: 'series', id: 's' },
        { sequence: 3, level: 'studies', id: 't' },
      ],
      last: 6,
      done: false,
    });
  });

  it.each([undefined, null, [], {}, { Changes: [] }, { Changes: {}, Last: 1 }, 'text'])(
    'cannot be read from %j',
    (answer) => {
      expect(() => changesFrom(answer)).toThrow('no list of changes');
    },
  );
});
