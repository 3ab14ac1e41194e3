import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Observation, OperationOutcome, Task } from 'fhir/r4.js';
import { escalationOf } from '#tasks';
import { anAllergy, until } from '#testing';
import { AContrastService } from '../a-contrast-service.spec.js';
import { AnExamWithContrast, ms, policyFile } from '../after-contrast.spec.js';
import { HANDED_OVER } from './observation.decider.js';

const OVER_AFTER = 1500;
let service: AContrastService;
beforeAll(async () => {
  const policy = policyFile(({ observation, escalation }) => {
    const [everybody, afterReaction] = observation!.rows;
    everybody!.forMinutes = ms(OVER_AFTER);
    afterReaction!.vitalSigns = { atMinutes: [0, 30], withinMinutes: ms(1500), measure: ['heart-rate'] };
    for (const level of escalation!['observation-overdue']!.levels) level.acknowledgeWithinMinutes = ms(600);
    escalation!['observation-overdue']!.againEveryMinutes = 60;
  });
  service = await AContrastService.start(policy);
}, 60_000);
afterAll(() => service?.stop());

const nurse = { display: 'Nora Nurse' };
const isStatus = (status: Task['status']) => (task: Task) => task.status === status;
const isLevel = (level: number) => (task: Task) => escalationOf(task)?.level === level;

