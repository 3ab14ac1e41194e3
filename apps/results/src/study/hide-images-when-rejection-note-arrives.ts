import { Inject, Injectable } from '@nestjs/common';
import { rejectionNoteFrom, type StorageProvider, type StoredObject } from '#dicom';
import { UnitOfWork } from '#messaging';
import { LOGGER, type Logger } from '#platform';
import { LookForStudy } from './look-for-study.worker.js';
import { ExposureLedger } from '../quality/exposure-ledger.js';
import { Rejections } from './rejections.store.js';
import { StudyLookups } from './study-lookups.store.js';

/**
 * Whoever rejects images may store its Key Object Selection document here (IHE IOCM, RAD-66): the way of a PACS that has
 * no DICOMweb to read it by. It is acted upon when it is kept; a document of another title rejects nothing, and is taken
 * and dropped.
 */
@Injectable()
export class HideImagesWhenRejectionNoteArrives implements StorageProvider {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(ExposureLedger) private readonly ledger: ExposureLedger,
    @Inject(LookForStudy) private readonly lookForStudy: LookForStudy,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** C-STORE. @throws whatever the database throws, which the sender is answered 0xA700 for, and sends it again */
  async store({ dataset }: StoredObject, callingAeTitle: string): Promise<void> {
    const note = rejectionNoteFrom(dataset);
    if (!note) return this.logger.info({ from: callingAeTitle }, 'a Key Object Selection document rejects nothing');
    await this.unitOfWork.run(undefined, async (transaction) => {
      const { manager, now } = transaction;
      const studies = await this.rejections.keep(manager, note, now);
      for (const study of [...studies].sort()) await this.lookups.notified(manager, study, now);
      await this.ledger.follow(undefined, [], [note], transaction);
    });
    this.lookForStudy.wake();
  }
}
