import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirModule, fhirMigrations, FhirStore } from '#fhir';
import { MessagingModule, messagingMigrations, UnitOfWork, type Transaction } from '#messaging';
import { CLOCK, INFRASTRUCTURE, LOGGER, type Clock, type Infrastructure, type Logger } from '#platform';
import { AService, until } from '#testing';
import {
  EscalationDesk,
  FollowDueTasks,
  TaskTimers,
  taskMigrations,
  escalationOf,
  type EscalationPlan,
} from './index.js';

/** Milliseconds, as minutes of a plan. */
const ms = (count: number) => count / 60_000;
const plan: EscalationPlan = {
  levels: [
    { ask: { display: 'room' }, acknowledgeWithinMinutes: ms(400) },
    { ask: { display: 'radiologist' }, acknowledgeWithinMinutes: 60 },
  ],
  againEveryMinutes: 60,
};

@Injectable()
class Follow extends FollowDueTasks {
  constructor(
    @Inject(TaskTimers) timers: TaskTimers,
    @Inject(EscalationDesk) private readonly desk: EscalationDesk,
    @Inject(FhirStore) store: FhirStore,
    @Inject(UnitOfWork) unitOfWork: UnitOfWork,
    @Inject(CLOCK) clock: Clock,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
    @Inject(LOGGER) logger: Logger,
  ) {
    super({ timers, store, unitOfWork, clock, infrastructure, logger });
  }

  protected async whenDue(task: Task, transaction: Transaction): Promise<void> {
    if (task.description === 'poison') throw new Error('it cannot be done');
    await this.desk.followClock(task, plan, transaction);
  }
}

@Module({
  imports: [
    MessagingModule.forService({ service: 'contrast', ofSurvivor: async (data) => data }),
    FhirModule.forService({ Task: { search: ['_id'] } }),
  ],
  providers: [TaskTimers, EscalationDesk, Follow],
})
class TasksTestModule {}

class ATasksService extends AService {
  static start(): Promise<ATasksService> {
    const migrations = [...fhirMigrations, ...messagingMigrations, ...taskMigrations];
    return new ATasksService({ service: 'contrast', module: TasksTestModule, migrations }).begin();
  }

  open(id: string, description = 'see to it'): Promise<Task | undefined> {
    return this.app
      .get(UnitOfWork)
      .run('p', (transaction) =>
        this.app.get(EscalationDesk).open({ id, description, for: { reference: 'Patient/p' } }, plan, transaction),
      );
  }

  levelOf = async (id: string) => escalationOf(await this.get<Task>(`/fhir/Task/${id}`))?.level;
  versionsOf = async (id: string) => (await this.sql('SELECT 1 FROM resource_history WHERE id = $1', [id])).length;
  timersOf = (id: string) =>
    this.sql<{ attempts: number; failure: string | null }>(
      'SELECT attempts, failure FROM due_task WHERE task_id = $1',
      [id],
    );
}

let service: ATasksService;
beforeAll(async () => (service = await ATasksService.start()), 60_000);
afterAll(() => service?.stop());

describe('What nobody acknowledges', () => {
  it('is asked of the next level at its time, once', async () => {
    await service.open('slow');
    expect(await service.open('slow')).toBeUndefined();
    await until(async () => (await service.levelOf('slow')) === 2, { what: 'the second level to be asked' });
    expect(await service.versionsOf('slow')).toBe(2);
    expect(await service.timersOf('slow')).toEqual([{ attempts: 0, failure: null }]);
  });

  it('comes due behind a restart in the middle of its timer, once', async () => {
    await service.open('restarted');
    await service.restart();
    await until(async () => (await service.levelOf('restarted')) === 2, { what: 'the second level to be asked' });
    expect(await service.versionsOf('restarted')).toBe(2);
  });

  it('does not hold up others where it cannot be done, and is tried again', async () => {
    await service.open('stuck', 'poison');
    const [stuck] = await until(
      async () => {
        const timers = await service.timersOf('stuck');
        return timers[0]!.attempts > 0 && timers;
      },
      { what: 'the failure to be noted' },
    );
    expect(stuck!.failure).toMatch(/^unexpected:/);
    await service.open('behind');
    await until(async () => (await service.levelOf('behind')) === 2, { what: 'the other to be asked' });
    await service.sql("UPDATE resource SET body = jsonb_set(body, '{description}', '\"mended\"') WHERE id = 'stuck'");
    await until(async () => (await service.levelOf('stuck')) === 2, { what: 'it to be tried again' });
  });
});

describe('What is acknowledged', () => {
  it('has no timer any more', async () => {
    const task = (await service.open('known'))!;
    const answer = { ...task, status: 'accepted' as const, owner: { display: 'Nora Nurse' } };
    const desk = service.app.get(EscalationDesk);
    await service.app.get(UnitOfWork).run('p', (transaction) => desk.answer(task, answer, transaction));
    expect(await service.timersOf('known')).toEqual([]);
    expect(await service.get(`/fhir/Task/known`)).toMatchObject({ status: 'accepted' });
  });

  it('has none either where it was withdrawn or settled', async () => {
    const desk = service.app.get(EscalationDesk);
    await service.open('withdrawn');
    await service.open('settled');
    await service.app.get(UnitOfWork).run('p', async (transaction) => {
      expect(await desk.withdraw('withdrawn', 'an error', transaction)).toMatchObject({ status: 'cancelled' });
      expect(await desk.settle('settled', 'it came', transaction)).toMatchObject({ status: 'completed' });
      expect(await desk.settle('nothing', 'it came', transaction)).toBeUndefined();
    });
    expect([...(await service.timersOf('withdrawn')), ...(await service.timersOf('settled'))]).toEqual([]);
  });
});
