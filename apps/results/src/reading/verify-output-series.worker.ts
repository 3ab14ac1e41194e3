import { Inject, Injectable } from '@nestjs/common';
import type { Task } from 'fhir/r4.js';
import { FhirStore, referencedId, studyInstanceUidOf } from '#fhir';
import { UnitOfWork } from '#messaging';
import {
  CLOCK,
  INFRASTRUCTURE,
  LOGGER,
  SITE,
  type Clock,
  type Infrastructure,
  type Logger,
  type Site,
} from '#platform';
import { DueWork } from '../due-work.js';
import { PacsContent } from '../study/pacs-content.js';
import { isUnverified, verified } from './post-processing.decider.js';
import { ReadingDesk } from './reading-desk.js';
import { ResultTasks } from './result-tasks.store.js';

/** Looks in the PACS for the series that post-processing is said to have made, until they are there or it is given up. */
@Injectable()
export class VerifyOutputSeries extends DueWork<Task> {
  /** When a Task is looked at again, in milliseconds; a process that begins anew looks at each at once. */
  private readonly notBefore = new Map<string, number>();

  constructor(
    @Inject(ResultTasks) private readonly tasks: ResultTasks,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(ReadingDesk) private readonly readings: ReadingDesk,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('output-series', infrastructure, logger);
  }

  protected keyOf({ id }: Task): string {
    return id!;
  }

  protected due(inWork: string[], limit: number): Promise<Task[]> {
    return this.tasks.unverified([...inWork, ...this.resting()], limit);
  }

  private resting(): string[] {
    const now = this.clock.now().getTime();
    for (const [id, at] of this.notBefore) if (at <= now) this.notBefore.delete(id);
    return [...this.notBefore.keys()];
  }

  /** A PACS that does not answer says nothing of the series: they are looked for again. */
  protected async attempt(task: Task): Promise<void> {
    this.notBefore.set(task.id!, this.clock.now().getTime() + this.site.pacs.lookup.everySeconds * 1000);
    const study = await this.unitOfWork.run(undefined, ({ manager }) =>
      this.store.read(manager, 'ImagingStudy', referencedId(task.focus?.reference, 'ImagingStudy')!),
    );
    let there: string[];
    try {
      const uid = studyInstanceUidOf(study);
      there = uid ? (await this.pacs.seriesOf(uid)).map(({ seriesInstanceUid }) => seriesInstanceUid) : [];
    } catch (err) {
      this.logger.warn({ err, task: task.id }, 'no answer of the PACS');
      return;
    }
    await this.unitOfWork.run(referencedId(task.for?.reference, 'Patient'), async (transaction) => {
      const current = await this.store.read(transaction.manager, 'Task', task.id!);
      const seen = current && isUnverified(current) ? verified(current, there, this.site, transaction.now) : undefined;
      if (seen) await this.readings.keep(seen, 'imaging.result.post-processing-changed.v1', transaction);
    });
  }
}
