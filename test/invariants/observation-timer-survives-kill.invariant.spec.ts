import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { Bundle, MedicationRequest, Task } from 'fhir/r4.js';
import { anAdministration, anOrmMessage, until } from '#testing';
import { Department } from '../department.js';

/** Issue 6, item 5: restart in the middle of a timer. What is due comes due once, at its time, whenever the process dies. */
describe('observation-timer-survives-kill', () => {
  const OVER_AFTER = 4000;
  const ANSWER_WITHIN = 1000;
  const exams = ['T1', 'T2', 'T3', 'T4', 'T5', 'T6'];
  let department: Department;
  beforeAll(async () => {
    const policy = parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8'));
    policy.observation.rows[0].forMinutes = OVER_AFTER / 60_000;
    const { levels } = policy.escalation['observation-overdue'];
    for (const level of levels) level.acknowledgeWithinMinutes = ANSWER_WITHIN / 60_000;
    // Behind the last level nobody is asked again before this test is over.
    levels.at(-1).acknowledgeWithinMinutes = 60;
    const path = join(mkdtempSync(join(tmpdir(), 'collimator-policy-')), 'policy.yaml');
    writeFileSync(path, stringify(policy));
    department = await Department.start(['orders', 'contrast'], { env: { CONTRAST_POLICY_FILE: path } });
  }, 120_000);
  afterAll(() => department?.stop());

  const tasks = (code: string) =>
    department.rows<{ body: Task }>(
      'contrast',
      `SELECT body FROM resource WHERE type = 'Task' AND body->'code'->'coding'->0->>'code' = '${code}' ORDER BY id`,
    );
  const levelOf = ({ extension = [] }: Task) =>
    extension[0]!.extension!.find(({ url }) => url === 'level')!.valuePositiveInt;
  /** Every version of what is overdue, oldest first: who was asked, when and until when. */
  const asked = () =>
    department.rows<{ body: Task }>(
      'contrast',
      "SELECT body FROM resource_history WHERE type = 'Task' AND body->'code'->'coding'->0->>'code' = 'overdue' ORDER BY id, version",
    );

  it('comes due once, at its time, though the process is killed before, at, and after it', async () => {
    for (const name of exams)
      await department.send(anOrmMessage({ mrn: name, placerOrderNumber: name, procedure: 'CTCHESTC' }));
    const plans = await until(
      async () => {
        const found = await fetch(`${department.contrast.url}/fhir/MedicationRequest?status=active`);
        const { entry = [] } = (await found.json()) as Bundle<MedicationRequest>;
        return entry.length === exams.length && entry.map(({ resource }) => resource!);
      },
      { what: 'the contrast records', within: 20_000 },
    );
    // given contrast that everybody was given within a second, and a process killed as soon as that was acknowledged
    const given = new Map<string, number>();
    for (const [index, plan] of plans.entries()) {
      const at = Date.now() + index * 150;
      const stated = anAdministration(plan, {
        identifier: [{ system: 'urn:test:injector', value: exams[index] }],
        effectiveDateTime: new Date(at).toISOString(),
      });
      const answer = await fetch(`${department.contrast.url}/fhir/MedicationAdministration`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(stated),
      });
      expect(answer.status).toBe(201);
      given.set(plan.subject.reference!, at);
    }
    await department.contrast.kill9();
    expect(await tasks('overdue')).toEqual([]);

    // when it dies again as soon as the first is overdue, and again as soon as the second level is asked, and stays away
    // for longer than anybody has to answer
    department.replace(await department.contrast.restart());
    await until(async () => (await tasks('overdue')).length > 0, {
      what: 'the first to be overdue',
      every: 5,
      within: 20_000,
    });
    await department.contrast.kill9();
    department.replace(await department.contrast.restart());
    await until(async () => (await tasks('overdue')).some(({ body }) => levelOf(body)! > 1), {
      what: 'a second level to be asked',
      every: 5,
      within: 20_000,
    });
    await department.contrast.kill9();
    // Of the last level it is due in an hour.
    const [due] = await department.rows<{ at: Date | null }>(
      'contrast',
      "SELECT max(due_at) AS at FROM due_task WHERE due_at < now() + interval '1 minute'",
    );
    await until(() => Date.now() > (due!.at?.getTime() ?? 0), { what: 'everything to be overdue', within: 30_000 });
    department.replace(await department.contrast.restart());
    await until(
      async () => {
        const all = await tasks('overdue');
        return all.length === exams.length && all.every(({ body }) => levelOf(body) === 3);
      },
      { what: 'the last level to be asked of all', within: 30_000 },
    );

    // then each came due once, not before its time, and each level was asked once, after the one before had its time
    const versions = (await asked()).map(({ body }) => body);
    for (const patient of given.keys()) {
      const own = versions.filter((one) => one.for!.reference === patient);
      expect(own.map(levelOf)).toEqual([1, 2, 3]);
      expect(Date.parse(own[0]!.authoredOn!)).toBeGreaterThanOrEqual(given.get(patient)! + OVER_AFTER);
      for (const [index, one] of own.slice(1).entries())
        expect(Date.parse(one.restriction!.period!.start!)).toBeGreaterThanOrEqual(
          Date.parse(own[index]!.restriction!.period!.end!),
        );
      expect(own.every(({ status }) => status === 'requested')).toBe(true);
    }
    const told = await department.rows<{ count: number }>(
      'contrast',
      "SELECT count(*)::int, count(DISTINCT id)::int AS ids FROM outbox WHERE type = 'imaging.contrast.escalated.v1'",
    );
    expect(told).toEqual([{ count: versions.length, ids: versions.length }]);
    expect((await tasks('contrast-observation')).map(({ body }) => body.status)).toEqual(
      exams.map(() => 'in-progress'),
    );
  }, 120_000);
});
