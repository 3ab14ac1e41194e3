import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Procedure } from 'fhir/r4.js';
import { anOrmMessage, until } from '#testing';
import { Department } from '../department.js';

/** design.md, promises 2 and 3, towards the EMR. */
describe('emr-down-then-up-delivers-once-in-order', () => {
  let department: Department;
  beforeAll(async () => (department = await Department.start(['orders', 'scheduling', 'results'])), 120_000);
  afterAll(() => department?.stop());

  const undone = async () =>
    (
      await department.rows<{ count: number }>('results', "SELECT count(*)::int FROM delivery WHERE state <> 'done'")
    )[0]!.count;
  const runExam = async (placer: string) => {
    await department.send(anOrmMessage({ mrn: placer, placerOrderNumber: placer }));
    const exam = await department.scanner().start(await department.onWorklist(placer));
    await department.scanner().storeImages(exam, department.pacsAddress);
    await department.scanner().complete(exam);
  };
  /** What was said of each exam by FHIR, in the order it was said. */
  const told = () => {
    const accepted = department.emr.fhirRequests.filter((request) => request.status === 200);
    const facts = accepted.flatMap(({ body }) => ((body as Bundle).entry ?? []).map((entry) => entry.resource));
    return facts
      .filter((one): one is Procedure => one?.resourceType === 'Procedure')
      .map((one) => `${one.identifier![0]!.value} ${one.status}`);
  };

  it('each fact arrives once and in its order, though the EMR was away and the service was killed', async () => {
    await department.emr.stop();
    await runExam('E1');
    await runExam('E2');
    // two exams, three facts each (started, completed, study available), two destinations
    await until(async () => (await undone()) === 12, { within: 20_000, what: 'twelve deliveries to wait' });
    await department.results.kill9();
    department.replace(await department.results.restart());

    await department.emr.startFhir();
    await department.emr.startMllp();
    await until(async () => (await undone()) === 0, { within: 60_000, what: 'every delivery to be done' });

    const exams = [...new Set(told().map((line) => line.split(' ')[0]))];
    expect(exams).toHaveLength(2);
    for (const exam of exams) {
      const statuses = told()
        .filter((line) => line.startsWith(`${exam} `))
        .map((line) => line.split(' ')[1]);
      expect(statuses).toEqual(['in-progress', 'completed']);
    }
    expect(department.emr.store.all('ServiceRequest').map((order) => order.status)).toEqual(['completed', 'completed']);
    expect(department.emr.store.all('ImagingStudy')).toHaveLength(2);
    const ids = department.emr.messages.map((message) => message.split('|')[9]);
    expect(new Set(ids).size).toBe(6);
    expect(ids).toHaveLength(6);
  }, 180_000);

  it('waits out 409 and 500, parks 422, and goes on with other patients meanwhile', async () => {
    department.emr.fhirFault = { kind: 'status', status: 422, times: 1 };
    await department.send(anOrmMessage({ mrn: 'E3', placerOrderNumber: 'E3' }));
    await department.scanner().start(await department.onWorklist('E3'));
    const parked = () =>
      department.rows<{ code: string; id: string }>('results', "SELECT code, id FROM delivery WHERE state = 'parked'");
    const [refused] = await until(async () => (await parked()).length > 0 && parked(), {
      what: 'the refused delivery',
    });
    expect(refused!.code).toBe('peer-refused');

    department.emr.fhirFault = { kind: 'status', status: 409, times: 2 };
    await runExam('E4');
    await until(() => told().length >= 6, { within: 30_000, what: "the other patient's facts" });

    await fetch(`${department.results.url}/deliveries/${refused!.id}/retry`, { method: 'POST' });
    await until(async () => (await undone()) === 0, { within: 30_000, what: 'the parked delivery to be done' });
  }, 120_000);
});
