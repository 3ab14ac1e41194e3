import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceRequest, Task } from 'fhir/r4.js';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { anOruMessage, aPatient, aServiceRequest, site, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  pacs = await new APacs().start();
  const procedures = site().procedures.map((one) =>
    one.code === 'CTCHESTC'
      ? { ...one, postProcessing: [{ code: 'LUNGVOL', display: 'Lung volumes' }] }
      : { ...one, subspecialty: 'neuro' },
  );
  service = await AResultsService.start({
    procedures,
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 2 },
    },
    remoteReading: [{ organization: 'Night Readers', priorities: ['asap'], readWithinMinutes: 30 }],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await pacs.stop();
});

/** A patient whose exam's images are in the PACS. */
async function aStudy(
  name: string,
  parts: Partial<ServiceRequest> & { procedure?: { code: string; display: string } } = {},
) {
  const uid = `1.2.3.${[...name].map((letter) => letter.charCodeAt(0)).join('')}`;
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, ...parts });
  pacs.studies.set(uid, [`${uid}.1.1`]);
  await service.tell(
    'imaging.schedule.exam-completed.v1',
    anExam(`${uid}.9`, 'completed', patient, [order]),
    patient,
    order,
    anExpectedStudy(uid, patient, [order], [`${uid}.1.1`]),
  );
  const studyId = uuidFrom('ImagingStudy', uid);
  const task = async (id = uuidFrom('Task', 'read', studyId)) => {
    const found = await service.get<Task>(`/fhir/Task/${id}`);
    return found.resourceType === 'Task' ? found : undefined;
  };
  const reading = await until(task, { within: 10_000, what: 'the study to be listed' });
  const put = (from: Task, parts: Partial<Task>) =>
    service.send('PUT', `Task/${from.id}`, { ...from, ...parts }, { 'if-match': `W/"${from.meta!.versionId}"` });
  const report = (status: 'P' | 'F', text = 'Normal.') =>
    service.take(anOruMessage({ mrn: name, placerOrderNumber: name, status, text }));
  return { uid, studyId, patient, reading, task, put, report };
}
const listed = async (query = '') => (await service.get<{ tasks: Task[] }>(`/reading-list${query}`)).tasks;
const [ANNA, BEN] = [{ display: 'Anna' }, { display: 'Ben' }];

