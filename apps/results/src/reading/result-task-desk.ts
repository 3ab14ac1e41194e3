import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { assertVersion, FhirStore, recordAccess, referencedId, sameContent } from '#fhir';
import { CLOCK, fail, type Clock } from '#platform';
import { UnitOfWork, type Transaction } from '#messaging';
import { isCriticalResult } from '../report/critical-result.decider.js';
import { CriticalResults } from '../report/critical-results.js';
import { changedPostProcessing, isPostProcessing, postProcessingFrom } from './post-processing.decider.js';
import { changedReading, isReading } from './reading.decider.js';
import { ReadingDesk } from './reading-desk.js';

/** What people and programs say of Tasks: readings, critical results, post-processing. */
@Injectable()
export class ResultTaskDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(CriticalResults) private readonly criticalResults: CriticalResults,
    @Inject(ReadingDesk) private readonly readings: ReadingDesk,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Failure not-found, precondition-failed, and what the Task's own rules refuse */
  async change(stated: Task, ifMatch: string | undefined, client: string): Promise<Task> {
    if (ifMatch === undefined) throw fail('precondition-failed', 'send If-Match with the ETag of the Task you read');
    const id = stated.id!;
    const known = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Task', id));
    if (!known) throw fail('not-found', 'there is no Task with this id');
    return this.unitOfWork.run(referencedId(known.for?.reference, 'Patient'), async (transaction) => {
      const current = (await this.store.read(transaction.manager, 'Task', id))!;
      assertVersion(ifMatch, current);
      const task = await this.carryOut(current, stated, transaction);
      await this.audit(task, 'update', client, transaction);
      return task;
    });
  }

  /** Takes a request for post-processing; the same number again is the same request. */
  async request(body: unknown, client: string): Promise<{ task: Task; isNew: boolean }> {
    const { task, studyId } = postProcessingFrom(body, this.clock.now());
    const study = await this.unitOfWork.run(undefined, ({ manager }) =>
      this.store.read(manager, 'ImagingStudy', studyId),
    );
    if (!study) throw fail('unknown-key', 'no study is known under this id', { field: 'Task.focus' });
    return this.unitOfWork.run(referencedId(study.subject.reference, 'Patient'), async (transaction) => {
      const { manager } = transaction;
      const known = await this.store.read(manager, 'Task', task.id!);
      const now = (await this.store.read(manager, 'ImagingStudy', studyId))!;
      const wanted = { ...task, for: now.subject, ...(now.basedOn ? { basedOn: now.basedOn } : {}) };
      const asked = ({ focus, description, reasonCode }: Task) => ({ focus, description, reasonCode });
      if (known && !sameContent(asked(known), asked(wanted)))
        throw fail('duplicate-key', 'the number is of a request for something else', { field: 'Task.identifier' });
      const kept =
        known ?? (await this.readings.keep(wanted, 'imaging.result.post-processing-changed.v1', transaction));
      await this.audit(kept, 'create', client, transaction);
      return { task: kept, isNew: known === undefined };
    });
  }

  private async carryOut(current: Task, stated: Task, transaction: Transaction): Promise<Task> {
    const { now } = transaction;
    if (isCriticalResult(current)) return this.criticalResults.answer(current, stated, transaction);
    if (isReading(current))
      return this.readings.keep(changedReading(current, stated, now), 'imaging.result.reading-changed.v1', transaction);
    if (!isPostProcessing(current)) throw fail('not-supported', 'this Task is not changed by others');
    const changed = changedPostProcessing(current, stated, now);
    return this.readings.keep(changed, 'imaging.result.post-processing-changed.v1', transaction);
  }

  private async audit(task: Task, interaction: 'create' | 'update', client: string, { manager, now }: Transaction) {
    const patientIds = [referencedId(task.for?.reference, 'Patient')!];
    await recordAccess(
      manager,
      { interaction, client, service: 'results', references: [`Task/${task.id}`], patientIds },
      now,
    );
  }
}
