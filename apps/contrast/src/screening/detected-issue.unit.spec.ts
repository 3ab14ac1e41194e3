import { describe, expect, it } from '@jest/globals';
import type { DetectedIssue, Task } from 'fhir/r4.js';
import { contrastScreeningIdOf, extensions } from '#fhir';
import { given } from '#testing';
import { now, planOf, policy, recordOf, type DecisionRow } from './a-screening.spec.js';
import { issuesOf, preparationTasks, ruleIssueIdOf, standingOf, withdrawnIssues } from './detected-issue.js';
import { factsOfPatient } from './facts-of-patient.js';
import { overrideIssue } from './override.decider.js';
import { plannedContrast } from './planned-contrast.js';
import { recordPreparation } from './preparation-done.decider.js';
import { decideScreening } from './screening.decider.js';

const orderId = 'order';
const HOUR = 60 * 60 * 1000;
const later = new Date(now.getTime() + HOUR);

/** Screens again and again as the desk does, by what stood before. */
class Exam {
  issues: DetectedIssue[] = [];
  tasks: Task[] = [];
  screen(
    row: Partial<DecisionRow>,
    { at = now, hours = undefined as number | undefined, hasBegun = false } = {},
  ): DetectedIssue[] {
    const booked = hours === undefined ? undefined : new Date(now.getTime() + hours * HOUR);
    const plan = planOf(row);
    const facts = factsOfPatient(recordOf(row), policy, booked ?? at);
    const standing = standingOf(orderId, this.issues, this.tasks);
    const screening = decideScreening(
      { planned: plannedContrast(plan, policy), time: { booked, isUrgent: false, hasBegun }, facts, standing },
      policy,
      at,
    );
    const about = { plan, orderId, booked, policy };
    const changed = issuesOf(screening, about, this.issues, at);
    const tasks = preparationTasks(screening.preparation?.steps ?? [], about, this.tasks);
    this.issues = [...this.issues.filter(({ id }) => !changed.some((one) => one.id === id)), ...changed];
    this.tasks = [...this.tasks.filter(({ id }) => !tasks.some((one) => one.id === id)), ...tasks];
    return changed;
  }
  of(rule: string): DetectedIssue {
    return this.issues.find(({ id }) => id === ruleIssueIdOf(orderId, rule))!;
  }
  get exam(): DetectedIssue {
    return this.issues.find(({ id }) => id === contrastScreeningIdOf(orderId))!;
  }
}
const renal = 'iodinated-renal-intravenous';
const stale = { states: 'kidney-disease=yes', observations: 'egfr=60@100' };
const by = { author: { display: 'Dr. Duty' }, action: { text: 'cannot wait' }, date: now.toISOString() };

describe('the issues of a screening', () => {
  it('say the outcome, and of each rule that asks for something why, by which source, and from what', () => {
    const exam = new Exam();
    exam.screen(stale);
    expect(exam.exam.code?.coding?.[0]?.code).toBe('needs-decision');
    expect(exam.issues).toHaveLength(2);
    expect(exam.of(renal)).toMatchObject({
      severity: 'moderate',
      status: 'final',
      identifiedDateTime: now.toISOString(),
      implicated: [{ reference: 'ServiceRequest/order' }, { reference: 'MedicationRequest/plan' }],
      detail: expect.stringMatching(/^needs-decision: there is no eGFR to go by \(too old\)\. Source: ACR Manual/),
      reference: 'urn:collimator:contrast-policy:example-1',
    });
    expect(exam.of(renal).evidence).toContainEqual({
      code: [{ text: 'eGFR: 60 mL/min/1.73 m² (reported) (2025-11-22T10:00:00.000Z)' }],
      detail: [{ reference: 'Observation/egfr-60-100' }],
    });
  });
  it('say of one that may proceed which rules were applied', () => {
    const exam = new Exam();
    exam.screen({});
    expect(exam.issues).toHaveLength(1);
    expect(exam.exam.severity).toBeUndefined();
    expect(exam.exam.evidence!.length).toBeGreaterThan(8);
  });
  it('are the same when nothing changed, whenever it is said', () => {
    const exam = new Exam();
    exam.screen(stale, { hours: 20 });
    expect(exam.screen(stale, { at: later, hours: 20 })).toEqual([]);
    const preparing = new Exam();
    preparing.screen({ allergies: 'iohexol:mild' });
    expect(preparing.screen({ allergies: 'iohexol:mild' }, { at: later })).toEqual([]);
  });
  it('are cancelled when their rule asks for nothing any more, and final again when it does', () => {
    const exam = new Exam();
    exam.screen(stale);
    const changed = exam.screen({ ...stale, observations: 'egfr=60@1' });
    expect(changed.map(({ status }) => status)).toEqual(['final', 'cancelled']);
    expect(exam.exam.code?.coding?.[0]?.code).toBe('proceed');
    exam.screen(stale);
    expect(exam.of(renal).status).toBe('final');
    expect(withdrawnIssues(exam.issues).every(({ status }) => status === 'cancelled')).toBe(true);
  });
});

