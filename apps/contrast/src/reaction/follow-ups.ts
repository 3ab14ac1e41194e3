import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import type { Transaction } from '#messaging';
import { TaskTimers } from '#tasks';
import { ContrastEscalations, overdueIdOf } from '../escalation/contrast-escalations.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { followUpsOf, lookedAtBy, type Extravasation } from './follow-up.decider.js';

/** Has an arm looked at again after an extravasation, and somebody asked where nobody did. */
@Injectable()
export class FollowUps {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(TaskTimers) private readonly timers: TaskTimers,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** Plans the looks at the arm; told again it plans nothing more. */
  async plan(about: Extravasation, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const how = this.policy?.reactions?.extravasation;
    if (!how) return;
    const wanted = followUpsOf(about, how);
    const known = await this.store.readMany(
      manager,
      wanted.map(({ id }) => ({ type: 'Task', id: id! })),
    );
    for (const task of await this.store.save(
      manager,
      wanted.filter(({ id }) => !known.some((one) => one.id === id)),
      now,
    ))
      await this.timers.set(manager, task.id!, lookedAtBy(task));
  }

  /** There was no extravasation after all. */
  async withdraw(reference: string, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const tasks = await this.store.referringTo(manager, 'Task', reference);
    for (const task of tasks.filter(
      (one) => one.focus?.reference === reference && isFollowUp(one) && lookedAtBy(one),
    )) {
      await this.store.save(
        manager,
        [{ ...task, status: 'cancelled', statusReason: { text: 'recorded in error' } }],
        now,
      );
      await this.timers.set(manager, task.id!, undefined);
      await this.escalations.withdraw(overdueIdOf(task.id!, 'end'), 'recorded in error', transaction);
    }
  }

  /** Nobody looked in time: somebody is asked. */
  async followClock(task: Task, transaction: Transaction): Promise<void> {
    if (!lookedAtBy(task)) return;
    const escalation = this.policy?.reactions?.extravasation.escalation;
    const matter = {
      id: overdueIdOf(task.id!, 'end'),
      code: 'overdue' as const,
      text: 'Follow-up of an extravasation is overdue',
      description: task.description!,
      focus: { reference: `Task/${task.id}` },
      basedOn: task.basedOn,
      patient: task.for!,
      isUrgent: false,
    };
    await this.escalations.open(matter, escalation, transaction);
  }

  /** A person said how it went. */
  async answered(task: Task, transaction: Transaction): Promise<void> {
    if (lookedAtBy(task)) return;
    await this.timers.set(transaction.manager, task.id!, undefined);
    const by = { reference: `Task/${task.id}` };
    await this.escalations.settle(overdueIdOf(task.id!, 'end'), 'the follow-up is over', transaction, by);
  }
}

function isFollowUp({ code }: Task): boolean {
  return code?.coding?.some((one) => one.code === 'extravasation-follow-up') ?? false;
}
