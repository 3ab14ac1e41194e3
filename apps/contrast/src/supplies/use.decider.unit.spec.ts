import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  count,
  discardOpened,
  discardSealed,
  move,
  openContainer,
  receive,
  type DiscardReason,
} from './stock.decider.js';
import { emptyStock, remainingOf, volumeOf, type Movement, type Stock, type StockDecision } from './stock.js';
import { coverUnaccounted, coverUse, coverUseBeforeCount, type Packing, type Part, type Use } from './use.decider.js';

const at = new Date('2026-03-02T10:00:00Z');
const later = (hours: number) => new Date(at.getTime() + hours * 60 * 60 * 1000);
const single: Packing = { size: 100_000, isSingleDose: true };
const multi: Packing = { size: 500_000, isSingleDose: false, openHours: 10 };
const sealed = (containers: number): Stock => receive(emptyStock, containers).stock;
const use = (volume: number, more: Partial<Use> = {}): Use => ({ owner: 'exam', volume, at, ...more });
const summary = ({ sealed: unopened, containers }: Stock) => [
  unopened,
  ...containers.map((one) => [one.used, one.wasted, remainingOf(one)].join(' ')),
];
const unaccountedIn = (parts: readonly Part[]) =>
  parts.filter(({ containerId }) => !containerId).map(({ volume }) => volume);

describe('Of single-dose containers', () => {
  it.each<[string, number, number[], (number | string)[], number[]]>([
    ['one is opened, its rest is waste', 3, [78_000], [2, '78000 22000 0'], []],
    ['more than one holds opens two', 3, [130_000], [1, '100000 0 0', '30000 70000 0'], []],
    ['more of the same exam comes from what would be waste', 3, [78_000, 98_000], [2, '98000 2000 0'], []],
    ['a correction downwards closes what is not needed', 3, [130_000, 60_000], [2, '60000 40000 0'], []],
    ['an error gives all of it back', 3, [130_000, 0], [3], []],
    ['what is not there is unaccounted for', 1, [130_000], [0, '100000 0 0'], [30_000]],
    ['what is unaccounted for goes first when less was given', 1, [130_000, 70_000], [0, '70000 30000 0'], []],
    ['nothing in stock is no reason not to have given it', 0, [78_000], [0], [78_000]],
    ['the same again is nothing', 3, [78_000, 78_000], [2, '78000 22000 0'], []],
  ])('%s', (_, containers, volumes, expected, unaccounted) => {
    let stock = sealed(containers);
    let parts: Part[] = [];
    for (const volume of volumes) ({ stock, parts } = coverUse(stock, parts, use(volume), single));
    expect(summary(stock)).toEqual(expected);
    expect(unaccountedIn(parts)).toEqual(unaccounted);
  });

  it('another exam opens one of its own', () => {
    const { stock } = coverUse(sealed(3), [], use(20_000), single);
    const other = coverUse(stock, [], use(20_000, { owner: 'other' }), single);
    expect(summary(other.stock)).toEqual([1, '20000 80000 0', '20000 80000 0']);
  });

  it('one that somebody opened is its exam’s from its first use on, named or not, and the next one’s when that was an error', () => {
    const { stock } = openContainer(sealed(2), { id: 'c', size: single.size, at });
    for (const containerId of ['c', undefined]) {
      const used = coverUse(stock, [], use(70_000, { containerId }), single);
      expect(used.stock.containers).toMatchObject([{ id: 'c', examId: 'exam', used: 70_000, wasted: 30_000 }]);
      expect(coverUse(used.stock, [], use(20_000, { owner: 'other' }), single).stock.containers).toHaveLength(2);
      const error = coverUse(used.stock, used.parts, use(0), single);
      expect(summary(error.stock)).toEqual([1, '0 0 100000']);
      expect(coverUse(error.stock, [], use(20_000, { owner: 'other' }), single).stock.containers).toMatchObject([
        { id: 'c', examId: 'other' },
      ]);
    }
  });
});

