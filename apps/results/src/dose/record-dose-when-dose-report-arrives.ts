import { Inject, Injectable } from '@nestjs/common';
import { CANNOT_UNDERSTAND, DicomStatus, type StorageProvider, type StoredObject } from '#dicom';
import { FhirStore, referencedId, uuidFrom } from '#fhir';
import { UnitOfWork } from '#messaging';
import { asFailure, LOGGER, type Logger } from '#platform';
import { DoseDesk } from './dose-desk.js';
import { isOtherDocument } from './dose-report.js';

/**
 * A modality or the PACS stores a radiation dose report here: the way of a scanner that sends it to a dose management
 * system, and of a PACS without DICOMweb. It is kept byte for byte, and in the study's dose once the exam is known; until then it is
 * listed. The same SOP Instance UID with other content is the corrected report. A document of another kind, of a class
 * that dose reports come in too, is taken and dropped: its sender sends all of that class.
 */
@Injectable()
export class RecordDoseWhenDoseReportArrives implements StorageProvider {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DoseDesk) private readonly desk: DoseDesk,
    @Inject(FhirStore) private readonly resources: FhirStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** C-STORE. @throws DicomStatus 0xC000 for what is no dose report; whatever the database throws (0xA700: sent again) */
  async store({ dataset, bytes, transferSyntax }: StoredObject, callingAeTitle: string): Promise<void> {
    if (isOtherDocument(dataset)) return this.logger.info({ from: callingAeTitle }, 'a document is no dose report');
    try {
      await this.unitOfWork.run(undefined, async (transaction) => {
        const studies = await this.desk.keep(dataset, { caller: callingAeTitle, bytes, transferSyntax }, transaction);
        for (const study of studies.sort()) {
          const id = uuidFrom('ImagingStudy', study);
          const known = await this.resources.read(transaction.manager, 'ImagingStudy', id);
          const patientId = referencedId(known?.subject.reference, 'Patient');
          if (patientId) await transaction.lock(patientId);
          await this.desk.file(study, transaction);
        }
      });
    } catch (error) {
      const failure = asFailure(error);
      this.logger.warn({ err: failure, from: callingAeTitle }, 'a radiation dose report could not be kept');
      if (failure.fate !== 'refuse') throw error;
      throw new DicomStatus(CANNOT_UNDERSTAND, `${failure.field ?? 'data set'}: ${failure.message}`);
    }
  }
}
