import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Task } from 'fhir/r4.js';
import { anAdtMessage, anOrmMessage, site, until } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { journey } from '../journey.js';
import { fieldOf } from '../sandbox/hl7.js';

/** domain.md, journeys 2, 4, 7 and 8, as far as orders and scheduling own them. */
journey('an order that changes', (start) => {
  let department: Department;
  beforeAll(async () => (department = await start(['orders', 'scheduling'])), 120_000);
  afterAll(() => department?.stop());

  const gone = (placer: string, aeTitle = 'CT01') =>
    until(async () => !(await department.worklist(aeTitle)).some((line) => line.placerOrderNumber === placer), {
      what: `${placer} to leave the worklist of ${aeTitle}`,
    });

  it('moves to the scanner of its new procedure', async () => {
    await department.send(anOrmMessage({ mrn: 'C1', placerOrderNumber: 'C1', procedure: 'CTHEAD' }));
    await department.onWorklist('C1', 'CT01');
    await department.send(anOrmMessage({ mrn: 'C1', placerOrderNumber: 'C1', procedure: 'XRCHEST2', control: 'XO' }));
    await department.onWorklist('C1', 'DX01');
    expect((await department.worklist('CT01')).map((line) => line.placerOrderNumber)).not.toContain('C1');
  });

  it('leaves the worklist when it is cancelled', async () => {
    await department.send(anOrmMessage({ mrn: 'C2', placerOrderNumber: 'C2' }));
    await department.onWorklist('C2');
    expect(
      acknowledgedAs(await department.send(anOrmMessage({ mrn: 'C2', placerOrderNumber: 'C2', control: 'CA' }))),
    ).toBe('AA');
    await gone('C2');
  });

  it('is refused where it cannot be: a cancel before its order, another patient’s accession number', async () => {
    const early = await department.send(anOrmMessage({ mrn: 'C3', placerOrderNumber: 'C3', control: 'CA' }));
    expect(acknowledgedAs(early)).toBe('AE');
    expect(early).toContain('|204^');
    await department.send(anOrmMessage({ mrn: 'C3', placerOrderNumber: 'C3', accessionNumber: 'SAME1' }));
    const second = await department.send(
      anOrmMessage({ mrn: 'C4', placerOrderNumber: 'C4', accessionNumber: 'SAME1' }),
    );
    expect(acknowledgedAs(second)).toBe('AE');
    expect(second).toContain('OBR^1^18|205^');
  });

  it('shows a corrected name on the worklist', async () => {
    await department.send(anOrmMessage({ mrn: 'C5', placerOrderNumber: 'C5', familyName: 'Wrong' }));
    await department.onWorklist('C5');
    await department.send(anAdtMessage({ mrn: 'C5', familyName: 'Right', event: 'A08' }));
    await until(async () => (await department.worklist()).some((line) => line.patientName.startsWith('Right')), {
      what: 'the new name',
    });
  });

  it('puts a STAT order first', async () => {
    await department.send(anOrmMessage({ mrn: 'C6', placerOrderNumber: 'C6', priority: 'S' }));
    await department.onWorklist('C6');
    expect((await department.worklist())[0]!.placerOrderNumber).toBe('C6');
  });

  it('comes back to the worklist when the technologist took the wrong line (110514)', async () => {
    await department.send(anOrmMessage({ mrn: 'C7', placerOrderNumber: 'C7' }));
    const exam = await department.scanner().start(await department.onWorklist('C7'));
    await gone('C7');
    await department.scanner().discontinue(exam, { code: '110514', meaning: 'Incorrect worklist entry selected' });
    await department.onWorklist('C7');
  });

  it('lists an exam that refers to no known order, and keeps it', async () => {
    await department.send(anOrmMessage({ mrn: 'C8', placerOrderNumber: 'C8' }));
    const line = await department.onWorklist('C8');
    await department.scanner().start({ ...line, accessionNumber: 'NONE', studyInstanceUid: '2.25.1', stepId: 'NONE' });
    const { exams } = (await (await fetch(`${department.scheduling.url}/unscheduled`)).json()) as { exams: object[] };
    expect(exams).toContainEqual(expect.objectContaining({ reason: 'refers to no known step' }));
    await department.onWorklist('C8');
  });
});

/** domain.md, journey 4: cancelled while the exam runs; room, worklist, placer and EMR agree at each moment. */
journey('an order cancelled while its exam runs', (start) => {
  let department: Department;
  beforeAll(async () => {
    const [emr, ...others] = site().senders;
    const senders = [{ ...emr!, repliesTo: 'emr-hl7' }, ...others];
    department = await start(['orders', 'scheduling', 'results'], { site: { senders } });
  }, 120_000);
  afterAll(() => department?.stop());

  const tasks = async () =>
    ((await (await fetch(`${department.scheduling.url}/room-tasks?aeTitle=CT01`)).json()) as { tasks: Task[] }).tasks;
  const told = (placer: string) =>
    department.emr.messages
      .filter((one) => one.includes('|ORM^') && fieldOf(one, 'ORC', 2) === `${placer}^EMR`)
      .map((one) => `${fieldOf(one, 'ORC', 1)}/${fieldOf(one, 'ORC', 5)}`);
  /** Status of the order and of its exam as the EMR has them. */
  const emrHas = (placer: string, order: string, exam: string) =>
    until(
      async () => {
        const [known] = await department.inEmr('ServiceRequest', { identifier: placer });
        const its = await department.inEmrOf(placer, 'Procedure');
        return known?.status === order && its.length === 1 && its[0]!.status === exam;
      },
      { what: `${placer} at the EMR: order ${order}, exam ${exam}`, within: 30_000 },
    );
  async function cancelledUnderWay(placer: string) {
    const order = { mrn: placer, placerOrderNumber: placer };
    await department.send(anOrmMessage(order));
    const exam = await department.scanner().start(await department.onWorklist(placer));
    await emrHas(placer, 'active', 'in-progress');
    expect(acknowledgedAs(await department.send(anOrmMessage({ ...order, control: 'CA' })))).toBe('AA');
    await emrHas(placer, 'revoked', 'in-progress');
    const [task] = await until(async () => (await tasks()).length > 0 && (await tasks()), {
      what: 'the room to be asked',
    });
    expect(task).toMatchObject({ status: 'requested', owner: { display: 'CT 1, CT room 1' } });
    return exam;
  }

  it('is stopped by the room that was asked', async () => {
    const exam = await cancelledUnderWay('STOP1');
    await department.scanner().discontinue(exam, { code: '110500', meaning: 'Doctor cancelled procedure' });
    await emrHas('STOP1', 'revoked', 'stopped');
    await until(() => told('STOP1').at(-1) === 'DR/DC', { what: 'the placer to be told' });
    expect(told('STOP1')).toEqual(['SC/SC', 'SC/IP', 'SC/IP', 'DR/DC']);
    expect(await tasks()).toEqual([]);
    expect((await department.worklist()).map((line) => line.placerOrderNumber)).not.toContain('STOP1');
  });

  it('is done all the same where the exam goes on to its end', async () => {
    const exam = await cancelledUnderWay('STOP2');
    await department.scanner().complete(exam);
    await emrHas('STOP2', 'completed', 'completed');
    await until(() => told('STOP2').at(-1) === 'UC/CM', { what: 'the placer to be told' });
    expect(await tasks()).toEqual([]);
  });
});