describe('An observation after contrast', () => {
  it('runs from when contrast was given, and ends by a person only', async () => {
    const exam = await AnExamWithContrast.given(service, 'WATCHED');
    const task = await exam.task('contrast-observation');
    const given = Date.parse(exam.administration.effectiveDateTime!);
    expect(task).toMatchObject({
      status: 'in-progress',
      owner: { display: 'Technologist on duty' },
      focus: { reference: `MedicationAdministration/${exam.administration.id}` },
      restriction: {
        period: { start: new Date(given).toISOString(), end: new Date(given + OVER_AFTER).toISOString() },
      },
    });
    const overdue = await exam.task('overdue');
    expect(Date.parse(overdue.authoredOn!)).toBeGreaterThanOrEqual(given + OVER_AFTER);
    expect(overdue.restriction!.recipient).toEqual([{ display: 'Technologist in the room' }]);
    await exam.task('overdue', isLevel(2), 'the nurse in charge to be asked');
    await exam.task('overdue', isLevel(3), 'the radiologist to be asked');
    const [watching] = await exam.tasks('contrast-observation');
    expect(watching!.status).toBe('in-progress');
    const told = await exam.told('imaging.contrast.escalated.v1');
    expect(told.map(([one]) => escalationOf(one as Task)!.level)).toEqual([1, 2, 3]);
    expect(told[2]!.map(({ resourceType }) => resourceType).sort()).toEqual(['Patient', 'ServiceRequest', 'Task']);

    expect((await exam.answer(watching!, { status: 'completed', owner: nurse })).status).toBe(200);
    expect(await exam.task('overdue', isStatus('completed'))).toMatchObject({
      statusReason: { text: 'the patient was released' },
    });
    expect(await service.sql('SELECT 1 FROM due_task')).toEqual([]);
  }, 30_000);

  it('outlives a restart in the middle of its timer, and comes due once, at its time', async () => {
    const exam = await AnExamWithContrast.given(service, 'RESTARTED');
    await exam.task('contrast-observation');
    await service.restart();
    const overdue = await exam.task('overdue');
    const given = Date.parse(exam.administration.effectiveDateTime!);
    expect(Date.parse(overdue.authoredOn!)).toBeGreaterThanOrEqual(given + OVER_AFTER);
    await exam.task('overdue', isLevel(2));
    expect(await exam.tasks('overdue')).toHaveLength(1);
    const first = (await exam.told('imaging.contrast.escalated.v1')).filter(([one]) => isLevel(1)(one as Task));
    expect(first).toHaveLength(1);
  }, 30_000);

  it('is handed over, which is kept with who and when, and released early only with a reason', async () => {
    const exam = await AnExamWithContrast.given(service, 'HANDED', { secondsAgo: -60 });
    const task = await exam.task('contrast-observation');
    expect((await service.send('PUT', `Task/${task.id}`, { ...task, owner: nurse })).status).toBe(412);
    const handed = (await exam.answer(task, { owner: nurse })).body as Task;
    const [from, to, at] = handed.extension!.find(({ url }) => url === HANDED_OVER)!.extension!;
    expect([from!.valueReference, to!.valueReference]).toEqual([{ display: 'Technologist on duty' }, nurse]);
    expect(Math.abs(Date.parse(at!.valueDateTime!) - Date.now())).toBeLessThan(10_000);
    const refused = await exam.answer(handed, { status: 'completed' });
    expect((refused.body as OperationOutcome).issue[0]!.expression).toEqual(['Task.note']);
    const released = await exam.answer(handed, {
      status: 'completed',
      note: [{ text: 'goes to the ward, watched there' }],
    });
    expect(released.status).toBe(200);
    expect((await exam.answer(released.body as Task, { status: 'completed' })).status).toBe(409);
  });

  it('is longer after a reaction of before, with vital signs that are asked for when they do not come', async () => {
    const clinical = (
      patient: Parameters<typeof anAllergy>[1] extends { patient?: infer P } | undefined ? P : never,
    ) => [anAllergy('Omnipaque', { patient })];
    const exam = await AnExamWithContrast.given(service, 'ATRISK', { clinical: clinical as never });
    const task = await exam.task('contrast-observation');
    expect(task.description).toBe('60 min by the policy (after-a-reaction)');
    const overdue = await exam.task('overdue');
    expect(overdue.description).toBe('vital signs after 0 min: heart rate');
    expect((await exam.measure('9999-9')).status).toBe(422);
    const { status, body } = await exam.measure('8867-4');
    expect(status).toBe(201);
    expect(
      (await exam.measure('8867-4', '8867-4', { effectiveDateTime: (body as Observation).effectiveDateTime })).status,
    ).toBe(200);
    expect((await exam.measure('8867-4', '8867-4', { valueQuantity: { value: 90, unit: '/min' } })).status).toBe(409);
    expect(await exam.task('overdue', isStatus('completed'))).toMatchObject({ statusReason: { text: 'it was done' } });
    const [watching] = await exam.tasks('contrast-observation');
    expect(watching!.output).toEqual([
      { type: (body as Observation).code, valueReference: { reference: `Observation/${(body as Observation).id}` } },
    ]);
    const other = await AnExamWithContrast.given(service, 'OTHER', { secondsAgo: -60 });
    expect((await other.measure('8867-4', 'x', { subject: { reference: `Patient/${exam.patient.id}` } })).status).toBe(
      409,
    );
  }, 30_000);

  it('is cancelled where contrast was not given after all, and asks nobody any more', async () => {
    const exam = await AnExamWithContrast.given(service, 'ERROR');
    await exam.task('overdue');
    const { administration } = exam;
    const put = await service.send(
      'PUT',
      `MedicationAdministration/${administration.id}`,
      { ...administration, status: 'entered-in-error' },
      { 'if-match': 'W/"1"' },
    );
    expect(put.status).toBe(200);
    await exam.task('contrast-observation', isStatus('cancelled'));
    await exam.task('overdue', isStatus('cancelled'));
    expect(
      await service.sql('SELECT 1 FROM due_task WHERE task_id = ANY($1)', [
        (await exam.tasks('overdue')).map(({ id }) => id),
      ]),
    ).toEqual([]);
  });

  it('is not begun for contrast of long ago', async () => {
    const exam = await AnExamWithContrast.given(service, 'LATE', { secondsAgo: 13 * 3600 });
    expect(await exam.tasks('contrast-observation')).toEqual([]);
    await until(async () => (await exam.told('imaging.contrast.administered.v1')).length === 1, {
      what: 'it to be told',
    });
  });
});