describe('Of multi-dose containers', () => {
  const open = openContainer(sealed(2), { id: 'c', size: multi.size, at }).stock;
  const given = (volume: number, owner: string, more: Partial<Use> = {}) => use(volume, { owner, ...more });

  it('the one that is open is taken from before a new one is opened', () => {
    const one = coverUse(open, [], given(300_000, 'a'), multi);
    const two = coverUse(one.stock, [], given(300_000, 'b', { at: later(1) }), multi);
    expect(summary(two.stock)).toEqual([0, '500000 0 0', '100000 0 400000']);
    expect(two.parts.map(({ volume }) => volume)).toEqual([200_000, 100_000]);
  });

  it('one that is over its time is left, unless it was the one that was named', () => {
    expect(summary(coverUse(open, [], given(80_000, 'a', { at: later(10.1) }), multi).stock)).toEqual([
      0,
      '0 0 500000',
      '80000 0 420000',
    ]);
    const named = coverUse(open, [], given(80_000, 'a', { at: later(10.1), containerId: 'c' }), multi);
    expect(summary(named.stock)).toEqual([1, '80000 0 420000']);
  });

  it('a container that was named holds what it holds: more is unaccounted for', () => {
    const { stock, parts } = coverUse(open, [], given(600_000, 'a', { containerId: 'c' }), multi);
    expect([summary(stock), unaccountedIn(parts)]).toEqual([[1, '500000 0 0'], [100_000]]);
  });

  it('what is told late comes from the one that was open then, and makes its waste less', () => {
    const thrown = discardOpened(open, 'c', later(8), 'waste').stock;
    const { stock, movements } = coverUse(thrown, [], given(80_000, 'a', { at: later(2) }), multi);
    expect(summary(stock)).toEqual([1, '80000 420000 0']);
    expect(movements.map(({ kind, volume }) => [kind, volume])).toEqual([
      ['used', 80_000],
      ['wasted', -80_000],
    ]);
  });

  it('what follows only from an error was not opened; what somebody opened was', () => {
    const one = coverUse(sealed(2), [], given(80_000, 'a'), multi);
    expect(summary(coverUse(one.stock, one.parts, given(0, 'a'), multi).stock)).toEqual([2]);
    const two = coverUse(open, [], given(80_000, 'a'), multi);
    expect(summary(coverUse(two.stock, two.parts, given(0, 'a'), multi).stock)).toEqual([1, '0 0 500000']);
  });
});

describe('After a count', () => {
  it('what was given before it does not change it, whether told late or taken back', () => {
    const told = coverUseBeforeCount(sealed(7), [], use(78_000), single);
    expect(summary(told.stock)).toEqual([7, '78000 22000 0']);
    expect(summary(coverUseBeforeCount(told.stock, told.parts, use(0), single).stock)).toEqual([7]);
    expect(told.movements.reduce((sum, one) => sum + one.sealed, 0)).toBe(0);
  });
});

describe('A receipt that was written down late', () => {
  it('covers what was unaccounted for, as far as it reaches', () => {
    const { parts } = coverUse(emptyStock, [], use(250_000), single);
    const covered = coverUnaccounted(sealed(2), parts, use(250_000), single);
    expect([summary(covered.stock), unaccountedIn(covered.parts)]).toEqual([[0, '100000 0 0', '100000 0 0'], [50_000]]);
    const lines = covered.movements.filter(({ kind }) => kind === 'unaccounted').map(({ volume }) => volume);
    expect(lines).toEqual([-250_000, 50_000]);
  });
});

/** What the lines of the ledger come to. */
function foldOf(movements: readonly Movement[]) {
  const sum = (of: (one: Movement) => number) => movements.reduce((total, one) => total + of(one), 0);
  const containers = new Map<string, { used: number; wasted: number }>();
  for (const { kind, containerId, volume, sealed: change } of movements) {
    if (!containerId) continue;
    if (kind === 'opened' && change === 1) containers.delete(containerId);
    else {
      const one = containers.get(containerId) ?? { used: 0, wasted: 0 };
      if (kind === 'used') one.used += volume;
      else if (kind !== 'opened') one.wasted += volume;
      containers.set(containerId, one);
    }
  }
  return { sealed: sum((one) => one.sealed), containers: Object.fromEntries(containers) };
}

