import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { CLOCK, INFRASTRUCTURE, LOGGER, type Clock, type Infrastructure, type Logger } from '#platform';
import { FollowDueTasks, TaskTimers } from '#tasks';
import { ObservationDesk } from '../observation/observation-desk.js';
import { FollowUps } from '../reaction/follow-ups.js';
import { ContrastEscalations } from './contrast-escalations.js';
import { taskCodeOf } from './task-code.js';

/** Sees what only the clock brings after contrast: an observation, a follow-up or an answer that is overdue. */
@Injectable()
export class FollowContrastTasks extends FollowDueTasks {
  constructor(
    @Inject(ObservationDesk) private readonly observations: ObservationDesk,
    @Inject(FollowUps) private readonly followUps: FollowUps,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(TaskTimers) timers: TaskTimers,
    @Inject(FhirStore) store: FhirStore,
    @Inject(UnitOfWork) unitOfWork: UnitOfWork,
    @Inject(CLOCK) clock: Clock,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
    @Inject(LOGGER) logger: Logger,
  ) {
    super({ timers, store, unitOfWork, clock, infrastructure, logger });
  }

  protected async whenDue(task: Task, transaction: Transaction): Promise<void> {
    switch (taskCodeOf(task)) {
      case 'contrast-observation':
        return this.observations.followClock(task, transaction);
      case 'extravasation-follow-up':
        return this.followUps.followClock(task, transaction);
      default:
        return this.escalations.followClock(task, transaction);
    }
  }
}
