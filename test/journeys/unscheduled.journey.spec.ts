import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anAdtMessage, anOrmMessage, site, until } from '#testing';
import { acknowledgedAs, dicomOf, type Department } from '../department.js';
import { journey } from '../journey.js';
import { fieldOf } from '../sandbox/hl7.js';
import { newUid, type RunningExam, type WorklistLine } from '../sandbox/scanner.js';

/** domain.md, journey 8: images arrive with no order; they are kept, flagged, and reconciled when the order comes. */
journey('an exam with no order', (start) => {
  let department: Department;
  beforeAll(async () => {
    const [emr, ...others] = site().senders;
    const senders = [{ ...emr!, repliesTo: 'emr-hl7' }, ...others];
    department = await start(['orders', 'scheduling', 'results'], {
      site: { senders, unscheduled: { matchWithinHours: 24 * 14 } },
    });
  }, 120_000);
  afterAll(() => department?.stop());

  interface Listed {
    mppsSopInstanceUid: string;
    candidates: { orderId: string }[];
  }
  const listed = async ({ mppsUid }: RunningExam) =>
    ((await (await fetch(`${department.scheduling.url}/unscheduled`)).json()) as { exams: Listed[] }).exams.find(
      (one) => one.mppsSopInstanceUid === mppsUid,
    );
  const link = (exam: RunningExam, body: object) =>
    fetch(`${department.scheduling.url}/unscheduled/${exam.mppsUid}/link`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const told = (placer: string) =>
    department.emr.messages
      .filter((one) => one.includes('|ORM^') && fieldOf(one, 'ORC', 2) === `${placer}^EMR`)
      .map((one) => `${fieldOf(one, 'ORC', 1)}/${fieldOf(one, 'ORC', 5)}`);

  /** An exam begun at the scanner by hand, its images in the PACS, and done. */
  async function anExam(patientId: string, accessionNumber = ''): Promise<RunningExam> {
    const line = {
      patientId,
      patientName: 'Emergency',
      accessionNumber,
      studyInstanceUid: newUid(),
      placerOrderNumber: '',
      stepId: '',
      procedure: 'CT head',
      start: '',
      elements: {},
    };
    const scanner = department.scanner();
    const exam = await scanner.start(line);
    await scanner.storeImages(exam, department.pacsAddress);
    await scanner.complete(exam);
    await scanner.storeDoseReport(exam, dicomOf(department.results), { ctdiVolMgy: 50, dlpMgyCm: 800 });
    expect(await listed(exam)).toBeDefined();
    return exam;
  }

  const studiesInEmr = ({ studyInstanceUid }: WorklistLine) =>
    department.inEmr('ImagingStudy', { identifier: `urn:oid:${studyInstanceUid}` });

  /** The EMR has the study, complete, of that patient, and the order done, one of each; nothing was told twice. */
  async function emrHasAll(placer: string, mrn: string, { line }: RunningExam): Promise<void> {
    const study = await until(async () => (await studiesInEmr(line))[0], {
      what: `the study of ${placer} at the EMR`,
      within: 30_000,
    });
    expect(study).toMatchObject({ status: 'available', numberOfInstances: 2 });
    const [order, ...others] = await department.inEmr('ServiceRequest', { identifier: placer });
    expect([order?.status, others]).toEqual(['completed', []]);
    expect(study.basedOn).toEqual([{ reference: `ServiceRequest/${order!.id}` }]);
    const exams = (await department.inEmrOf(mrn, 'Procedure')).filter(
      ({ basedOn }) => basedOn?.[0]?.reference === `ServiceRequest/${order!.id}`,
    );
    expect(exams.map(({ status }) => status)).toEqual(['completed']);
    const [patient] = await department.inEmr('Patient', { identifier: mrn });
    for (const one of [study, order!, exams[0]!]) expect(one.subject!.reference).toBe(`Patient/${patient!.id}`);
    const doses = () => department.inEmrOf(mrn, 'Observation');
    await until(async () => (await doses()).some(({ status }) => status === 'final'), {
      what: `the dose of ${placer} at the EMR`,
      within: 30_000,
    });
    expect((await doses()).map(({ focus }) => focus)).toEqual([[{ reference: `ImagingStudy/${study.id}` }]]);
    await until(() => told(placer).includes('SC/CM'), { what: 'the placer to be told' });
    expect(told(placer).filter((one) => one === 'SC/CM')).toHaveLength(1);
    expect((await department.worklist()).map((one) => one.placerOrderNumber)).not.toContain(placer);
  }

  it('is reconciled when its order comes with its accession number', async () => {
    await department.send(anAdtMessage({ mrn: 'EMERG1' }));
    const exam = await anExam('EMERG1', 'EMERGACC1');
    expect(await studiesInEmr(exam.line)).toEqual([]);
    const order = anOrmMessage({ mrn: 'EMERG1', placerOrderNumber: 'EMERG1', accessionNumber: 'EMERGACC1' });
    expect(acknowledgedAs(await department.send(order))).toBe('AA');
    await emrHasAll('EMERG1', 'EMERG1', exam);
    expect(await listed(exam)).toBeUndefined();
  });

  it('is proposed for an order like it, and is given to it by a person', async () => {
    const exam = await anExam('EMERG2');
    await department.send(anOrmMessage({ mrn: 'EMERG2', placerOrderNumber: 'EMERG2' }));
    const { accessionNumber } = await department.onWorklist('EMERG2');
    expect((await listed(exam))!.candidates).toHaveLength(1);
    expect((await link(exam, { accessionNumber, reason: 'ordered afterwards' })).status).toBe(200);
    await emrHasAll('EMERG2', 'EMERG2', exam);
  });

  it('done under a number that was typed wrongly becomes the right patient’s, with its images', async () => {
    const exam = await anExam('EMERG3-TYPO');
    await department.send(anOrmMessage({ mrn: 'EMERG3', placerOrderNumber: 'EMERG3' }));
    const { accessionNumber } = await department.onWorklist('EMERG3');
    const asked = { accessionNumber, reason: 'number typed wrongly' };
    expect((await link(exam, asked)).status).toBe(409);
    expect((await link(exam, { ...asked, patientConfirmed: true })).status).toBe(200);
    await emrHasAll('EMERG3', 'EMERG3', exam);
    expect(await department.inEmr('Patient', { identifier: 'EMERG3-TYPO' })).toEqual([]);
  });
});
