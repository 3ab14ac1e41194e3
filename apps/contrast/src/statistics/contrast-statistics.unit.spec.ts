import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { contrastStatistics, NOT_KNOWN, type Given, type Reacted, type Wasted } from './contrast-statistics.js';

let made = 0;
const given = (changes: Partial<Given> = {}): Given => ({
  administrationId: `a${++made}`,
  examId: `e${made}`,
  procedure: 'CT chest',
  agent: 'iopromide',
  lotNumber: 'L1',
  volumeMl: 80,
  ...changes,
});
const reaction = (to: Given, changes: Partial<Reacted> = {}): Reacted => ({
  kind: 'allergic-like',
  severity: 'mild',
  administrationId: to.administrationId,
  examId: to.examId,
  ...changes,
});
const waste = (changes: Partial<Wasted> = {}): Wasted => ({
  agent: 'iopromide',
  lotNumber: 'L1',
  room: 'CT room 1',
  reason: 'left over',
  volumeMl: 20,
  ...changes,
});

describe('Reaction rates', () => {
  it('are of administrations, by agent and by lot', () => {
    const [first, ...others] = [
      given(),
      given(),
      given({ lotNumber: 'L2' }),
      given({ agent: 'gadobutrol', lotNumber: 'G1' }),
    ];
    const { byAgent, byLot } = contrastStatistics([first!, ...others], [reaction(first!)], []);
    expect(byAgent.map(({ agent, reactions: { count, of } }) => [agent, count, of])).toEqual([
      ['gadobutrol', 0, 1],
      ['iopromide', 1, 3],
    ]);
    expect(byLot.map(({ agent, lotNumber, reactions: { count, of } }) => [agent, lotNumber, count, of])).toEqual([
      ['gadobutrol', 'G1', 0, 1],
      ['iopromide', 'L1', 1, 2],
      ['iopromide', 'L2', 0, 1],
    ]);
  });

  it('count an administration once, with the worse of its reactions', () => {
    const one = given();
    const [ofAgent] = contrastStatistics(
      [one],
      [reaction(one), reaction(one, { severity: 'severe' }), reaction(one, { severity: 'moderate' })],
      [],
    ).byAgent;
    expect(ofAgent).toMatchObject({
      reactions: { count: 1, of: 1 },
      bySeverity: { mild: 0, moderate: 0, severe: 1 },
    });
  });

  it('have extravasations apart', () => {
    const one = given();
    const [ofAgent] = contrastStatistics([one, given()], [reaction(one, { kind: 'extravasation' })], []).byAgent;
    expect(ofAgent).toMatchObject({ reactions: { count: 0, of: 2 }, extravasations: { count: 1, of: 2 } });
  });

  it('take a reaction to an exam as one to its only lot', () => {
    const [test, main] = [given({ examId: 'x' }), given({ examId: 'x' })];
    const toExam = reaction(test, { administrationId: undefined });
    const [ofAgent] = contrastStatistics([test, main], [toExam], []).byAgent;
    expect(ofAgent!.reactions).toMatchObject({ count: 1, of: 2 });
  });

  it('guess nothing: a reaction to one of several lots, or to nothing known here, is listed', () => {
    const [one, another] = [given({ examId: 'x' }), given({ examId: 'x', lotNumber: 'L2' })];
    const { byAgent, unattributed } = contrastStatistics(
      [one, another],
      [
        reaction(one, { administrationId: undefined }),
        reaction(one, { administrationId: 'elsewhere' }),
        reaction(one, { administrationId: undefined, examId: undefined, severity: 'severe' }),
      ],
      [],
    );
    expect(byAgent[0]!.reactions.count).toBe(0);
    expect(unattributed).toEqual([
      { kind: 'allergic-like', severity: 'mild', count: 2 },
      { kind: 'allergic-like', severity: 'severe', count: 1 },
    ]);
  });
});

