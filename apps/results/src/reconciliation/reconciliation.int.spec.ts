import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import { DateTime } from 'luxon';
import { anOruMessage, aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { APacs } from '../a-pacs.spec.js';
import { aDoseReport, ctTotals } from '../dose/a-dose-report.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

interface Shown {
  number: number;
  kind: string;
  state: string;
  repairs: string[];
  repair: string | null;
  settledName: string | null;
  subject: { studyInstanceUid?: string; type?: string; id?: string };
  patientId: string | null;
}
interface Run {
  id: string;
  state: string;
  askedBy: string;
  failures: { peer: string; code: string }[];
}

const pacs = new APacs();
const emr = new SandboxEmr();
const today = DateTime.now().setZone('Europe/Berlin');
let service: AResultsService;
beforeAll(async () => {
  await Promise.all([pacs.start(), emr.start()]);
  service = await AResultsService.start({
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      timeoutSeconds: 2,
      lookup: { firstAfterSeconds: 0, everySeconds: 0.1, giveUpAfterSeconds: 20 },
    },
    destinations: [{ name: 'emr', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 2 }],
    reconciliation: { at: '00:00', days: 1 },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([pacs.stop(), emr.stop()]);
});
afterEach(() => pacs.faults.clear());

const post = async (path: string, body: object) => {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as never };
};
const runs = async () => (await service.get<{ reconciliations: Run[] }>('/reconciliations')).reconciliations;
/** Compares today, and waits for what it comes to. */
async function compare(): Promise<Run> {
  const day = today.toISODate();
  const { status, body } = await post('/reconciliations', { from: day, to: day });
  expect([status, body]).toMatchObject([201, { state: 'waiting', askedBy: 'anonymous-local' }]);
  return finished((body as Run).id);
}
const finished = (id: string) =>
  until(
    async () => {
      const run = await service.get<Run>(`/reconciliations/${id}`);
      return run.state !== 'waiting' && run;
    },
    { within: 20_000, what: 'the comparison' },
  );
const differences = async ({ id }: Run) =>
  (await service.get<{ differences: Shown[] }>(`/reconciliations/${id}/differences`)).differences;
const repair = (run: Run, { number }: Shown, body: object = { name: 'Anna Archivist' }) =>
  post(`/reconciliations/${run.id}/differences/${number}/repair`, body);

/** A study that was found in the PACS and told to the EMR. */
async function aCase(name: string) {
  const patient = aPatient({ mrn: name, name: [{ family: 'ZZCANARY' }] });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient, status: 'completed' });
  const uid = `1.2.${[...name].map((letter) => letter.charCodeAt(0)).join('.')}`;
  pacs.studies.set(uid, [`${uid}.1.1`, `${uid}.1.2`]);
  pacs.listed.set(uid, { patientId: name, accessionNumber: name, date: today.toFormat('yyyyMMdd') });
  const expected = anExpectedStudy(uid, patient, [order], [`${uid}.1.1`, `${uid}.1.2`]);
  await service.tell(
    'imaging.schedule.exam-completed.v1',
    anExam(`${uid}.9`, 'completed', patient, [order]),
    patient,
    order,
    expected,
  );
  await service.delivered(patient, 2);
  const own = async (run: Run) =>
    (await differences(run)).filter(
      ({ patientId, subject }) => patientId === patient.id || subject.studyInstanceUid === uid,
    );
  const kinds = async (run: Run) => (await own(run)).map(({ kind }) => kind);
  const inEmr = () =>
    emr.store.all('ImagingStudy').find(({ identifier }) => identifier?.[0]?.value === `urn:oid:${uid}`)!;
  /** Somebody changes the EMR's own. */
  const changeInEmr = (parts: Partial<ImagingStudy>) =>
    emr.store.handle('PUT', `ImagingStudy/${inEmr().id}`, { ...inEmr(), ...parts });
  return { name, patient, uid, own, kinds, inEmr, changeInEmr, order };
}