describe('The ledger', () => {
  type Step =
    | { do: 'receive' | 'move in' | 'move out' | 'count' | 'discard'; containers: number; reason: DiscardReason }
    | { do: 'open' | 'throw away'; which: number }
    | { do: 'give'; owner: string; volume: number; hours: number; which: number | undefined; isBeforeCount: boolean };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      do: fc.constantFrom(
        'receive' as const,
        'move in' as const,
        'move out' as const,
        'count' as const,
        'discard' as const,
      ),
      containers: fc.integer({ min: 1, max: 6 }),
      reason: fc.constantFrom<DiscardReason>('waste', 'expired', 'recalled', 'damaged'),
    }),
    fc.record({ do: fc.constantFrom('open' as const, 'throw away' as const), which: fc.nat(9) }),
    fc.record({
      do: fc.constant('give' as const),
      owner: fc.constantFrom('a', 'b', 'c'),
      volume: fc.integer({ min: 0, max: 900_000 }),
      hours: fc.integer({ min: 0, max: 20 }),
      which: fc.option(fc.nat(9), { nil: undefined }),
      isBeforeCount: fc.boolean(),
    }),
  );

  it.each([
    ['single-dose', single],
    ['multi-dose', multi],
  ])(
    'of %s containers is the sum of its lines and never below zero, whatever happens in whatever order',
    (_, packing) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          let stock: Stock = emptyStock;
          const lines: Movement[] = [];
          const parts = new Map<string, Part[]>();
          const given = new Map<string, number>();
          for (const [index, one] of steps.entries()) {
            const decision = decided(one, index);
            if (!decision) continue;
            stock = decision.stock;
            lines.push(...decision.movements);
            // Nothing below zero, and nothing more in a container than fits.
            expect(stock.sealed).toBeGreaterThanOrEqual(0);
            for (const container of stock.containers) {
              expect(Math.min(container.used, container.wasted, remainingOf(container))).toBeGreaterThanOrEqual(0);
              if (container.closedAt) expect(remainingOf(container)).toBe(0);
            }
            const fold = foldOf(lines);
            expect(fold.sealed).toBe(stock.sealed);
            for (const { id, used, wasted } of stock.containers)
              expect(fold.containers[id] ?? { used: 0, wasted: 0 }).toEqual({ used, wasted });
            // All that was given is accounted for, or is known not to be.
            for (const [owner, volume] of given)
              expect(parts.get(owner)!.reduce((sum, part) => sum + part.volume, 0)).toBe(volume);
          }

          function decided(one: Step, index: number): StockDecision | undefined {
            try {
              switch (one.do) {
                case 'receive':
                  return receive(stock, one.containers);
                case 'move in':
                  return move(stock, one.containers);
                case 'move out':
                  return move(stock, -one.containers);
                case 'count':
                  return count(stock, one.containers);
                case 'discard':
                  return discardSealed(stock, one.containers, one.reason, packing.size);
                case 'open':
                  return openContainer(stock, { id: `opened-${index}`, size: packing.size, at });
                case 'throw away':
                  return discardOpened(stock, idOf(one.which), later(20), 'waste');
                case 'give': {
                  const { owner, volume, hours, which } = one;
                  const known = parts.get(owner) ?? [];
                  const wanted = {
                    owner,
                    volume,
                    at: later(hours),
                    containerId: which === undefined ? undefined : idOf(which),
                  };
                  const decision = (one.isBeforeCount ? coverUseBeforeCount : coverUse)(stock, known, wanted, packing);
                  parts.set(owner, decision.parts);
                  given.set(owner, volume);
                  return decision;
                }
              }
            } catch (refused) {
              expect(refused).toMatchObject({ code: 'state-conflict' });
              return undefined;
            }
          }
          function idOf(which: number): string {
            return stock.containers[which % Math.max(1, stock.containers.length)]?.id ?? 'none';
          }
        }),
        { numRuns: 200 },
      );
    },
  );

  it('ends the same in whatever order the administrations of an exam are recorded and corrected', () => {
    const doses = fc.array(fc.integer({ min: 0, max: 250_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.nat(8),
        doses,
        doses,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (containers, first, last, order) => {
          // Each administration is told with a first volume and corrected to its last one, in any order of all of them.
          const told = first.map((volume, index) => ({ index, volumes: [volume, last[index] ?? 0] }));
          const pending = told.map((one) => ({ ...one, next: 0 }));
          const current = new Map<number, number>();
          let [stock, parts] = [sealed(containers), [] as Part[]];
          while (pending.length > 0) {
            const [pick] = order.take(1);
            const one = pending[Math.floor(pick! * pending.length * 0.999)]!;
            current.set(one.index, one.volumes[one.next++]!);
            if (one.next === 2) pending.splice(pending.indexOf(one), 1);
            const total = [...current.values()].reduce((sum, volume) => sum + volume, 0);
            ({ stock, parts } = coverUse(stock, parts, use(total), single));
          }
          const end = told.reduce((sum, { volumes }) => sum + volumes[1]!, 0);
          const atOnce = coverUse(sealed(containers), [], use(end), single);
          expect(summary(stock)).toEqual(summary(atOnce.stock));
          expect(unaccountedIn(parts)).toEqual(unaccountedIn(atOnce.parts));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('of multi-dose containers keeps what is there and what is unaccounted for in balance, in whatever order', () => {
    const changes = fc.array(
      fc.record({ owner: fc.constantFrom('a', 'b', 'c'), volume: fc.integer({ min: 0, max: 700_000 }) }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.nat(3), changes, (containers, told) => {
        let stock = sealed(containers);
        const parts = new Map<string, Part[]>();
        for (const { owner, volume } of told) {
          const decision = coverUse(stock, parts.get(owner) ?? [], use(volume, { owner }), multi);
          stock = decision.stock;
          parts.set(owner, decision.parts);
        }
        const given = new Map(told.map(({ owner, volume }) => [owner, volume]));
        const net =
          volumeOf(stock, multi.size) - [...parts.values()].flatMap(unaccountedIn).reduce((sum, one) => sum + one, 0);
        expect(net).toBe(containers * multi.size - [...given.values()].reduce((sum, one) => sum + one, 0));
      }),
      { numRuns: 200 },
    );
  });
});
