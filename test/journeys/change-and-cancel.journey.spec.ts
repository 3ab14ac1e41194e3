import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anAdtMessage, anOrmMessage, until } from '#testing';
import { acknowledgedAs, Department } from '../department.js';

/** domain.md, journeys 2, 4, 7 and 8, as far as orders and scheduling own them. */
describe('an order that changes', () => {
  let department: Department;
  beforeAll(async () => (department = await Department.start(['orders', 'scheduling'])), 120_000);
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
    await until(async () => (await department.worklist()).some((line) => line.patientName.startsWith('Right')), { what: 'the new name' }); // prettier-ignore
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
