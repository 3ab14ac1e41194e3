import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ImagingStudy } from 'fhir/r4.js';
import { DicomStatus, newUid, type StorageCommitmentRequest, type StorageCommitmentResult } from '#dicom';
import { recordAccess, studyInstanceUidOf } from '#fhir';
import { DeliveryQueue, UnitOfWork, type Transaction } from '#messaging';
import { INFRASTRUCTURE, LOGGER, Metrics, SITE, type Infrastructure, type Logger, type Site } from '#platform';
import { ofStorage, sayOfStorage } from './storage-commitment-peer.js';
import { instancesToCommit } from './storage-commitment.decider.js';
import { StudyLookups } from '../study/study-lookups.store.js';

const DESTINATION = 'storage commitment of the PACS';
const CONCURRENCY = 2;
/** PS3.7 annex C. */
const PROCESSING_FAILURE = 0x0110;
const NOT_AUTHORIZED = 0x0124;

/**
 * Asks the PACS to commit itself to what a completed exam made, once all of it was found there (storage commitment,
 * PS3.4 annex J; the site says where). The answer comes on an association that the PACS opens.
 */
@Injectable()
export class AskPacsToCommit implements OnModuleInit {
  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  onModuleInit(): void {
    const pacs = this.site.pacs.storageCommitment;
    if (!pacs) return;
    this.queue.register(
      DESTINATION,
      ({ body }) =>
        sayOfStorage(pacs, 'user', this.infrastructure, (association) =>
          association.requestStorageCommitment(body as unknown as StorageCommitmentRequest),
        ),
      { concurrency: CONCURRENCY },
    );
  }

  /** Puts the question about a study that was found in the queue, where the site says that the PACS takes it. */
  async ask(study: ImagingStudy, transaction: Transaction): Promise<void> {
    const instances = instancesToCommit(study);
    if (!this.site.pacs.storageCommitment || instances.length === 0) return;
    const transactionUid = newUid();
    await this.lookups.commitmentAsked(
      transaction.manager,
      studyInstanceUidOf(study)!,
      transactionUid,
      transaction.now,
    );
    transaction.deliver({
      destination: DESTINATION,
      key: transactionUid,
      kind: 'storage-commitment',
      idempotencyKey: transactionUid,
      body: { transactionUid, instances } satisfies StorageCommitmentRequest,
    });
  }

  /**
   * N-EVENT-REPORT: the answer. The same again changes nothing.
   *
   * @throws DicomStatus 0x0124 for one of somebody else, 0x0110 for one to a question that is not open
   */
  async report(result: StorageCommitmentResult, caller: string): Promise<void> {
    if (caller !== this.site.pacs.storageCommitment?.aeTitle)
      throw new DicomStatus(NOT_AUTHORIZED, 'not the AE title of pacs.storageCommitment');
    await this.unitOfWork.run(undefined, async ({ manager, now }) => {
      if (!(await this.lookups.commitmentAnswered(manager, result, now)))
        throw new DicomStatus(PROCESSING_FAILURE, 'nothing was asked with this Transaction UID');
      const references = [`urn:oid:${result.transactionUid}`];
      await recordAccess(manager, { ...ofStorage, client: caller, references }, now);
    });
    const { failed, transactionUid } = result;
    this.metrics.studyCommitments.inc({ outcome: failed.length > 0 ? 'failed' : 'committed' });
    if (failed.length > 0)
      this.logger.warn({ transactionUid, failed: failed.length }, 'the PACS does not keep all of a study');
  }
}
