import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { fail } from '#platform';
import type { Transaction } from '#messaging';
import { answerEscalation, escalationOf, TaskTimers } from '#tasks';
import { answerObservation } from '../observation/observation.decider.js';
import { ObservationDesk } from '../observation/observation-desk.js';
import { answerFollowUp } from '../reaction/follow-up.decider.js';
import { FollowUps } from '../reaction/follow-ups.js';
import { recordPreparation } from '../screening/preparation-done.decider.js';
import { taskCodeOf } from './task-code.js';

/** What people say of the Tasks of this service, by what each is for. */
@Injectable()
export class TaskAnswers {
  constructor(
    @Inject(ObservationDesk) private readonly observations: ObservationDesk,
    @Inject(FollowUps) private readonly followUps: FollowUps,
    @Inject(TaskTimers) private readonly timers: TaskTimers,
  ) {}

  /**
   * The Task as it is by what was said.
   *
   * @param ifMatch as sent; steps of a preparation alone need none
   * @throws Failure precondition-failed, and as the deciders throw it
   */
  decide(current: Task, stated: Task, ifMatch: string | undefined, now: Date): Task {
    const code = taskCodeOf(current);
    if (code === 'contrast-preparation') return recordPreparation(current, stated);
    if (ifMatch === undefined) throw fail('precondition-failed', 'send If-Match with the ETag of the Task you answer');
    if (code === 'contrast-observation') return answerObservation(current, stated, now);
    return code === 'extravasation-follow-up'
      ? answerFollowUp(current, stated, now)
      : answerEscalation(current, stated, now);
  }

  /** What follows from it, once it is stored. */
  async follow(saved: Task, transaction: Transaction): Promise<void> {
    const code = taskCodeOf(saved);
    if (code === 'contrast-preparation') return;
    if (code === 'contrast-observation') return this.observations.answered(saved, transaction);
    if (code === 'extravasation-follow-up') return this.followUps.answered(saved, transaction);
    await this.timers.set(transaction.manager, saved.id!, escalationOf(saved)?.acknowledgeBy);
  }
}
