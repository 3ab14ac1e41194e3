import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, DiagnosticReport, Task } from 'fhir/r4.js';
import { anOruMessage, aPatient, aServiceRequest, until } from '#testing';
import { AResultsService } from '../a-results-service.spec.js';

let service: AResultsService;
beforeAll(async () => {
  service = await AResultsService.start({
    criticalResults: [
      {
        category: 'ACR-1',
        display: 'Within minutes',
        flags: ['AA'],
        codes: [{ system: 'http://radlex.org', code: 'RID49480' }],
        levels: [
          { ask: 'orderer', acknowledgeWithinMinutes: 60 },
          { ask: 'Physician on duty', acknowledgeWithinMinutes: 15 },
        ],
      },
    ],
  });
}, 60_000);
afterAll(() => service?.stop());

const CRITICAL = 'imaging.result.critical-result.v1';
/** A patient whose report is flagged, or not. */
async function aCase(name: string) {
  const patient = aPatient({ mrn: name });
  const requester = { display: 'Rita Referrer' };
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, requester });
  await service.tell('imaging.order.placed.v1', order, patient);
  await service.handled(patient);
  const report = async (flag: '' | 'AA', text = 'Pneumothorax.', status: 'P' | 'F' | 'C' = 'F') => {
    const message = anOruMessage({ mrn: name, placerOrderNumber: name, text, status }).toString();
    const flagged = message.replace(`||${text}||||||${status}`, `||${text}|||${flag}|||${status}`);
    expect((await service.take(Buffer.from(flagged)))[1]).toMatch(/^MSA\|AA\|/);
  };
  const tasks = async (query = '') => {
    const { entry = [] } = await service.get<Bundle<Task>>(`/fhir/Task?patient=${patient.id}${query}`);
    return entry.map(({ resource }) => resource!);
  };
  const answer = async (task: Task, parts: Partial<Task>) =>
    service.send('PUT', `Task/${task.id}`, { ...task, ...parts }, { 'if-match': `W/"${task.meta!.versionId}"` });
  const told = async () => (await service.published(CRITICAL, patient.id)).map(([task]) => (task as Task).status);
  return { patient, report, tasks, answer, told };
}
/** As if the deadline of a Task had been a second ago. */
async function passDeadline({ id }: Task) {
  await service.sql(
    `UPDATE resource SET body = jsonb_set(body, '{restriction,period,end}', to_jsonb(to_char((now() - interval '1 second') AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) WHERE id = $1`,
    [id],
  );
  await service.sql(
    `UPDATE due_task SET due_at = now() - interval '1 second', next_attempt_at = now() WHERE task_id = $1`,
    [id],
  );
}

describe('A critical result', () => {
  it('is asked of the orderer with a deadline, once, and acknowledged at the version that was read', async () => {
    const one = await aCase('ONCE');
    await one.report('AA', 'Pneumothorax.', 'P');
    await one.report('AA', 'Large pneumothorax.', 'F');
    const [task, ...others] = await one.tasks('&status=requested&code=critical-result');
    expect(others).toEqual([]);
    expect(task).toMatchObject({ priority: 'stat', restriction: { recipient: [{ display: 'Rita Referrer' }] } });
    const { start, end } = task!.restriction!.period!;
    expect(Date.parse(end!) - Date.parse(start!)).toBe(3_600_000);
    const [resources] = await service.published(CRITICAL, one.patient.id);
    expect(resources!.map(({ resourceType }) => resourceType)).toEqual([
      'Task',
      'DiagnosticReport',
      'Patient',
      'ServiceRequest',
    ]);
    const owner = { display: 'Rita Referrer' };
    expect((await service.send('PUT', `Task/${task!.id}`, { ...task, status: 'accepted', owner })).status).toBe(412);
    const { status, body } = await one.answer(task!, { status: 'accepted', owner });
    expect([status, (body as Task).executionPeriod?.start]).toEqual([200, expect.any(String)]);
    expect((await one.answer(task!, { status: 'accepted', owner: { display: 'Other' } })).status).toBe(412);
    expect((await one.answer(body as Task, { status: 'completed' })).status).toBe(200);
    expect(await one.told()).toEqual(['requested', 'accepted', 'completed']);
    expect(await service.sql('SELECT FROM due_task WHERE task_id = $1', [task!.id])).toEqual([]);
  });

  it('that nobody acknowledges is asked of the next one, also after a restart', async () => {
    const one = await aCase('NOBODY');
    await one.report('AA');
    const [task] = await one.tasks();
    await service.restart();
    await passDeadline(task!);
    const asked = await until(
      async () => {
        const [now] = await one.tasks();
        return now!.restriction!.recipient![0]!.display === 'Physician on duty' && now;
      },
      { within: 10_000, what: 'the next one to be asked' },
    );
    expect(asked).toMatchObject({ status: 'requested' });
    const told = await service.published('imaging.result.escalated.v1', one.patient.id);
    expect(told.map((resources) => resources.map(({ resourceType }) => resourceType))).toEqual([
      ['Task', 'DiagnosticReport', 'Patient', 'ServiceRequest'],
    ]);
  });

  it('that a correction takes back is withdrawn; whoever has heard of it is asked to hear that', async () => {
    const [unheard, heard] = [await aCase('UNHEARD'), await aCase('HEARD')];
    for (const one of [unheard, heard]) await one.report('AA');
    const owner = { display: 'Rita Referrer' };
    const [task] = await heard.tasks();
    await heard.answer(task!, { status: 'completed', owner });
    for (const one of [unheard, heard]) await one.report('', 'No pneumothorax.', 'C');
    expect(await unheard.tasks()).toMatchObject([{ status: 'cancelled' }]);
    expect(await unheard.told()).toEqual(['requested', 'cancelled']);
    expect(await heard.tasks('&code=critical-result-withdrawn')).toMatchObject([
      { status: 'requested', restriction: { recipient: [owner] }, partOf: [{ reference: `Task/${task!.id}` }] },
    ]);
    // Stated again, it is another one.
    await heard.report('AA', 'Pneumothorax after all.', 'C');
    expect((await heard.tasks('&code=critical-result')).map(({ status }) => status).sort()).toEqual([
      'completed',
      'requested',
    ]);
  });

  it('may be a category by FHIR', async () => {
    const one = await aCase('CATEGORY');
    const report: DiagnosticReport = {
      resourceType: 'DiagnosticReport',
      extension: [
        {
          url: 'urn:collimator:extension:actionable-category',
          valueCodeableConcept: { coding: [{ system: 'http://radlex.org', code: 'RID49480' }] },
        },
      ],
      identifier: [{ system: 'urn:reports', value: 'CATEGORY' }],
      status: 'final',
      code: { text: 'CT' },
      subject: { reference: `Patient/${one.patient.id}` },
    };
    expect((await service.send('POST', 'DiagnosticReport', report)).status).toBe(201);
    expect(await one.tasks()).toMatchObject([{ status: 'requested', reasonCode: { text: 'Within minutes' } }]);
  });
});
