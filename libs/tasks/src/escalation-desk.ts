import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import type { Transaction } from '#messaging';
import {
  answerEscalation,
  escalate,
  escalationOf,
  openEscalation,
  settleEscalation,
  withdrawEscalation,
  type EscalationPlan,
  type Matter,
} from './escalation.decider.js';
import { TaskTimers } from './task-timers.store.js';

/** Keeps escalations, each with its timer. What is told of them to others is the service's own. */
@Injectable()
export class EscalationDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(TaskTimers) private readonly timers: TaskTimers,
  ) {}

  /** Asks the first level, unless somebody was asked about the same already. @returns the Task if it is new */
  async open(matter: Matter, plan: EscalationPlan, transaction: Transaction): Promise<Task | undefined> {
    if (await this.store.read(transaction.manager, 'Task', matter.id)) return undefined;
    return this.keep(openEscalation(matter, plan, transaction.now), transaction);
  }

  /** What a person says of it. @throws Failure as {@link answerEscalation} */
  async answer(current: Task, stated: Task, transaction: Transaction): Promise<Task> {
    return (await this.keep(answerEscalation(current, stated, transaction.now), transaction))!;
  }

  /** Its deadline may be over. @returns the Task if somebody is asked now who was not before, or once more */
  async followClock(task: Task, plan: EscalationPlan, transaction: Transaction): Promise<Task | undefined> {
    const asked = escalate(task, plan, transaction.now);
    if (asked) return this.keep(asked, transaction);
    await this.timers.set(transaction.manager, task.id!, escalationOf(task)?.acknowledgeBy);
    return undefined;
  }

  /** There is nothing to see to any more. @returns the Task if it was open */
  async withdraw(taskId: string, why: string, transaction: Transaction): Promise<Task | undefined> {
    const task = await this.store.read(transaction.manager, 'Task', taskId);
    return this.keep(task && withdrawEscalation(task, why, transaction.now), transaction);
  }

  /** What it asked for has come by another way. @returns the Task if it was open */
  async settle(taskId: string, why: string, transaction: Transaction): Promise<Task | undefined> {
    const task = await this.store.read(transaction.manager, 'Task', taskId);
    return this.keep(task && settleEscalation(task, why, transaction.now), transaction);
  }

  private async keep(task: Task | undefined, { manager, now }: Transaction): Promise<Task | undefined> {
    if (!task) return undefined;
    const [saved] = await this.store.save(manager, [task], now);
    await this.timers.set(manager, saved!.id!, escalationOf(saved!)?.acknowledgeBy);
    return saved;
  }
}