describe('The reading list', () => {
  it('has every study whose images are there, STAT first, and can be asked for one kind', async () => {
    const routine = await aStudy('ROUTINE');
    const stat = await aStudy('STAT', { priority: 'stat', procedure: { code: 'CTCHESTC', display: 'CT chest' } });
    const ids = (await listed()).map(({ id }) => id);
    expect(ids.indexOf(stat.reading.id)).toBeLessThan(ids.indexOf(routine.reading.id));
    expect((await listed('?subspecialty=neuro')).map(({ id }) => id)).toEqual([routine.reading.id]);
    expect(await listed('?modality=MR')).toEqual([]);
    const [told] = await service.published('imaging.result.reading-changed.v1', stat.patient.id);
    expect(told!.map(({ resourceType }) => resourceType)).toEqual([
      'Task',
      'ImagingStudy',
      'Patient',
      'ServiceRequest',
    ]);
  });

  it('gives a study to one of two who claim it at once, and to the other when it is released', async () => {
    const { reading, put, task } = await aStudy('CLAIM');
    const answers = await Promise.all([ANNA, BEN].map((owner) => put(reading, { status: 'accepted', owner })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const claimed = (await task())!;
    const [owner, other] = claimed.owner!.display === 'Anna' ? [ANNA, BEN] : [BEN, ANNA];
    expect((await put(claimed, { status: 'accepted', owner: other })).status).toBe(409);
    expect((await listed(`?owner=${owner!.display}`)).map(({ id }) => id)).toEqual([reading.id]);
    const released = (await put(claimed, { status: 'requested', owner: undefined })).body as Task;
    expect((await put(released, { status: 'accepted', owner: other })).status).toBe(200);
  });

  it('keeps what was read for its signature, and is done with it by the final report', async () => {
    const { report, task, reading } = await aStudy('REPORT');
    await report('P');
    expect(await task()).toMatchObject({ status: 'in-progress', businessStatus: { coding: [{ code: 'to-sign' }] } });
    await report('F', 'Normal chest.');
    expect(await task()).toMatchObject({ status: 'completed', output: [{ type: { text: 'report' } }] });
    expect((await listed()).map(({ id }) => id)).not.toContain(reading.id);
  });

  it('gives a study to those who read elsewhere, and takes it back when its time is over', async () => {
    const { reading, task } = await aStudy('REMOTE', { priority: 'asap' });
    expect(reading).toMatchObject({ status: 'requested', owner: { type: 'Organization', display: 'Night Readers' } });
    await service.sql(
      `UPDATE resource SET body = jsonb_set(body, '{restriction,period,end}', '"2026-01-01T00:00:00Z"') WHERE id = $1`,
      [reading.id],
    );
    await service.sql(
      `UPDATE due_task SET due_at = now() - interval '1 second', next_attempt_at = now() WHERE task_id = $1`,
      [reading.id],
    );
    const back = await until(
      async () => {
        const now = await task();
        return now && !now.owner && now;
      },
      { within: 10_000, what: 'the study to come back' },
    );
    expect(back).toMatchObject({ status: 'requested', businessStatus: { coding: [{ code: 'came-back' }] } });
    expect(await service.published('imaging.result.reading-changed.v1', reading.for!.reference!.slice(8))).toHaveLength(
      2,
    );
  });
});

describe('Post-processing', () => {
  const output = (uid: string) => [{ type: { text: 'series' }, valueIdentifier: dicomUidIdentifier(uid) }];
  const businessStatus = (task: Task | undefined) => task?.businessStatus?.coding?.[0]?.code;

  it('of the procedure is asked for, taken on, and done when the PACS has its series', async () => {
    const one = await aStudy('LUNG', { procedure: { code: 'CTCHESTC', display: 'CT chest' } });
    const id = uuidFrom('Task', 'post-processing', one.studyId, 'LUNGVOL');
    const asked = await until(() => one.task(id), { what: 'post-processing to be asked for' });
    expect(asked).toMatchObject({ status: 'requested', reasonCode: { text: 'Lung volumes' } });
    const taken = (await one.put(asked, { status: 'accepted', owner: ANNA })).body as Task;
    expect((await one.put(taken, { status: 'completed' })).status).toBe(400);
    expect((await one.put(taken, { status: 'completed', output: output(`${one.uid}.1`) })).status).toBe(200);
    await until(async () => businessStatus(await one.task(id)) === 'verified', {
      within: 10_000,
      what: 'its series to be seen',
    });
    const told = await service.published('imaging.result.post-processing-changed.v1', one.patient.id);
    expect(told.map(([task]) => `${(task as Task).status} ${businessStatus(task as Task)}`)).toEqual([
      'requested undefined',
      'accepted undefined',
      'completed unverified',
      'completed verified',
    ]);
  });

  it('is asked for by others, each number once, and is missing where the PACS never gets its series', async () => {
    const one = await aStudy('ASKED');
    const request = {
      resourceType: 'Task',
      identifier: [{ system: 'urn:3d', value: 'ASKED' }],
      status: 'requested',
      intent: 'order',
      code: { coding: [{ system: 'urn:collimator:task', code: 'post-processing' }] },
      focus: { reference: `ImagingStudy/${one.studyId}` },
      description: 'Model of the heart',
    };
    const [first, again] = [await service.send('POST', 'Task', request), await service.send('POST', 'Task', request)];
    expect([first.status, again.status]).toEqual([201, 200]);
    expect((await service.send('POST', 'Task', { ...request, description: 'Other' })).status).toBe(409);
    expect((await service.send('POST', 'Task', { ...request, focus: { reference: 'ImagingStudy/none' } })).status).toBe(
      404,
    );
    const task = first.body as Task;
    expect((await one.put(task, { status: 'completed', owner: BEN, output: output('1.9.9') })).status).toBe(200);
    await until(async () => businessStatus(await one.task(task.id)) === 'missing', {
      within: 10_000,
      what: 'its series to be given up',
    });
  });
});
