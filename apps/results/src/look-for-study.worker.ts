import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FhirResource, ImagingStudy } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import type { QidoSeries } from '#dicom';
import { newEvent } from '#events';
import { FhirStore, referencedId, uuidFrom } from '#fhir';
import { backoffMs, UnitOfWork, type Transaction } from '#messaging';
import {
  asFailure,
  CLOCK,
  fail,
  INFRASTRUCTURE,
  LOGGER,
  SITE,
  type Clock,
  type Failure,
  type Infrastructure,
  type Logger,
  type Site,
} from '#platform';
import { AskPacsToCommit } from './ask-pacs-to-commit.js';
import { DueWork, type WorkToDo } from './due-work.js';
import { deliveriesOf } from './emr-update.decider.js';
import { PacsContent } from './pacs-content.js';
import { decideFailedLookup, decideLookup, studyFrom } from './study-lookup.decider.js';
import { StudyLookups, type DueLookup } from './study-lookups.store.js';

/** Looks completed exams' studies up in the PACS until they are there, or for as long as the site says. */
@Injectable()
export class LookForStudy implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly work: DueWork<DueLookup>;

  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AskPacsToCommit) private readonly commitment: AskPacsToCommit,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    const toDo: WorkToDo<DueLookup> = {
      name: 'study-lookup',
      keyOf: ({ studyInstanceUid }) => studyInstanceUid,
      due: (inWork, limit) => this.lookups.due(this.clock.now(), inWork, limit),
      attempt: (lookup) => this.lookUp(lookup),
    };
    this.work = new DueWork(toDo, infrastructure, logger);
  }

  onApplicationBootstrap(): void {
    this.work.onApplicationBootstrap();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.work.beforeApplicationShutdown();
  }

  /** Says that a study became due now. */
  lookAtOnce(): void {
    this.work.wake();
  }

  /** One attempt; a study that cannot be dealt with waits like one that is not there, and holds up no other. */
  private async lookUp(lookup: DueLookup): Promise<void> {
    const study = uuidFrom('ImagingStudy', lookup.studyInstanceUid);
    try {
      const answer = await this.ask(lookup);
      if (answer.failure) this.logger.warn({ err: answer.failure, study }, 'no answer of the PACS');
      await this.unitOfWork.run(lookup.patientId, (transaction) => this.decide(lookup, answer, transaction));
    } catch (error) {
      const failure = asFailure(error);
      this.logger.error({ err: error, study }, 'a study lookup failed');
      await this.lookups.postponed(lookup.studyInstanceUid, failure, this.after(lookup));
    }
  }

  private async ask(lookup: DueLookup): Promise<Answer> {
    try {
      return { found: await this.pacs.seriesOf(lookup.studyInstanceUid) };
    } catch (error) {
      return { found: [], failure: asFailure(error) };
    }
  }

  private async decide(lookup: DueLookup, { found, failure }: Answer, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const current = await this.lookups.forUpdate(manager, lookup.studyInstanceUid);
    if (!current) return;
    const waitMs = backoffMs(current.attempts + 1, Math.random());
    const decision = failure
      ? decideFailedLookup(current, failure, waitMs, this.site, now)
      : decideLookup(current, found, this.site, now);
    const why = decision.state === 'found' ? undefined : failure;
    // What the PACS notified of while it was asked, its answer may not have known.
    const isOutdated = current.notices !== lookup.notices && decision.next !== undefined;
    const outcome = isOutdated ? { ...decision, next: now } : decision;
    await this.lookups.decided(manager, lookup.studyInstanceUid, outcome, why);
    if (!decision.event) return;
    const known = await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', lookup.studyInstanceUid));
    if (!known) throw fail('unexpected', 'a study is looked for that was never stored');
    const [study] = await this.store.save(manager, [studyFrom(known, found, decision.state, this.site)], now);
    const event = newEvent({
      type: decision.event,
      patientId: current.patientId,
      cause: `${study!.id}/${study!.meta?.versionId}`,
      now,
      resources: [study!, ...(await this.about(study!, manager))],
    });
    transaction.publish(event);
    if (decision.state !== 'found') return;
    for (const delivery of deliveriesOf(event, this.site)) transaction.deliver(delivery);
    await this.commitment.ask(study!, transaction);
  }

  private after(lookup: DueLookup): Date {
    return new Date(this.clock.now().getTime() + backoffMs(lookup.attempts + 1, Math.random()));
  }

  /** The patient and the orders of a study. */
  private async about(study: ImagingStudy, manager: EntityManager): Promise<FhirResource[]> {
    const patientId = referencedId(study.subject.reference, 'Patient')!;
    const orderIds = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    return this.store.readMany(manager, [
      { type: 'Patient', id: patientId },
      ...orderIds.map((id) => ({ type: 'ServiceRequest', id })),
    ]);
  }
}

/** What the PACS has of a study, or why it did not say. */
interface Answer {
  found: QidoSeries[];
  failure?: Failure;
}
