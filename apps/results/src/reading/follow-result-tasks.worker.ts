import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { CLOCK, INFRASTRUCTURE, LOGGER, type Clock, type Infrastructure, type Logger } from '#platform';
import { FollowDueTasks, TaskTimers } from '#tasks';
import { isCriticalResult } from '../report/critical-result.decider.js';
import { CriticalResults } from '../report/critical-results.js';
import { ReadingDesk } from './reading-desk.js';

/** Asks the next one about a critical result nobody acknowledged, and takes back what was not read elsewhere in time. */
@Injectable()
export class FollowResultTasks extends FollowDueTasks {
  constructor(
    @Inject(CriticalResults) private readonly criticalResults: CriticalResults,
    @Inject(ReadingDesk) private readonly readings: ReadingDesk,
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
    if (isCriticalResult(task)) await this.criticalResults.followClock(task, transaction);
    else await this.readings.followClock(task, transaction);
  }
}
