import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Task } from 'fhir/r4.js';
import { failureOf } from '#testing';
import {
  answerEscalation,
  escalate,
  escalationOf,
  openEscalation,
  settleEscalation,
  withdrawEscalation,
  type EscalationPlan,
} from './escalation.decider.js';

const start = Date.UTC(2026, 2, 2, 10, 0);
const at = (minute: number) => new Date(start + minute * 60_000);
const plan: EscalationPlan = {
  levels: [
    { ask: { display: 'room' }, acknowledgeWithinMinutes: 5 },
    { ask: { display: 'radiologist' }, acknowledgeWithinMinutes: 10 },
  ],
  againEveryMinutes: 2,
};
const matter = { id: 't', code: { text: 'a reaction' }, for: { reference: 'Patient/p' } };
const opened = openEscalation(matter, plan, at(0));
const nurse = { display: 'Nora Nurse' };
const asked = (task: Task | undefined) => [
  task?.restriction?.recipient?.[0]?.display,
  task && (Date.parse(task.restriction!.period!.end!) - start) / 60_000,
];

describe('An escalation', () => {
  it('asks the first level at once, and says until when', () => {
    expect(opened).toMatchObject({ id: 't', status: 'requested', intent: 'order', authoredOn: at(0).toISOString() });
    expect(asked(opened)).toEqual(['room', 5]);
    expect(escalationOf(opened)).toEqual({ level: 1, asked: 1, acknowledgeBy: at(5) });
  });

  it('asks the next level once the time is over, not before, and the last one again and again', () => {
    expect(escalate(opened, plan, at(4.999))).toBeUndefined();
    const second = escalate(opened, plan, at(5))!;
    expect(asked(second)).toEqual(['radiologist', 15]);
    const third = escalate(second, plan, at(15))!;
    expect(asked(third)).toEqual(['radiologist', 17]);
    expect(escalationOf(escalate(third, plan, at(17))!)).toEqual({ level: 2, asked: 4, acknowledgeBy: at(19) });
  });

  it('gives whoever is asked their whole time, however late it is noticed, and passes over nobody', () => {
    expect(asked(escalate(opened, plan, at(500)))).toEqual(['radiologist', 510]);
  });

  it('asks nobody below where it was when the policy has fewer levels now', () => {
    const second = escalate(opened, plan, at(5))!;
    const shorter = { ...plan, levels: plan.levels.slice(0, 1) };
    expect(escalationOf(escalate(second, shorter, at(15))!)).toMatchObject({ level: 2, asked: 3 });
    expect(asked(escalate(second, shorter, at(15)))).toEqual(['room', 17]);
  });

  it('waits for nobody once it is acknowledged', () => {
    const known = answerEscalation(opened, { ...opened, status: 'accepted', owner: nurse }, at(3));
    expect(known).toMatchObject({ status: 'accepted', owner: nurse, executionPeriod: { start: at(3).toISOString() } });
    expect(escalationOf(known)!.acknowledgeBy).toBeUndefined();
    expect(escalate(known, plan, at(900))).toBeUndefined();
  });

  it('is handed over, and ended, and says when by the time of the call', () => {
    const known = answerEscalation(opened, { ...opened, status: 'accepted', owner: nurse }, at(3));
    const doctor = { display: 'Dr. Rad' };
    const handed = answerEscalation(known, { ...known, owner: doctor }, at(4));
    expect(handed).toMatchObject({ status: 'accepted', owner: doctor });
    const claimed = { start: at(-60).toISOString(), end: at(-50).toISOString() };
    const done = answerEscalation(handed, { ...handed, status: 'completed', executionPeriod: claimed }, at(9));
    expect(done.executionPeriod).toEqual({ start: at(3).toISOString(), end: at(9).toISOString() });
    expect(answerEscalation(opened, { ...opened, status: 'completed', owner: nurse }, at(1)).executionPeriod).toEqual({
      start: at(1).toISOString(),
      end: at(1).toISOString(),
    });
  });

  it('ends without a person where there is nothing to see to any more, or it came by another way', () => {
    expect(withdrawEscalation(opened, 'recorded in error', at(1))).toMatchObject({
      status: 'cancelled',
      statusReason: { text: 'recorded in error' },
    });
    const settled = settleEscalation(opened, 'the reaction was recorded', at(1))!;
    expect(settled).toMatchObject({ status: 'completed' });
    expect(settleEscalation(settled, 'again', at(2))).toBeUndefined();
    expect(withdrawEscalation(settled, 'again', at(2))).toBeUndefined();
    expect(escalate(settled, plan, at(900))).toBeUndefined();
  });

  it('is no escalation where nobody was asked', () => {
    expect(escalationOf({ resourceType: 'Task', status: 'requested', intent: 'order' })).toBeUndefined();
    expect(escalate({ resourceType: 'Task', status: 'requested', intent: 'order' }, plan, at(9))).toBeUndefined();
  });
});