describe('a physician’s override', () => {
  const decided = (row: Partial<DecisionRow> = stale, rule = renal) => {
    const exam = new Exam();
    exam.screen(row);
    const issue = exam.of(rule);
    exam.issues = exam.issues.map((one) =>
      one === issue ? overrideIssue(one, { ...one, mitigation: [by] }, policy, now) : one,
    );
    return exam;
  };
  it('lets the exam proceed, keeps what the rule found, and stands when nothing changed', () => {
    const exam = decided();
    exam.screen(stale, { at: later });
    expect(exam.exam.code?.coding?.[0]?.code).toBe('proceed');
    expect(exam.of(renal)).toMatchObject({ severity: 'moderate', mitigation: [by] });
    expect(exam.screen(stale, { at: later })).toEqual([]);
  });
  it('lapses when an input of the rule changes', () => {
    const exam = decided();
    exam.screen({ ...stale, observations: 'egfr=25@99' });
    expect(exam.of(renal).mitigation).toBeUndefined();
    expect(exam.exam.code?.coding?.[0]?.code).toBe('needs-decision');
  });
  it('lapses for good: the same inputs again are decided anew', () => {
    const exam = decided();
    exam.screen({ ...stale, observations: 'egfr=60@1' });
    exam.screen(stale);
    expect(exam.of(renal).mitigation).toBeUndefined();
  });
  it('of a preparation takes its tasks away', () => {
    const row = { allergies: 'iohexol:mild' };
    const exam = decided(row, 'iodinated-reaction');
    expect(exam.tasks.map(({ status }) => status)).toEqual(['requested', 'requested', 'requested']);
    exam.screen(row);
    expect(exam.tasks.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    expect(exam.exam.extension).toBeUndefined();
  });

  const issueOf = (row: Partial<DecisionRow>, rule: string) => {
    const exam = new Exam();
    exam.screen(row);
    return rule === 'exam' ? exam.exam : exam.of(rule);
  };
  const current = issueOf(stale, renal);
  it.each<[string, DetectedIssue, Partial<DetectedIssue>, string]>([
    ['without a reason', current, { mitigation: [{ ...by, action: {} }] }, 'field-missing'],
    ['with a blank reason', current, { mitigation: [{ ...by, action: { text: ' ' } }] }, 'field-missing'],
    ['without who', current, { mitigation: [{ ...by, author: {} }] }, 'field-missing'],
    ['without when', current, { mitigation: [{ ...by, date: undefined }] }, 'field-missing'],
    ['from the future', current, { mitigation: [{ ...by, date: later.toISOString() }] }, 'field-invalid'],
    ['that changes what was found', current, { mitigation: [by], severity: 'low' }, 'field-invalid'],
    ['of the exam as a whole', issueOf(stale, 'exam'), { mitigation: [by] }, 'state-conflict'],
    ['of what is over', { ...current, status: 'cancelled' }, { mitigation: [by] }, 'state-conflict'],
  ])('is refused %s', (_, issue, change, code) => {
    given(issue)
      .when((one) => overrideIssue(one, { ...one, ...change }, policy, now))
      .thenFails(code);
  });
  it('is refused of an outcome that the site lets nobody override', () => {
    const stop = issueOf({ states: 'thyroid=yes' }, 'thyroid');
    given(stop)
      .when((one) => overrideIssue(one, { ...one, mitigation: [by] }, { mayOverride: ['needs-decision'] }, now))
      .thenFails('state-conflict');
  });
  it('is taken back by leaving it out', () => {
    given({ ...current, mitigation: [by] })
      .when((one) => overrideIssue(one, { ...one, mitigation: undefined }, policy, now))
      .thenExactly(current);
  });
});

describe('a preparation', () => {
  const row = { allergies: 'iohexol:mild' };
  const periods = ({ tasks }: Exam) => tasks.map(({ restriction }) => restriction?.period?.start);
  const valueOf = ({ extension = [] }: DetectedIssue, url: string) =>
    extension.find((one) => one.url === url)?.valueDateTime;
  it('becomes tasks with times once the exam is booked, and follows it', () => {
    const exam = new Exam();
    exam.screen(row);
    expect(periods(exam)).toEqual([undefined, undefined, undefined]);
    expect(valueOf(exam.exam, extensions.readyFrom)).toBe('2026-03-02T23:00:00.000Z');
    exam.screen(row, { at: later, hours: 24 });
    expect(periods(exam)[0]).toBe('2026-03-02T21:00:00.000Z');
    exam.screen(row, { at: later, hours: 48 });
    expect(periods(exam)[0]).toBe('2026-03-03T21:00:00.000Z');
    expect(exam.tasks[0]!.description).toBe('prednisone 50 mg by mouth (13 h before the exam)');
  });
  it('keeps the time from which on the exam can be, however often it is screened', () => {
    const exam = new Exam();
    exam.screen(row);
    exam.screen(row, { at: later });
    expect(valueOf(exam.exam, extensions.readyFrom)).toBe('2026-03-02T23:00:00.000Z');
  });
  it('that does not fit needs a decision until the exam is moved', () => {
    const exam = new Exam();
    exam.screen(row, { hours: 2 });
    expect(exam.exam.code?.coding?.[0]?.code).toBe('needs-decision');
    expect(exam.of('lead-time').status).toBe('final');
    exam.screen(row, { at: later, hours: 13 });
    expect(exam.exam.code?.coding?.[0]?.code).toBe('proceed-with-preparation');
    expect(exam.of('lead-time').status).toBe('cancelled');
  });
  it('that is not recorded as done needs a decision when the exam begins', () => {
    const exam = new Exam();
    exam.screen(row, { hours: 24 });
    exam.screen(row, { hours: 24, hasBegun: true });
    expect(exam.exam.code?.coding?.[0]?.code).toBe('needs-decision');
    exam.tasks = exam.tasks.map((one) => recordPreparation(one, { ...one, status: 'completed' }));
    exam.screen(row, { hours: 24, hasBegun: true });
    expect(exam.exam.code?.coding?.[0]?.code).toBe('proceed-with-preparation');
  });
  it('that was done stays done when the exam is moved', () => {
    const exam = new Exam();
    exam.screen(row, { hours: 24 });
    const [first] = exam.tasks;
    exam.tasks = exam.tasks.map((one) => (one === first ? { ...one, status: 'completed' } : one));
    exam.screen(row, { hours: 48 });
    expect(exam.tasks.find(({ id }) => id === first!.id)).toMatchObject({
      status: 'completed',
      restriction: first!.restriction,
    });
  });
  it('is recorded only as what it is', () => {
    const exam = new Exam();
    exam.screen(row);
    const [task] = exam.tasks as [Task];
    given(task)
      .when((one) => recordPreparation(one, { ...one, status: 'failed', note: [{ text: 'refused' }] }))
      .then({ status: 'failed' });
    given(task)
      .when((one) => recordPreparation(one, { ...one, status: 'cancelled' }))
      .thenFails('state-conflict');
    given(task)
      .when((one) => recordPreparation(one, { ...one, description: 'tea' }))
      .thenFails('field-invalid');
    given({ ...task, status: 'cancelled' as const })
      .when((one) => recordPreparation(one, { ...one, status: 'completed' }))
      .thenFails('state-conflict');
  });
});
