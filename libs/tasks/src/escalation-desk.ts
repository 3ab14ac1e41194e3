import { Inject, Injectable } from '@nestjs/common';
import type { Reference, Task } from 'fhir/r4.js';
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

  /**
   * Asks the first level, unless somebody was asked about the same already; what was withdrawn is asked anew.
   *
   * @returns the Task if somebody is asked now
   */
  async open(matter: Matter, plan: EscalationPlan, transaction: Transaction): Promise<Task | undefined> {
    const known = await this.store.read(transaction.manager, 'Task', matter.id);
    if (known && known.status !== 'cancelled') return undefined;
    const opened = openEscalation(matter, plan, transaction.now);
    return this.keep({ ...opened, ...(known?.meta ? { meta: known.meta } : {}) }, transaction);
  }

  /** What settled it was none: the first level is asked again. @returns the Task */
  async reopen({ output: _output, ...task }: Task, plan: EscalationPlan, transaction: Transaction): Promise<Task> {
    const opened = openEscalation({ ...task, id: task.id!, statusReason: undefined }, plan, transaction.now);
    return (await this.keep(opened, transaction))!;
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

  /** What it asked for has come by another way. @param by what has come @returns the Task if it was open */
  async settle(taskId: string, why: string, transaction: Transaction, by?: Reference): Promise<Task | undefined> {
    const task = await this.store.read(transaction.manager, 'Task', taskId);
    return this.keep(task && settleEscalation(task, why, transaction.now, by), transaction);
  }

  private async keep(task: Task | undefined, { manager, now }: Transaction): Promise<Task | undefined> {
    if (!task) return undefined;
    const [saved] = await this.store.save(manager, [task], now);
    await this.timers.set(manager, saved!.id!, escalationOf(saved!)?.acknowledgeBy);
    return saved;
  }
}
