import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { entriesOf, outOfRange, withDeviation, type Statement } from './exposure-entry.decider.js';

const said = (changes: Partial<Statement> = {}): Statement => ({
  id: 'c1',
  kind: 'reject',
  source: 'console',
  exposure: '1.2.3',
  ...changes,
});

describe('An exposure', () => {
  it('that was rejected at the console and in the PACS is one entry: the console says why, the PACS what it does not say', () => {
    const atConsole = said({ reason: '111209', view: 'PA' });
    const inPacs = said({ id: 'k1', source: 'kos', reason: '111211', studyInstanceUid: '1.2' });
    expect(entriesOf([inPacs, atConsole], { view: 'AP', detector: 'D-1', at: '2026-03-02T09:00:00Z' })).toEqual([
      {
        kind: 'reject',
        exposure: '1.2.3',
        reason: '111209',
        view: 'PA',
        studyInstanceUid: '1.2',
        detector: 'D-1',
        at: '2026-03-02T09:00:00Z',
        sources: ['console', 'kos'],
        counts: true,
      },
    ]);
  });

  it.each([
    ['by the console alone is in error', [said({ isInError: true })], [], false],
    [
      'by both still is rejected by the PACS',
      [said({ isInError: true }), said({ id: 'k', source: 'kos' })],
      ['kos'],
      true,
    ],
  ] as const)('that was rejected %s when the console takes it back', (_what, statements, sources, counts) => {
    expect(entriesOf(statements, undefined)).toMatchObject([{ sources, counts }]);
  });

  it('that was made again and was no better is a repeat and a reject', () => {
    const repeat = said({ id: 'c2', kind: 'repeat', repeats: '1.2.2' });
    expect(entriesOf([repeat, said()], undefined)).toMatchObject([
      { kind: 'reject', counts: true },
      { kind: 'repeat', counts: true, repeats: '1.2.2' },
    ]);
    expect(entriesOf([repeat], undefined)).toMatchObject([{ kind: 'repeat' }]);
  });

  it('that is doubtful is so until it is rejected', () => {
    const doubtful = said({ id: 'e', kind: 'doubtful', source: 'exposure-index', reason: '111211' });
    expect(entriesOf([doubtful], undefined)).toMatchObject([{ kind: 'doubtful', counts: true }]);
    expect(entriesOf([doubtful, said()], undefined)).toMatchObject([
      { counts: true },
      { kind: 'doubtful', counts: false },
    ]);
    expect(entriesOf([doubtful, said({ isInError: true })], undefined)).toMatchObject([
      { counts: false },
      { kind: 'doubtful', counts: true },
    ]);
  });

  it('of which nobody says anything has no entry', () => {
    expect(entriesOf([], { view: 'PA' })).toEqual([]);
  });

  it('has the time of its image, else the earliest that was said', () => {
    const [early, late] = ['2026-03-02T10:00:00+02:00', '2026-03-02T09:00:00Z'];
    expect(entriesOf([said({ at: late }), said({ id: 'k', source: 'kos', at: early })], undefined)[0]!.at).toBe(early);
    expect(entriesOf([said({ at: late })], { at: early })[0]!.at).toBe(early);
  });

  const statement = fc.record({
    id: fc.uuid(),
    kind: fc.constantFrom('reject' as const, 'repeat' as const, 'doubtful' as const),
    source: fc.constantFrom('console' as const, 'kos' as const, 'exposure-index' as const),
    exposure: fc.constant('1.2.3'),
    isInError: fc.boolean(),
    reason: fc.option(fc.constantFrom('111209', '111210'), { nil: undefined }),
    view: fc.option(fc.constantFrom('PA', 'AP'), { nil: undefined }),
    at: fc.constantFrom('2026-03-02T09:00:00Z', '2026-03-02T10:00:00Z'),
  }) as fc.Arbitrary<Statement>;
  it('ends the same in whatever order its statements come, one row a kind', () => {
    const several = fc.uniqueArray(statement, { selector: ({ id }) => id, maxLength: 8 });
    const inTwoOrders = several.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(inTwoOrders, fc.boolean(), ([one, other], hasImage) => {
        const image = hasImage ? { view: 'LL', at: '2026-03-01T09:00:00Z' } : undefined;
        const entries = entriesOf(one, image);
        expect(entriesOf(other, image)).toEqual(entries);
        expect(entries.map(({ kind }) => kind).sort()).toEqual([...new Set(one.map(({ kind }) => kind))].sort());
        for (const { kind, counts } of entries.filter((entry) => entry.kind !== 'doubtful'))
          expect(counts).toBe(one.some((s) => s.kind === kind && !s.isInError));
      }),
    );
  });
});

describe('The deviation index', () => {
  it.each([
    [{ exposureIndex: 400, targetExposureIndex: 400 }, 0],
    [{ exposureIndex: 800, targetExposureIndex: 400 }, 3],
    [{ exposureIndex: 200, targetExposureIndex: 400 }, -3],
    [{ exposureIndex: 800, targetExposureIndex: 400, deviationIndex: 1 }, 1],
    [{ exposureIndex: 0, targetExposureIndex: 400 }, undefined],
    [{ exposureIndex: -4, targetExposureIndex: 400 }, undefined],
    [{ exposureIndex: 400 }, undefined],
  ])('of %j is %s', (facts, deviation) => {
    expect(withDeviation<Partial<Statement>>(facts).deviationIndex).toBe(deviation);
  });

  it.each([
    [-3.1, '111211'],
    [-3, undefined],
    [3, undefined],
    [3.1, '111212'],
    [undefined, undefined],
  ])('%s is out of range for %s', (index, reason) => {
    expect(outOfRange(index, { low: -3, high: 3 })).toBe(reason);
    expect(outOfRange(index, undefined)).toBeUndefined();
  });
});
