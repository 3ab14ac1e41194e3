import { afterAll, beforeAll, expect, describe, it } from '@jest/globals';
import type { Bundle, FhirResource, ServiceRequest } from 'fhir/r4.js';
import { aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { acknowledgementOf, fieldOf } from '../../../../test/sandbox/hl7.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';

const PATIENTS = 8;
const EXAMS = 4;

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => {
  emr = await new SandboxEmr().start();
  service = await AResultsService.start({
    destinations: [
      { name: 'fhir', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 5 },
      {
        name: 'hl7',
        kind: 'mllp',
        host: '127.0.0.1',
        port: emr.mllpPort,
        application: 'EMR',
        facility: 'SGH',
        ackTimeoutSeconds: 0.5,
        connections: 3,
        gets: ['orderStatus'],
      },
    ],
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await emr.stop();
});

const name = (patient: number, exam: number) => `OUTAGE${patient}.${exam}`;

/** design.md, promises 2 and 3: whatever the destination does, each fact has its effect once, in order per patient. */
describe('An outage of a destination', () => {
  it('reorders nothing of any patient, and repeats nothing but under its own number', async () => {
    for (let exam = 0; exam < EXAMS; exam++)
      for (let one = 0; one < PATIENTS; one++) {
        const patient = aPatient({ mrn: `OUTAGE${one}` });
        const order = aServiceRequest({
          placerOrderNumber: name(one, exam),
          accessionNumber: `O${one}.${exam}`,
          patient,
        });
        await service.tell(
          'imaging.schedule.exam-started.v1',
          anExam(`1.2.${one + 1}.${exam + 1}`, 'in-progress', patient, [order]),
          patient,
          order,
        );
        // It works for a while, then it fails in every way it can, then it is away, then back.
        if (exam === 1 && one === 0) misbehave();
        if (exam === 2 && one === 0) await Promise.all([emr.stopFhir(), emr.stopMllp()]);
      }
    const waiting = async () =>
      (await service.sql<{ count: number }>("SELECT count(*)::int FROM delivery WHERE state <> 'done'"))[0]!.count;
    const all = async () => (await service.sql<{ count: number }>('SELECT count(*)::int FROM delivery'))[0]!.count;
    await until(async () => (await all()) === 2 * PATIENTS * EXAMS, {
      within: 30_000,
      what: 'every fact to be queued',
    });
    expect(await waiting()).toBeGreaterThan(PATIENTS);
    await Promise.all([emr.startFhir(), emr.startMllp()]);
    await until(async () => emr.fhirRequests.length > 0 && (await waiting()) < PATIENTS * EXAMS, {
      within: 120_000,
      what: 'half of it to be told',
    });
    misbehave();
    await until(async () => (await waiting()) === 0, { within: 120_000, what: 'all of it to be told' });

    const inOrder = (patient: number) => Array.from({ length: EXAMS }, (_, exam) => name(patient, exam));
    const byFhir = emr.fhirRequests
      .filter(({ status }) => status === 200)
      .flatMap(({ body }) => orderIn(body as Bundle));
    const byHl7 = emr.messages.filter(uniquely()).map((message) => fieldOf(message, 'ORC', 2).split('^')[0]!);
    for (let one = 0; one < PATIENTS; one++) {
      // What it took without our hearing of it in time comes again at once, and has its effect once.
      const told = byFhir.filter((order) => order.startsWith(`OUTAGE${one}.`));
      expect(told.filter((order, at) => order !== told[at - 1])).toEqual(inOrder(one));
      expect(byHl7.filter((order) => order.startsWith(`OUTAGE${one}.`))).toEqual(inOrder(one));
    }
    expect(emr.store.all('Procedure')).toHaveLength(PATIENTS * EXAMS);
  }, 300_000);
});

const statuses = [503, 409, 429, 500];
let times = 0;

/** Some requests fail with a status that passes; some messages get no answer, or one that says later. */
function misbehave(): void {
  let asked = 0;
  emr.fhirFault = { kind: 'status', status: statuses[times++ % statuses.length]!, times: 3 };
  emr.acknowledges = (message) => {
    asked++;
    if (asked > 6) emr.acknowledges = 'AA';
    return asked % 3 === 0 ? undefined : acknowledgementOf(message, asked % 3 === 1 ? 'AR' : 'AA', new Date());
  };
}

function orderIn({ entry = [] }: Bundle): string[] {
  const resources = entry.map(({ resource }) => resource as FhirResource);
  const order = resources.find((one): one is ServiceRequest => one.resourceType === 'ServiceRequest');
  return [order!.identifier![0]!.value!];
}

/** What is sent again comes under the same control id, by which its receiver knows it. */
function uniquely(): (message: string) => boolean {
  const seen = new Set<string>();
  return (message) => {
    const id = fieldOf(message, 'MSH', 10);
    return !seen.has(id) && Boolean(seen.add(id));
  };
}