const known = answerEscalation(opened, { ...opened, status: 'in-progress', owner: nurse }, at(3));
describe('What a person says', () => {
  it.each<[string, Task, Partial<Task>, string]>([
    ['without saying who', opened, { status: 'accepted' }, 'field-missing Task.owner'],
    ['with an owner that is nobody', opened, { status: 'accepted', owner: {} }, 'field-missing Task.owner'],
    ['nothing of it', opened, { owner: nurse }, 'state-conflict Task.status'],
    ['that it is not to be done', opened, { status: 'cancelled', owner: nurse }, 'state-conflict Task.status'],
    ['that it was never seen', known, { status: 'requested' }, 'state-conflict Task.status'],
    ['that it goes back', known, { status: 'accepted' }, 'state-conflict Task.status'],
    [
      'another deadline',
      opened,
      { status: 'accepted', owner: nurse, restriction: { period: { end: '2030-01-01' } } },
      'field-invalid Task',
    ],
    ['another level', opened, { status: 'accepted', owner: nurse, extension: [] }, 'field-invalid Task'],
    [
      'another patient',
      opened,
      { status: 'accepted', owner: nurse, for: { reference: 'Patient/q' } },
      'field-invalid Task',
    ],
    [
      'when it is over',
      settleEscalation(opened, 'over', at(1))!,
      { status: 'completed', owner: nurse },
      'state-conflict Task.status',
    ],
  ])('%s is refused', (_what, current, stated, refusal) => {
    const failure = failureOf(() => answerEscalation(current, { ...current, ...stated }, at(4)));
    expect(`${failure.code} ${failure.field}`).toBe(refusal);
  });
});

describe('Properties', () => {
  const plans = fc.record({
    levels: fc.array(
      fc
        .integer({ min: 1, max: 60 })
        .map((minutes) => ({ ask: { display: String(minutes) }, acknowledgeWithinMinutes: minutes })),
      { minLength: 1, maxLength: 5 },
    ),
    againEveryMinutes: fc.integer({ min: 1, max: 60 }),
  });
  it('the clock alone never acknowledges, and never goes back a level', () => {
    fc.assert(
      fc.property(
        fc.array(plans, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 30 }),
        (policies, pauses) => {
          let task = openEscalation(matter, policies[0]!, at(0));
          let minute = 0;
          for (const [index, pause] of pauses.entries()) {
            minute += pause;
            const before = escalationOf(task)!;
            const next = escalate(task, policies[index % policies.length]!, at(minute));
            expect(next !== undefined).toBe(before.acknowledgeBy! <= at(minute));
            task = next ?? task;
            const after = escalationOf(task)!;
            expect(task.status).toBe('requested');
            expect(task.owner).toBeUndefined();
            expect(after.level).toBeGreaterThanOrEqual(before.level);
            expect(after.level - before.level).toBeLessThanOrEqual(1);
            expect(after.asked - before.asked).toBe(next ? 1 : 0);
            expect(after.acknowledgeBy!.getTime()).toBeGreaterThan(at(minute).getTime());
          }
        },
      ),
    );
  });
});