describe('Doses', () => {
  it('are of exams, with all that was given in each', () => {
    const all = [
      given({ examId: 'x', volumeMl: 20 }),
      given({ examId: 'x', volumeMl: 80 }),
      given({ volumeMl: 60 }),
      given({ volumeMl: 70 }),
    ];
    const { byProcedure } = contrastStatistics(all, [], []);
    expect(byProcedure).toEqual([
      { procedure: 'CT chest', agent: 'iopromide', dose: { exams: 3, total: 230, least: 60, median: 70, most: 100 } },
    ]);
  });

  it('leave out what is not known, and say so of what it was', () => {
    const { byAgent, byProcedure } = contrastStatistics(
      [given({ volumeMl: 0, agent: undefined, procedure: undefined })],
      [],
      [],
    );
    expect(byAgent).toMatchObject([{ agent: NOT_KNOWN, administrations: 1, dose: undefined, wastedShare: undefined }]);
    expect(byProcedure).toEqual([]);
  });
});

describe('Waste', () => {
  it('is summed by agent, room and reason, and set beside what was given', () => {
    const { waste: wasted, byAgent } = contrastStatistics(
      [given()],
      [],
      [
        waste(),
        waste({ volumeMl: 0.1 }),
        waste({ volumeMl: 0.2 }),
        waste({ reason: 'expired' }),
        waste({ agent: 'gadobutrol' }),
      ],
    );
    expect(wasted).toEqual([
      { agent: 'gadobutrol', room: 'CT room 1', reason: 'left over', volumeMl: 20 },
      { agent: 'iopromide', room: 'CT room 1', reason: 'expired', volumeMl: 20 },
      { agent: 'iopromide', room: 'CT room 1', reason: 'left over', volumeMl: 20.3 },
    ]);
    expect(byAgent).toMatchObject([
      { agent: 'gadobutrol', wastedMl: 20, wastedShare: 1, administrations: 0 },
      { agent: 'iopromide', wastedMl: 40.3, wastedShare: 0.335 },
    ]);
  });
});

describe('Properties', () => {
  const facts = fc.array(
    fc.record({
      agent: fc.constantFrom('iopromide', 'gadobutrol', undefined),
      lotNumber: fc.constantFrom('L1', 'L2'),
      examId: fc.constantFrom('x', 'y', 'z'),
      volumeMl: fc.integer({ min: 0, max: 200 }),
      reacts: fc.constantFrom('no', 'named', 'of the exam'),
    }),
    { maxLength: 30 },
  );
  it('every administration and every reaction is counted or listed, in the lots as in their agents, in any order', () => {
    fc.assert(
      fc.property(facts, (rows) => {
        const all = rows.map(({ reacts: _, ...row }) => given(row));
        const reactions = rows.flatMap(({ reacts }, index) =>
          reacts === 'no' ? [] : [reaction(all[index]!, reacts === 'named' ? {} : { administrationId: undefined })],
        );
        const found = contrastStatistics(all, reactions, []);
        const sum = (counts: number[]) => counts.reduce((total, one) => total + one, 0);
        expect(sum(found.byAgent.map(({ administrations }) => administrations))).toBe(all.length);
        expect(sum(found.byLot.map(({ administrations }) => administrations))).toBe(all.length);
        const counted = sum(found.byAgent.map(({ reactions: { count } }) => count));
        expect(sum(found.byLot.map(({ reactions: { count } }) => count))).toBe(counted);
        expect(counted + sum(found.unattributed.map(({ count }) => count))).toBeLessThanOrEqual(reactions.length);
        if (reactions.length > 0) expect(counted + found.unattributed.length).toBeGreaterThan(0);
        const { byAgent, byProcedure } = contrastStatistics([...all].reverse(), [...reactions].reverse(), []);
        expect({ byAgent, byProcedure }).toEqual({ byAgent: found.byAgent, byProcedure: found.byProcedure });
      }),
    );
  });
});