describe('What is here, compared with others', () => {
  it('differs in nothing where everybody has the same, reports included; a night has one comparison', async () => {
    const one = await aCase('SAME');
    expect(
      (
        await service.take(
          Buffer.from(anOruMessage({ mrn: 'SAME', placerOrderNumber: 'SAME', status: 'F' }).toString()),
        )
      )[1],
    ).toMatch(/^MSA\|AA/);
    await service.delivered(one.patient, 3);
    const run = await compare();
    expect(run).toMatchObject({ state: 'complete', failures: [] });
    expect(await one.own(run)).toEqual([]);
    const [compared] = await service.sql<{ compared: number }>('SELECT compared FROM reconciliation WHERE id = $1', [
      run.id,
    ]);
    // the study in the PACS; the study, its order and its report at the EMR
    expect(compared!.compared).toBeGreaterThanOrEqual(4);
    await service.restart();
    expect((await runs()).filter(({ askedBy }) => askedBy === 'nightly')).toHaveLength(1);
  }, 60_000);

  it('differs in nothing where images were rejected, or where something is on its way or parked', async () => {
    const [rejected, parked] = [await aCase('REJECTED'), await aCase('PARKED')];
    pacs.reject(rejected.uid, '113001', [`${rejected.uid}.1.1`]);
    await service.sql('UPDATE study_lookup SET next_attempt_at = now() WHERE study_instance_uid = $1', [rejected.uid]);
    await service.delivered(rejected.patient, 3);
    emr.fhirFault = { kind: 'status', status: 422, about: 'PARKED' };
    await service.take(
      Buffer.from(anOruMessage({ mrn: 'PARKED', placerOrderNumber: 'PARKED', status: 'F' }).toString()),
    );
    const [refused] = await service.delivered(parked.patient, 1, 'parked');
    emr.fhirFault = undefined;
    const run = await compare();
    expect([await rejected.kinds(run), await parked.kinds(run)]).toEqual([[], []]);
    // Skipped by a person, it is on its way no more.
    await fetch(`${service.url}/deliveries/${refused!.id}/skip`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"reason":"known there"}',
    });
    expect(await parked.kinds(await compare())).toEqual(['emr-lacks']);
  }, 60_000);

  it('lists what the PACS has and has not, and repairs each once, when a person says so', async () => {
    const [count, gone, wrong] = [await aCase('COUNT'), await aCase('GONE'), await aCase('WRONG')];
    pacs.studies.get(count.uid)!.push(`${count.uid}.1.3`);
    pacs.studies.delete(gone.uid);
    pacs.listed.delete(gone.uid);
    pacs.listed.get(wrong.uid)!.patientId = 'SOMEBODY';
    const stranger = '1.2.99.1';
    pacs.studies.set(stranger, [`${stranger}.1.1`]);
    pacs.listed.set(stranger, { patientId: 'X', accessionNumber: '', date: today.toFormat('yyyyMMdd') });
    const run = await compare();
    expect([await count.kinds(run), await gone.kinds(run), await wrong.kinds(run)]).toEqual([
      ['counts-differ'],
      ['here-not-in-pacs'],
      ['wrong-patient-id'],
    ]);
    const unknown = (await differences(run)).find(({ subject }) => subject.studyInstanceUid === stranger)!;
    expect(unknown).toMatchObject({
      kind: 'in-pacs-not-here',
      state: 'open',
      repairs: ['look-again'],
      patientId: null,
    });
    // Nothing is repaired by itself.
    expect(await service.sql('SELECT FROM study_watch WHERE study_instance_uid = $1', [stranger])).toHaveLength(0);

    expect(await repair(run, unknown, {})).toMatchObject({ status: 400, body: { field: 'name' } });
    expect(await repair(run, unknown, { name: 'Anna', repair: 'tell-again' })).toMatchObject({ status: 400 });
    expect(await repair(run, unknown)).toMatchObject({
      status: 200,
      body: { state: 'repaired', repair: 'look-again', settledName: 'Anna Archivist' },
    });
    expect(await service.sql('SELECT FROM study_watch WHERE study_instance_uid = $1', [stranger])).toHaveLength(1);

    const [differs] = await count.own(run);
    await repair(run, differs!);
    await service.delivered(count.patient, 3);
    expect(count.inEmr().numberOfInstances).toBe(3);
    const [isAnothers] = await wrong.own(run);
    expect(await repair(run, isAnothers!)).toMatchObject({ status: 409 });
    // Corrected in the PACS meanwhile: closed, not repaired.
    pacs.listed.get(wrong.uid)!.patientId = 'WRONG';
    expect(await repair(run, isAnothers!)).toMatchObject({ body: { state: 'closed', repair: null } });

    const [isGone] = await gone.own(run);
    expect(await repair(run, isGone!, { name: 'Anna', repair: 'withdraw' })).toMatchObject({
      body: { state: 'repaired' },
    });
    expect(await repair(run, isGone!, { name: 'Bert' })).toMatchObject({
      body: { repair: 'withdraw', settledName: 'Anna' },
    });
    await service.delivered(gone.patient, 3);
    expect(gone.inEmr().status).toBe('cancelled');
    expect(await service.published('imaging.result.study-withdrawn.v1', gone.patient.id)).toHaveLength(1);
    const again = await compare();
    expect([await count.kinds(again), await gone.kinds(again), await wrong.kinds(again)]).toEqual([[], [], []]);
    gone.changeInEmr({ status: 'available' });
    expect(await gone.kinds(await compare())).toEqual(['emr-has-withdrawn']);
    const audited = await service.sql(`SELECT FROM audit_event WHERE body::text LIKE '%' || $1 || '%'`, [
      gone.patient.id,
    ]);
    expect(audited.length).toBeGreaterThan(0);
  }, 60_000);

  it('lists what the EMR lacks or has otherwise, and tells it again once', async () => {
    const [lacks, older, closed] = [await aCase('LACKS'), await aCase('OLDER'), await aCase('CLOSED')];
    lacks.changeInEmr({ identifier: [{ system: 'urn:test', value: 'lost' }] });
    older.changeInEmr({ numberOfInstances: 1 });
    closed.changeInEmr({ numberOfInstances: 1 });
    const run = await compare();
    expect([await lacks.kinds(run), await older.kinds(run), await closed.kinds(run)]).toEqual([
      ['emr-lacks'],
      ['emr-has-older'],
      ['emr-has-older'],
    ]);
    for (const one of [lacks, older]) {
      const [found] = await one.own(run);
      await Promise.all([repair(run, found!), repair(run, found!)]);
      expect(await repair(run, found!)).toMatchObject({ body: { state: 'repaired', repair: 'tell-again' } });
      await service.delivered(one.patient, 3);
      expect(one.inEmr()).toMatchObject({ status: 'available', numberOfInstances: 2 });
    }
    closed.changeInEmr({ numberOfInstances: 2 });
    expect(await repair(run, (await closed.own(run))[0]!)).toMatchObject({ body: { state: 'closed' } });
    expect(await service.deliveries('done', closed.patient)).toHaveLength(2);
    const again = await compare();
    expect([await lacks.kinds(again), await older.kinds(again)]).toEqual([[], []]);
  }, 60_000);

  it('lists a dose that the EMR lacks, and tells it again with what it refers to', async () => {
    const one = await aCase('DOSED');
    const report = aDoseReport([ctTotals(1, 300)], {
      SOPInstanceUID: `${one.uid}.7`,
      StudyInstanceUID: one.uid,
      PatientID: 'DOSED',
    });
    expect(await service.store(report)).toBe(0);
    await service.delivered(one.patient, 3);
    const [lost] = emr.store.all('Observation');
    emr.store.handle('PUT', `Observation/${lost!.id}`, {
      ...lost,
      identifier: [{ system: 'urn:test', value: 'lost' }],
    });
    const run = await compare();
    expect(await one.kinds(run)).toEqual(['emr-lacks']);
    const [lacks] = await one.own(run);
    expect(lacks!.subject.type).toBe('Observation');
    await repair(run, lacks!);
    await service.delivered(one.patient, 4);
    expect(emr.store.all('Observation').find(({ id }) => id !== lost!.id)).toMatchObject({
      status: 'final',
      focus: [{ reference: `ImagingStudy/${one.inEmr().id}` }],
    });
    expect(await one.kinds(await compare())).toEqual([]);
  }, 60_000);

  it('is incomplete while somebody is away, which is no difference; then nothing is repaired either', async () => {
    const one = await aCase('ABSENT');
    one.changeInEmr({ numberOfInstances: 1 });
    const before = await compare();
    const [found] = await one.own(before);
    pacs.studies.delete(one.uid);
    pacs.listed.delete(one.uid);
    pacs.faults.set('list', 503);
    await emr.stopFhir();
    const run = await compare();
    expect(run).toMatchObject({
      state: 'incomplete',
      failures: [
        { peer: 'pacs', code: 'peer-busy' },
        { peer: 'emr', code: 'peer-unavailable' },
      ],
    });
    expect(await differences(run)).toEqual([]);
    expect(await repair(before, found!)).toMatchObject({ status: 503 });
    expect((await one.own(before))[0]).toMatchObject({ state: 'open' });
    await emr.startFhir();
  }, 60_000);

  it('goes on after a restart, and refuses what it cannot compare', async () => {
    const before = pacs.lists;
    const id = '7f9c24e8-3b12-4fef-91e0-000000000001';
    pacs.faults.set('list', 'never');
    await service.sql(
      'INSERT INTO reconciliation (id, from_day, to_day, asked_by, asked_at) VALUES ($1, $2, $2, $3, now())',
      [id, '2026-01-01', 'test'],
    );
    await until(() => pacs.lists > before, { what: 'the PACS to be asked' });
    // Stopped while the PACS does not answer.
    await service.restart();
    pacs.faults.clear();
    expect(await finished(id)).toMatchObject({ state: 'complete' });
    for (const body of [
      {},
      { from: '2026-03-02', to: '2026-03-01' },
      { from: '2026-01-01', to: '2026-03-01' },
      { from: 'now', to: 'now' },
    ])
      expect(await post('/reconciliations', body)).toMatchObject({ status: 400 });
    expect(await post('/reconciliations/nobody/differences/1/repair', { name: 'A' })).toMatchObject({ status: 404 });
    expect(await post(`/reconciliations/${id}/differences/1/repair`, { name: 'A' })).toMatchObject({ status: 404 });
    expect(service.log.join('')).not.toContain('ZZCANARY');
  }, 60_000);
});
