import { Inject, Injectable } from '@nestjs/common';
import { DicomStatus, type StorageCommitmentRequest } from '#dicom';
import { recordAccess } from '#fhir';
import { backoffMs, UnitOfWork, type NewDelivery, type Transaction } from '#messaging';
import {
  asFailure,
  CLOCK,
  INFRASTRUCTURE,
  LOGGER,
  Metrics,
  SITE,
  stationByAeTitle,
  type Clock,
  type Failure,
  type Infrastructure,
  type Logger,
  type Site,
} from '#platform';
import { DueWork } from '../due-work.js';
import { PacsContent } from '../study/pacs-content.js';
import {
  areSameInstances,
  decideCommitment,
  decideFailedCommitment,
  isLastLook,
} from './storage-commitment.decider.js';
import { resultOf, StorageCommitments, type StorageCommitment } from './storage-commitments.store.js';
import { ofStorage } from './storage-commitment-peer.js';
import { TellModalityWhatIsStored } from './tell-modality-what-is-stored.js';

/** PS3.7 annex C. */
const PROCESSING_FAILURE = 0x0110;
const NOT_AUTHORIZED = 0x0124;

/**
 * A modality asks whether its images are safely stored (storage commitment, PS3.4 annex J; IHE RAD-10). The question is
 * kept, the PACS is looked at until all are there or for as long as studies are looked for, and the answer is queued.
 */
@Injectable()
export class CheckStorageWhenModalityAsks extends DueWork<StorageCommitment> {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(StorageCommitments) private readonly commitments: StorageCommitments,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(TellModalityWhatIsStored) private readonly modalities: TellModalityWhatIsStored,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('storage-commitment', infrastructure, logger);
  }

  protected keyOf({ station, transactionUid }: StorageCommitment): string {
    return `${station} ${transactionUid}`;
  }

  protected due(inWork: string[], limit: number): Promise<StorageCommitment[]> {
    return this.commitments.due(this.clock.now(), inWork, limit);
  }

  /**
   * N-ACTION. The same question again has the same answer, told again.
   *
   * @throws DicomStatus 0x0124 for one who is no station, 0x0110 where there is no way to answer, or where the
   *   transaction UID stands for another question
   */
  async request(request: StorageCommitmentRequest, caller: string): Promise<void> {
    const station = stationByAeTitle(this.site, caller);
    if (!station) throw new DicomStatus(NOT_AUTHORIZED, 'not a station of the site file');
    if (!station.dicom) {
      this.logger.warn(
        { station: caller },
        'cannot be told what is stored: its station has no `dicom` in the site file',
      );
      this.count(caller, 'refused');
      throw new DicomStatus(PROCESSING_FAILURE, 'no address to report to: stations.dicom of the site file');
    }
    await this.unitOfWork.run(undefined, async (transaction) => {
      const known = await this.commitments.ask(transaction.manager, caller, request, transaction.now);
      if (!areSameInstances(known.instances, request.instances))
        throw new DicomStatus(PROCESSING_FAILURE, 'the Transaction UID stands for other instances');
      await recordAccess(
        transaction.manager,
        { ...ofStorage, client: caller, references: [`urn:oid:${request.transactionUid}`] },
        transaction.now,
      );
      if (known.failed) transaction.deliver(this.answerTo(known));
    });
    this.wake();
  }

  protected async attempt(commitment: StorageCommitment): Promise<void> {
    const at = this.clock.now();
    const look: Look = { at, classes: new Map() };
    try {
      look.classes = await this.pacs.classesOf(commitment.instances, !isLastLook(commitment, this.site, at));
    } catch (error) {
      look.failure = asFailure(error);
      this.logger.warn({ err: look.failure, station: commitment.station }, 'no answer of the PACS');
    }
    await this.unitOfWork.run(undefined, (transaction) => this.decide(commitment, look, transaction));
  }

  private async decide(asked: StorageCommitment, look: Look, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const current = await this.commitments.forUpdate(manager, asked);
    if (current.failed) return;
    const { at, classes, failure } = look;
    const waitMs = backoffMs(current.attempts + 1, Math.random());
    const decision = failure
      ? decideFailedCommitment(current, failure, waitMs, this.site, at)
      : decideCommitment(current, classes, this.site, at);
    if ('next' in decision) return this.commitments.postponed(manager, current, decision.next, failure);
    const { failed } = decision.result;
    await this.commitments.answered(manager, current, failed, now);
    transaction.deliver(this.answerTo({ ...current, failed }));
    this.count(current.station, failed.length > 0 ? 'failed' : 'committed');
  }

  /** Asked again it is told again: the modality may have lost the first answer. */
  private answerTo(commitment: StorageCommitment): NewDelivery {
    return this.modalities.delivery(commitment.station, resultOf(commitment), commitment.timesAsked);
  }

  private count(station: string, outcome: 'committed' | 'failed' | 'refused'): void {
    this.metrics.storageCommitments.inc({ station, outcome });
  }
}

/** What the PACS had when it was looked at, or why it did not say. */
interface Look {
  /** A look that was not meant to be the last has not seen everything, however long it took. */
  at: Date;
  classes: ReadonlyMap<string, string>;
  failure?: Failure;
}
