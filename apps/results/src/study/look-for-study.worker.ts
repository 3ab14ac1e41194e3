import { Inject, Injectable } from '@nestjs/common';
import { FhirStore, uuidFrom } from '#fhir';
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
import { DueWork } from '../due-work.js';
import { studyFrom } from './imaging-study.decider.js';
import { PacsContent, type ContentOfStudy } from './pacs-content.js';
import { StudyContent } from './study-content.js';
import { decideFailedLookup, decideLookup, tellingAfter } from './study-lookup.decider.js';
import { StudyLookups, type DueLookup } from './study-lookups.store.js';
import { TellOfStudy } from './tell-of-study.js';

/** Looks completed exams' studies up in the PACS until they are there, or for as long as the site says. */
@Injectable()
export class LookForStudy extends DueWork<DueLookup> {
  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(StudyContent) private readonly content: StudyContent,
    @Inject(TellOfStudy) private readonly telling: TellOfStudy,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('study-lookup', infrastructure, logger);
  }

  protected keyOf({ studyInstanceUid }: DueLookup): string {
    return studyInstanceUid;
  }

  protected due(inWork: string[], limit: number): Promise<DueLookup[]> {
    return this.lookups.due(this.clock.now(), inWork, limit);
  }

  /** One attempt; a study that cannot be dealt with waits like one that is not there, and holds up no other. */
  protected async attempt(lookup: DueLookup): Promise<void> {
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
    const look = await this.content.keep(studyInstanceUid, content, transaction);
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
    if (!failure || decision.state === 'missing')
      await this.telling.settle(current, decision.state, look, study!, transaction);
    if (told) await this.telling.tell(told, study!, current.patientId, transaction);
    await this.content.file(before, content, transaction);
  }

  private after(lookup: DueLookup): Date {
    return new Date(this.clock.now().getTime() + backoffMs(lookup.attempts + 1, Math.random()));
  }
}

/** What the PACS has of a study, or why it did not say. */
interface Answer {
  content?: ContentOfStudy;
  failure?: Failure;
}
