import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, FhirResource, Observation } from 'fhir/r4.js';
import { anOrmMessage, anOruMessage, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import type { Exposure, ModalityExam, SandboxModality } from '../sandbox/modality.js';

/** domain.md, journey 6: the bad image goes, the dose it cost stays, and a reject and a repeat count once each. */
journey('a radiograph that is repeated', (start) => {
  let department: Department;
  let room: SandboxModality;
  let exam: ModalityExam;
  let blurred: Exposure;
  let early: Record<string, unknown>;
  beforeAll(async () => {
    department = await start();
    room = department.modality('DX01', 'DX');
  }, 120_000);
  afterAll(() => department?.stop());

  const name = 'REPEAT1';
  const order = { mrn: name, placerOrderNumber: name, procedure: 'XRCHEST2' };
  /** An area of 1 dGy.cm2, which is 1e-5 Gy.m2, an exposure. */
  const ofEach = 0.00001;
  const isOf = (one: { identifier?: { value?: string }[] }, value: string) =>
    (one.identifier ?? []).some((some) => some.value === value);
  const times = () => {
    const [from, to] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
    return `from=${from}&to=${to}`;
  };
  const asked = async <T>(path: string) => (await (await fetch(department.results.url + path)).json()) as T;
  interface Rates {
    total: { rejects: { count: number; of: number }; repeats: { count: number; of: number } };
  }
  const rates = async () => {
    const { total } = await asked<Rates>(`/quality/rates?${times()}&by=detector`);
    return { images: total.rejects.of, rejects: total.rejects.count, repeats: total.repeats.count };
  };
  const say = (kind: 'reject' | 'repeat', { sopInstanceUid }: Exposure, of: { repeats?: string } = {}) =>
    fetch(`${department.results.url}/rejects`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        identifier: { system: 'urn:oid:2.25.88', value: `${kind}-${sopInstanceUid}` },
        kind,
        reason: '111210',
        studyInstanceUid: exam.line.studyInstanceUid,
        at: new Date(clock).toISOString(),
        sopInstanceUid,
        ...of,
      }),
    });
  const clock = Date.now();
  const doses = async () => {
    const { entry = [] } = await asked<Bundle<FhirResource>>('/fhir/Observation');
    return entry.map(({ resource }) => resource as Observation);
  };
  const dap = (dose: Observation | undefined) =>
    dose?.component?.find(({ code }) => code.coding?.some((one) => one.code === '113722'))?.valueQuantity?.value;
  const studies = async () =>
    (await department.inEmr('ImagingStudy')).filter((one) => isOf(one, `urn:oid:${exam.line.studyInstanceUid}`));

  it('has its first image rejected at the console, and is exposed again', async () => {
    expect(acknowledgedAs(await department.send(anOrmMessage(order)))).toBe('AA');
    const line = await department.onWorklist(name, 'DX01');
    exam = await room.start(line);
    await room.expose(exam);
    blurred = await room.expose(exam);
    early = await room.reportDose(exam, ofEach);
    expect((await say('reject', blurred)).status).toBe(201);
    const again = await room.expose(exam);
    const repeats = { repeats: blurred.sopInstanceUid };
    expect((await say('repeat', again, repeats)).status).toBe(201);
    // Told again, as after a lost answer.
    expect((await say('reject', blurred)).status).toBe(200);
    expect((await say('repeat', again, repeats)).status).toBe(200);
    // The report of the whole exam lists what the first listed; and the first comes once more.
    await room.reportDose(exam, ofEach);
    await room.storeDocument(early);
  });

  it('has it hidden by the note of its rejection, whoever tells of that again', async () => {
    await room.reject(exam, [blurred], '113001', '111210');
    await room.reject(exam, [blurred], '113001', '111210');
    await room.complete(exam);
    const [study] = await until(
      async () => {
        const found = await studies();
        return found[0]?.status === 'available' && found[0].numberOfInstances === 2 && found;
      },
      { what: 'the study without the rejected image at the EMR', within: 30_000, every: 200 },
    );
    const shown = (study!.series ?? []).flatMap(({ instance = [] }) => instance.map(({ uid }) => uid));
    expect(shown).not.toContain(blurred.sopInstanceUid);
    expect(shown.sort()).toEqual(
      exam.exposures
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .filter((uid) => uid !== blurred.sopInstanceUid)
        .sort(),
    );
    expect(study!.note?.[0]?.text).toContain('113001');
  });

  it('counts one reject and one repeat of three exposures', async () => {
    await until(async () => (await rates()).images === 3, { what: 'all exposures in the rates', every: 200 });
    expect(await rates()).toEqual({ images: 3, rejects: 1, repeats: 1 });
    const { entries } = await asked<{ entries: object[] }>(`/rejects?${times()}`);
    expect(entries).toHaveLength(2);
    expect(entries).toContainEqual(
      expect.objectContaining({ kind: 'reject', reason: '111210', sources: ['console', 'kos'] }),
    );
  });

  it('has the dose of all three, for the patient got all three', async () => {
    const dose = await until(
      async () => {
        const found = await doses();
        return found.length === 1 && Math.abs(dap(found[0])! - 0.3) < 1e-9 && found[0];
      },
      { what: 'the dose of three exposures', every: 200 },
    );
    expect(dose.status).toBe('final');
    const patient = (await asked<Bundle<FhirResource>>('/fhir/Patient')).entry![0]!.resource!;
    expect(dose.subject?.reference).toBe(`Patient/${patient.id}`);
    await until(async () => Math.abs(dap((await department.inEmrOf(name, 'Observation'))[0])! - 0.3) < 1e-9, {
      what: 'the dose of three exposures at the EMR',
      within: 30_000,
    });
  });

  it('is read by the images that are left', async () => {
    const report = anOruMessage({ ...order, accessionNumber: exam.line.accessionNumber, text: 'Clear lungs.' });
    expect(acknowledgedAs(await department.send(report, department.results))).toBe('AA');
    const [filed, ...others] = await until(
      async () => {
        const found = await department.inEmrOf(name, 'DiagnosticReport');
        return found.length > 0 && found;
      },
      { what: 'the report at the EMR', within: 30_000, every: 200 },
    );
    expect([filed!.status, others]).toEqual(['final', []]);
    const [study] = await studies();
    expect(filed!.imagingStudy).toEqual([{ reference: `ImagingStudy/${study!.id}` }]);
    const [done, ...more] = (await department.inEmr('ServiceRequest')).filter((one) => isOf(one, name));
    expect([done!.status, more]).toEqual(['completed', []]);
  });

  it('counts nothing twice when a note comes after the report', async () => {
    await room.reject(exam, [blurred], '113001', '111210');
    await room.storeDocument(early);
    expect((await say('reject', blurred)).status).toBe(200);
    const { entries } = await asked<{ entries: object[] }>(`/rejects?${times()}&kind=reject`);
    expect(entries).toHaveLength(1);
    expect(await rates()).toEqual({ images: 3, rejects: 1, repeats: 1 });
    expect((await studies())[0]!.numberOfInstances).toBe(2);
    expect(await studies()).toHaveLength(1);
    expect((await doses()).map(dap)).toEqual([expect.closeTo(0.3, 9)]);
  });

  it('has parked nothing', async () => {
    for (const service of Object.values(department.services))
      expect(await (await fetch(`${service.url}/parked`)).json()).toEqual({ parked: [] });
  });
});
