import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, FhirResource, MedicationAdministration, Observation } from 'fhir/r4.js';
import { anOrmMessage, site, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import { fieldOf } from '../sandbox/hl7.js';
import type { ModalityExam, SandboxModality } from '../sandbox/modality.js';
import { newUid, type WorklistLine } from '../sandbox/scanner.js';
import { SandboxTechnologist } from '../sandbox/technologist.js';

/**
 * domain.md, journey 7: the technologist picked the wrong line. Its step goes back on the worklist, contrast and dose are
 * those of whom they went into, and the EMR is told of both.
 */
journey('the wrong worklist entry', (start) => {
  let department: Department;
  let ct: SandboxModality;
  let technologist: SandboxTechnologist;
  beforeAll(async () => {
    const [emr, ...others] = site().senders;
    department = await start(['orders', 'scheduling', 'contrast', 'results'], {
      site: { senders: [{ ...emr!, repliesTo: 'emr-hl7' }, ...others] },
    });
    ct = department.modality('CT01', 'CT');
    technologist = new SandboxTechnologist(department.contrast.url);
  }, 120_000);
  afterAll(() => department?.stop());

  /** Dose length product of an exposure, in mGy.cm. */
  const ofEach = 100;
  const place = async (name: string): Promise<WorklistLine> => {
    const order = anOrmMessage({ mrn: name, placerOrderNumber: name, procedure: 'CTCHESTC' });
    expect(acknowledgedAs(await department.send(order))).toBe('AA');
    return department.onWorklist(name);
  };
  const names = async () => (await department.worklist()).map(({ placerOrderNumber }) => placerOrderNumber);
  const reassign = (exam: ModalityExam, to: WorklistLine, body: object = { patientConfirmed: true }) =>
    fetch(`${department.scheduling.url}/exams/${exam.mppsUid}/reassign`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ accessionNumber: to.accessionNumber, reason: 'wrong line chosen', ...body }),
    });
  const giveContrast = async (name: string) => {
    const plan = await until(() => technologist.planOf(name), { what: `the contrast plan of ${name}`, every: 100 });
    return technologist.record(plan, `GIVEN-${name}`);
  };
  const isOf = (one: { identifier?: { value?: string }[] }, value: string) =>
    (one.identifier ?? []).some((some) => some.value === value);
  /** What the EMR has of a patient now, by type, each as its status with what counts of it. */
  const inEmr = async (name: string) => {
    const patient = (await department.inEmr('Patient')).find((one) => isOf(one, name));
    const of = async <T extends 'ServiceRequest' | 'Procedure' | 'ImagingStudy' | 'MedicationAdministration'>(
      type: T,
    ) =>
      (await department.inEmr(type)).filter(
        (one) => (one as { subject?: { reference?: string } }).subject?.reference === `Patient/${patient?.id}`,
      );
    const [order, exams, studies, contrast] = [
      await of('ServiceRequest'),
      await of('Procedure'),
      await of('ImagingStudy'),
      await of('MedicationAdministration'),
    ];
    return {
      order: order.map(({ status }) => status),
      exams: exams.map(({ status }) => status).sort(),
      studies: studies.map(({ status, numberOfInstances }) => `${status} ${numberOfInstances ?? 0}`),
      contrast: contrast.map(({ status }) => status),
    };
  };
  const emrHas = async (name: string, expected: Awaited<ReturnType<typeof inEmr>>) => {
    let last: object = {};
    await until(async () => JSON.stringify((last = await inEmr(name))) === JSON.stringify(expected), {
      what: `the EMR to have of ${name}: ${JSON.stringify(expected)}`,
      within: 30_000,
      every: 300,
    }).catch(() => expect({ name, ...last }).toEqual({ name, ...expected }));
  };
  const served = async <R extends FhirResource>(url: string, query: string): Promise<R[]> => {
    const { entry = [] } = (await (await fetch(`${url}/fhir/${query}`)).json()) as Bundle<R>;
    return entry.map(({ resource }) => resource!);
  };
  const patientId = async (url: string, name: string) =>
    (await served<FhirResource & { resourceType: 'Patient' }>(url, 'Patient?_count=100')).find((one) => isOf(one, name))
      ?.id;
  const dlpsOf = (all: Observation[], patient: string | undefined) =>
    all
      .filter(({ subject, status }) => subject?.reference === `Patient/${patient}` && status !== 'entered-in-error')
      .map(
        ({ component = [] }) =>
          component.find(({ code }) => code.coding?.some((one) => one.code === '113813'))?.valueQuantity?.value,
      );
  /** The doses of a patient that stand, as results and the EMR have them: the dose length product of each. */
  const doses = async (name: string) => ({
    here: dlpsOf(
      await served<Observation>(department.results.url, 'Observation?_count=100'),
      await patientId(department.results.url, name),
    ),
    emr: dlpsOf(
      await department.inEmr('Observation'),
      (await department.inEmr('Patient')).find((one) => isOf(one, name))?.id,
    ),
  });
  const hasDose = (name: string, dlps: number[]) => {
    const expected = { here: dlps, emr: dlps };
    return until(async () => JSON.stringify(await doses(name)) === JSON.stringify(expected), {
      what: `the dose of ${name} to be ${dlps}`,
      within: 30_000,
      every: 300,
    }).catch(async () => expect([name, await doses(name)]).toEqual([name, expected]));
  };
  const told = (name: string) =>
    department.emr.messages
      .filter((one) => one.includes('|ORM^') && fieldOf(one, 'ORC', 2) === `${name}^EMR`)
      .map((one) => `${fieldOf(one, 'ORC', 1)}/${fieldOf(one, 'ORC', 5)}`);
  /** Copies under the right patient, which take the place of images rejected under the wrong one (IHE IOCM). */
  const fileCopies = async (line: WorklistLine, count: number): Promise<void> => {
    const copies: ModalityExam = { line, mppsUid: newUid(), seriesInstanceUid: newUid(), exposures: [] };
    for (let n = 0; n < count; n++) await ct.expose(copies);
  };

  describe('noticed during the exam', () => {
    let wrong: ModalityExam;
    let right: WorklistLine;

    it('puts the step back on the worklist, with nothing of it at the EMR', async () => {
      const line = await place('WRONG1');
      right = await place('RIGHT1');
      wrong = await ct.start(line);
      await ct.expose(wrong);
      await ct.expose(wrong);
      await ct.reportDose(wrong, ofEach);
      await giveContrast('WRONG1');
      expect(await names()).not.toContain('WRONG1');
      await ct.discontinue(wrong, '110514', 'Incorrect worklist entry selected');
      expect((await names()).sort()).toEqual(['RIGHT1', 'WRONG1']);
      await ct.reject(wrong, wrong.exposures, '113038');
      // Whose the contrast was nobody has said yet: what was recorded stays where it was recorded.
      await emrHas('WRONG1', { order: ['active'], exams: ['stopped'], studies: [], contrast: ['completed'] });
      await until(() => told('WRONG1').at(-1) === 'SC/SC', { what: 'the placer to hear that it is scheduled again' });
    });

    it('is done under the right one, and its contrast and dose go there by one word of a person', async () => {
      const exam = await ct.start(right);
      await ct.expose(exam);
      await ct.reportDose(exam, ofEach);
      await ct.complete(exam);
      expect((await reassign(wrong, right, {})).status).toBe(409);
      expect((await reassign(wrong, right)).status).toBe(200);
      await emrHas('WRONG1', { order: ['active'], exams: ['stopped'], studies: [], contrast: ['entered-in-error'] });
      await emrHas('RIGHT1', {
        order: ['completed'],
        exams: ['completed'],
        studies: ['available 1'],
        contrast: ['completed'],
      });
      await hasDose('WRONG1', []);
      await hasDose('RIGHT1', [3 * ofEach]);
      expect(await names()).toEqual(['WRONG1']);
    });

    it('said again changes nothing; the contrast is in the record of one patient', async () => {
      expect((await reassign(wrong, right)).status).toBe(200);
      const given = await served<MedicationAdministration>(department.contrast.url, 'MedicationAdministration');
      expect(given.map(({ status }) => status).sort()).toEqual(['completed', 'entered-in-error']);
      const id = await patientId(department.contrast.url, 'RIGHT1');
      expect(given.find(({ status }) => status === 'completed')!.subject.reference).toBe(`Patient/${id}`);
      const another = await place('THIRD1');
      expect((await reassign(wrong, another)).status).toBe(409);
    });

    it('by HL7 too: given to the one, not to the other', async () => {
      /** OBX-11 of the agent in each result of a patient: F final, W posted as wrong (table 0085). */
      const contrast = (name: string) =>
        department.emr.messages
          .filter((one) => fieldOf(one, 'PID', 3).startsWith(`${name}^`))
          .flatMap((one) => one.split(/[\r\n]+/))
          .filter((segment) => segment.startsWith('OBX') && segment.includes('iopromide'))
          .map((segment) => segment.split('|')[11]);
      await until(() => contrast('RIGHT1').length > 0 && contrast('WRONG1').length > 1, {
        what: 'the contrast by HL7',
      });
      expect([contrast('WRONG1'), contrast('RIGHT1')]).toEqual([['F', 'W'], ['F']]);
    });
  });

  describe('noticed only after it was completed', () => {
    let wrong: ModalityExam;
    let line: WorklistLine;
    let right: WorklistLine;

    it('is done, with its images, contrast and dose, of the wrong patient at first', async () => {
      line = await place('WRONG2');
      right = await place('RIGHT2');
      wrong = await ct.start(line);
      await ct.expose(wrong);
      await ct.expose(wrong);
      await ct.reportDose(wrong, ofEach);
      await giveContrast('WRONG2');
      expect((await reassign(wrong, right)).status).toBe(409);
      await ct.complete(wrong);
      await emrHas('WRONG2', {
        order: ['completed'],
        exams: ['completed'],
        studies: ['available 2'],
        contrast: ['completed'],
      });
      await hasDose('WRONG2', [2 * ofEach]);
    });

    it('becomes the right one’s exam, and the wrong one’s is to be done still', async () => {
      expect((await reassign(wrong, right, {})).status).toBe(409);
      expect((await reassign(wrong, right)).status).toBe(200);
      await ct.reject(wrong, wrong.exposures, '113038');
      await fileCopies(right, 2);
      expect(await names()).toContain('WRONG2');
      expect(await names()).not.toContain('RIGHT2');
      await emrHas('WRONG2', {
        order: ['active'],
        exams: ['stopped'],
        studies: ['entered-in-error 0'],
        contrast: ['entered-in-error'],
      });
      await emrHas('RIGHT2', {
        order: ['completed'],
        exams: ['completed'],
        studies: ['available 2'],
        contrast: ['completed'],
      });
      await hasDose('WRONG2', []);
      await hasDose('RIGHT2', [2 * ofEach]);
      await until(() => told('WRONG2').at(-1) === 'SC/SC' && told('RIGHT2').at(-1) === 'SC/CM', {
        what: 'both placers to hear of it',
      });
      expect((await reassign(wrong, right)).status).toBe(200);
    });

    it('leaves the wrong one to be examined as if nothing had been', async () => {
      const exam = await ct.start(await department.onWorklist('WRONG2'));
      await ct.expose(exam);
      await ct.reportDose(exam, ofEach);
      await ct.complete(exam);
      await emrHas('WRONG2', {
        order: ['completed'],
        exams: ['completed', 'stopped'],
        studies: ['available 1'],
        contrast: ['entered-in-error'],
      });
      await hasDose('WRONG2', [ofEach]);
      await hasDose('RIGHT2', [2 * ofEach]);
      expect(told('WRONG2').at(-1)).toBe('SC/CM');
      expect(await names()).not.toContain('WRONG2');
    });
  });

  it('has parked nothing', async () => {
    for (const service of Object.values(department.services))
      expect(await (await fetch(`${service.url}/parked`)).json()).toEqual({ parked: [] });
  });
});
