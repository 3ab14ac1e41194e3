import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FhirResource, ImagingStudy } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { newEvent, type EventType } from '#events';
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
import { AskPacsToCommit } from '../storage-commitment/ask-pacs-to-commit.js';
import { DoseDesk } from '../dose/dose-desk.js';
import { DueWork, type WorkToDo } from '../due-work.js';
import { deliveriesOf } from '../emr/emr-update.decider.js';
import { studyFrom } from './imaging-study.decider.js';
import { PacsContent, type ContentOfStudy } from './pacs-content.js';
import { ExposureLedger } from '../quality/exposure-ledger.js';
import { Rejections } from './rejections.store.js';
import { StudyAlerts } from './study-alerts.js';
import {
  alertAfter,
  decideFailedLookup,
  decideLookup,
  tellingAfter,
  type Look,
  type LookupDecision,
} from './study-lookup.decider.js';
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
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(ExposureLedger) private readonly ledger: ExposureLedger,
    @Inject(StudyAlerts) private readonly alerts: StudyAlerts,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
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
      return { content: await this.pacs.contentOf(lookup.studyInstanceUid) };
    } catch (error) {
      return { failure: asFailure(error) };
    }
  }

  private async decide(lookup: DueLookup, { content, failure }: Answer, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const { studyInstanceUid } = lookup;
    const current = await this.lookups.forUpdate(manager, studyInstanceUid);
    if (!current) return;
    const look = await this.look(studyInstanceUid, content, transaction);
    const waitMs = backoffMs(current.attempts + 1, Math.random());
    const decision = failure
      ? decideFailedLookup(current, failure, waitMs, this.site, now)
      : decideLookup(current, look, this.site, now);
    const before = await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', studyInstanceUid));
    if (!before) throw fail('unexpected', 'a study is looked for that was never stored');
    const saw = look.found.length + look.rejected.size > 0;
    const after =
      saw && !failure ? studyFrom(before, look.found, decision.state === 'found', look.rejected, this.site) : before;
    const told = tellingAfter(current, decision.state, before, after);
    const [study] = after === before ? [before] : await this.store.save(manager, [after], now);
    const hasChanged = study!.meta?.versionId !== before.meta?.versionId;
    const foundAt = decision.state === 'found' && (hasChanged || current.state !== 'found') ? now : undefined;
    const next =
      foundAt && !failure
        ? decideLookup({ ...current, state: 'found', foundAt }, look, this.site, now).next
        : decision.next;
    // What the PACS notified of while it was asked, its answer may not have known.
    const isOutdated = current.notices !== lookup.notices && next !== undefined;
    await this.lookups.decided(
      manager,
      studyInstanceUid,
      { state: decision.state, next: isOutdated ? now : next },
      {
        failure: decision.state === 'found' && !failure ? undefined : failure,
        foundAt,
        toldAt: told === 'imaging.result.study-available.v1' ? now : undefined,
      },
    );
    // A PACS that does not answer says nothing of a study that was found.
    if (!failure || decision.state === 'missing') await this.settle(current, decision, look, study!, transaction);
    if (told) await this.tell(told, study!, current.patientId, transaction);
    await this.dose.keepFetched(studyInstanceUid, content?.doseReports ?? [], transaction);
    await this.dose.file(studyInstanceUid, transaction);
    // As it was before what was rejected left it.
    await this.ledger.follow(before, content?.series ?? [], content?.notes ?? [], transaction);
  }

  /** What there is, with what was rejected of it until now, by what was read just now or before. */
  private async look(studyInstanceUid: string, content: ContentOfStudy | undefined, transaction: Transaction) {
    const { manager, now } = transaction;
    for (const note of content?.notes ?? [])
      for (const touched of await this.rejections.keep(manager, note, now))
        if (touched !== studyInstanceUid) await this.lookups.notified(manager, touched, now);
    for (const uid of content?.otherDocuments ?? [])
      await this.rejections.keepOther(manager, uid, studyInstanceUid, now);
    const rejected = await this.rejections.ofStudy(manager, studyInstanceUid);
    return { found: content?.series ?? [], rejected } satisfies Look;
  }

  private async settle(
    current: DueLookup,
    { state }: LookupDecision,
    look: Look,
    study: ImagingStudy,
    transaction: Transaction,
  ) {
    if (state === 'searching') return;
    const { studyInstanceUid, patientId } = current;
    const orderIds = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    const subject = { studyInstanceUid, patientId, orderIds };
    await this.alerts.settle(alertAfter(current, state, look), subject, transaction);
    if (orderIds.length === 0 && study.status === 'available')
      await this.alerts.raise(
        'images-without-order',
        { ...subject, detail: 'The exam was done without an order.' },
        transaction,
      );
  }

  private async tell(type: EventType, study: ImagingStudy, patientId: string, transaction: Transaction): Promise<void> {
    const event = newEvent({
      type,
      patientId,
      cause: `${study.id}/${study.meta?.versionId}`,
      now: transaction.now,
      resources: [study, ...(await this.about(study, transaction.manager))],
    });
    transaction.publish(event);
    if (type === 'imaging.result.study-missing.v1') return;
    const isThere = type === 'imaging.result.study-available.v1';
    // A dose report is often here before the images are found: then its dose could not refer to the study.
    const doses = isThere ? await this.dose.ofStudy(study, transaction.manager) : [];
    for (const delivery of deliveriesOf(event, this.site, [], doses)) transaction.deliver(delivery);
    if (isThere) await this.commitment.ask(study, transaction);
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
  content?: ContentOfStudy;
  failure?: Failure;
}
