import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, Procedure } from 'fhir/r4.js';
import { anOrmMessage, anOruMessage, until, type RunningService } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { sandboxJourney } from '../journey.js';
import { OwnBroker } from '../own-broker.js';
import { OwnPostgres } from '../own-postgres.js';
import { fieldOf } from '../sandbox/hl7.js';
import type { RunningExam } from '../sandbox/scanner.js';

/**
 * domain.md, journey 9: a day on which everything goes down, one after the other, while patients are on their way. What
 * cannot be done is refused; what was taken is never lost, done twice, or told out of its order; all catches up alone.
 */
sandboxJourney('a day on which everything goes down', (start) => {
  const AWHILE = { within: 90_000, every: 200 };
  let broker: OwnBroker;
  let postgres: OwnPostgres;
  let department: Department;
  /** Whose exam is done and reported, and whose order waits, by what went down meanwhile. */
  const done: string[] = [];
  const waiting: string[] = [];
  beforeAll(async () => {
    [broker, postgres] = await Promise.all([OwnBroker.start(), OwnPostgres.start()]);
    department = await start(undefined, { env: { ...broker.env, ...postgres.env } });
  }, 180_000);
  afterAll(async () => {
    await department?.stop();
    await Promise.all([broker?.stop(), postgres?.stop()]);
  });

  const order = (placer: string) => {
    // What contrast has to do of an order is done when it is back.
    const procedure = placer.startsWith('contrast-') ? 'CTCHESTC' : 'CTHEAD';
    return anOrmMessage({ controlId: `O-${placer}`, mrn: placer, placerOrderNumber: placer, procedure });
  };
  const report = ({ line: { placerOrderNumber, accessionNumber } }: RunningExam) =>
    anOruMessage({ controlId: `R-${placerOrderNumber}`, mrn: placerOrderNumber, placerOrderNumber, accessionNumber });
  /** MSA-1, or nothing where nobody answered. */
  const taken = (message: Buffer, to: () => RunningService = () => department.orders) =>
    department.send(message, to()).then(acknowledgedAs, () => undefined);
  /** As a sender does that was not told yes: the same again until it is. */
  const untilTaken = (message: Buffer, to?: () => RunningService) =>
    until(async () => (await taken(message, to)) === 'AA', {
      ...AWHILE,
      what: `${fieldOf(message.toString(), 'MSH', 10)}`,
    });
  const results = () => department.results;
  const listed = async () => (await department.worklist()).map(({ placerOrderNumber }) => placerOrderNumber);
  const isDone = (work: Promise<unknown>) =>
    work.then(
      () => true,
      () => false,
    );

  /** An order that is placed, and its exam begun. */
  async function begin(placer: string): Promise<RunningExam> {
    await untilTaken(order(placer));
    return department.scanner().start(await department.onWorklist(placer, 'CT01', AWHILE.within));
  }
  /** An order that is placed and stays on the worklist for the rest of the day. */
  async function leave(placer: string): Promise<void> {
    await untilTaken(order(placer));
    await department.onWorklist(placer, 'CT01', AWHILE.within);
    waiting.push(placer);
  }
  const images = (exam: RunningExam) => department.scanner().storeImages(exam, department.pacsAddress);
  const complete = (exam: RunningExam) => department.scanner().complete(exam);
  const contrastIsPlanned = async () => {
    const found = await fetch(`${department.contrast.url}/fhir/MedicationRequest?status=active`);
    return ((await found.json()) as Bundle).entry?.length === 1;
  };
  /** The EMR has all of an exam, whatever was away meanwhile. */
  async function caughtUp({ line }: RunningExam): Promise<void> {
    const { store, messages } = department.emr;
    const placer = line.placerOrderNumber;
    const isOf = (one: { identifier?: { value?: string }[] }, value: string) =>
      one.identifier?.some((some) => some.value === value) === true;
    const have = {
      order: () => store.all('ServiceRequest').some((one) => isOf(one, placer) && one.status === 'completed'),
      study: () =>
        store
          .all('ImagingStudy')
          .some((one) => isOf(one, `urn:oid:${line.studyInstanceUid}`) && one.status === 'available'),
      report: () => store.all('DiagnosticReport').some((one) => isOf(one, placer) && one.status === 'final'),
      message: () =>
        messages.some((one) => fieldOf(one, 'OBR', 2) === `${placer}^EMR` && fieldOf(one, 'OBR', 25) === 'F'),
    };
    for (const [what, has] of Object.entries(have))
      await until(has, { ...AWHILE, what: `the EMR to have the ${what} of ${placer}` });
    done.push(placer);
  }

  it('examines and reports while the EMR is away, by FHIR and by HL7', async () => {
    await department.emr.stop();
    await leave('EMR-WAITS');
    const exam = await begin('EMR');
    await images(exam);
    await complete(exam);
    await untilTaken(report(exam), results);
    expect([department.emr.messages, department.emr.fhirRequests]).toEqual([[], []]);
    await department.emr.startFhir();
    await department.emr.startMllp();
    await caughtUp(exam);
  }, 180_000);

  it('examines and reports while the PACS is away, and finds the images when it is back', async () => {
    const { pacs, emr } = department;
    const [dicomPort, qidoPort] = [pacs.dicomPort, Number(new URL(pacs.qidoUrl).port)];
    const exam = await begin('PACS');
    await pacs.stop();
    await complete(exam);
    await untilTaken(report(exam), results);
    const told = () => emr.store.all('DiagnosticReport').length === 2;
    await until(told, { ...AWHILE, what: 'the EMR to have the report without the images' });
    expect(emr.store.all('ImagingStudy').filter(({ status }) => status === 'available')).toHaveLength(1);
    await pacs.start({ dicomPort, qidoPort });
    await images(exam);
    await caughtUp(exam);
  }, 180_000);

  it('takes orders, examines and reports while Kafka is away, and tells of it afterwards', async () => {
    const exam = await begin('KAFKA');
    await leave('KAFKA-WAITS');
    await broker.kill9();
    expect(await taken(order('KAFKA-LATER'))).toBe('AA');
    expect((await listed()).sort()).toEqual(['EMR-WAITS', 'KAFKA-WAITS']);
    await images(exam);
    await complete(exam);
    expect(await taken(report(exam), results)).toBe('AA');
    await broker.comeBack();
    await leave('KAFKA-LATER');
    await caughtUp(exam);
  }, 240_000);

  it('says no while Postgres is away, to everybody and in time, and has all that it said yes to', async () => {
    const exam = await begin('POSTGRES');
    await images(exam);
    expect(await taken(order('POSTGRES-BEFORE'))).toBe('AA');
    await postgres.kill9();
    // What cannot be kept is not acknowledged, and a worklist that cannot be read is not told to be empty.
    expect(await taken(order('POSTGRES-MEANWHILE'))).not.toBe('AA');
    expect(await taken(report(exam), results)).not.toBe('AA');
    expect(await isDone(listed())).toBe(false);
    expect(await isDone(complete(exam))).toBe(false);
    for (const { name, url } of Object.values(department.services)) {
      const health = async (what: string) => (await fetch(`${url}/health/${what}`)).status;
      expect([name, await health('live'), await health('ready')]).toEqual([name, 200, 503]);
    }
    await postgres.comeBack();
    await leave('POSTGRES-BEFORE');
    await leave('POSTGRES-MEANWHILE');
    await until(() => isDone(complete(exam)), { ...AWHILE, what: 'the scanner to be heard' });
    await untilTaken(report(exam), results);
    await caughtUp(exam);
  }, 240_000);

  it.each(['orders', 'scheduling', 'contrast', 'results'] as const)(
    'does without %s what the others can while it is dead, and the rest when it is back',
    async (name) => {
      const exam = await begin(name);
      await images(exam);
      await department[name].kill9();
      const [ordered, completed, reported] = [
        await taken(order(`${name}-MEANWHILE`)),
        await isDone(complete(exam)),
        await taken(report(exam), results),
      ];
      expect({ ordered, completed, reported }).toEqual({
        ordered: name === 'orders' ? undefined : 'AA',
        completed: name !== 'scheduling',
        reported: name === 'results' ? undefined : 'AA',
      });
      department.replace(await department[name].restart());
      await leave(`${name}-MEANWHILE`);
      if (name === 'contrast') await until(contrastIsPlanned, { ...AWHILE, what: 'the contrast record' });
      if (!completed) await complete(exam);
      await untilTaken(report(exam), results);
      await caughtUp(exam);
    },
    180_000,
  );

  it('has in the end every order once, on the worklist or at the EMR', async () => {
    expect((await listed()).sort()).toEqual([...waiting].sort());
    const { store } = department.emr;
    const numbers = (type: 'ServiceRequest' | 'DiagnosticReport') =>
      store.all(type).map(({ identifier }) => identifier!.find(({ value }) => done.includes(value!))?.value);
    expect(numbers('ServiceRequest').sort()).toEqual([...done].sort());
    expect(numbers('DiagnosticReport').sort()).toEqual([...done].sort());
    expect(store.all('Procedure').map(({ status }) => status)).toEqual(done.map(() => 'completed'));
    expect(store.all('ImagingStudy').map(({ status }) => status)).toEqual(done.map(() => 'available'));
    expect(new Set(store.all('ImagingStudy').map(({ basedOn }) => basedOn![0]!.reference)).size).toBe(done.length);
    expect(store.all('Patient')).toHaveLength(done.length);
  });

  it('was told at the EMR in the order in which it happened, each message once by its number', async () => {
    const { fhirRequests, messages } = department.emr;
    const facts = fhirRequests
      .filter(({ status }) => status === 200)
      .flatMap(({ body }) => ((body as Bundle | undefined)?.entry ?? []).map(({ resource }) => resource));
    const statuses = new Map<string, string[]>();
    for (const one of facts.filter((fact): fact is Procedure => fact?.resourceType === 'Procedure')) {
      const exam = one.identifier![0]!.value!;
      const before = statuses.get(exam) ?? [];
      // The same again, since its answer was lost, is no news.
      if (before.at(-1) !== one.status) statuses.set(exam, [...before, one.status]);
    }
    expect([...statuses.values()]).toEqual(done.map(() => ['in-progress', 'completed']));
    const bytes = new Map<string, Set<string>>();
    for (const message of messages) {
      const id = fieldOf(message, 'MSH', 10);
      bytes.set(id, (bytes.get(id) ?? new Set()).add(message));
    }
    expect([...bytes.values()].filter((of) => of.size > 1)).toEqual([]);
    for (const placer of done) {
      const of = [...bytes.values()].filter(([message]) => fieldOf(message!, 'OBR', 2) === `${placer}^EMR`);
      // Started, completed, images there, report.
      expect([placer, of.length]).toEqual([placer, 4]);
    }
  });
});
