import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { attributeAt, CANNOT_UNDERSTAND, Dataset, DicomStatus, type StorageProvider, type StoredObject } from '#dicom';
import { UnitOfWork } from '#messaging';
import { asFailure, LOGGER, Metrics, SITE, type Logger, type Site } from '#platform';
import { InjectorReportDesk } from './injector-report-desk.js';
import { injectorReportFrom, type InjectorReport } from './injector-report.js';
import { InjectorReports } from './injector-reports.store.js';

/** PS3.7 annex C. */
const DUPLICATE_SOP_INSTANCE = 0x0111;

/**
 * An injector reports what it gave (Performed Imaging Agent Administration SR, by C-STORE). The object is kept byte for
 * byte, and what was given is recorded where its exam is certain; else it is listed. Success says that it is kept, so an
 * injector is not asked to send again what a person has to look at.
 */
@Injectable()
export class ReceiveInjectorReportWhenInjectorStores implements StorageProvider {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(InjectorReports) private readonly reports: InjectorReports,
    @Inject(InjectorReportDesk) private readonly desk: InjectorReportDesk,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** @throws DicomStatus 0xC000 for what is no such report, 0x0111 for another object under a UID that is known */
  async store(object: StoredObject, aeTitle: string): Promise<void> {
    const report = this.read(object, aeTitle);
    const { sopInstanceUid, bytes, transferSyntax } = object;
    const kept = { sopInstanceUid, aeTitle, digest: digestOf(object.dataset), report };
    const outcome = await this.unitOfWork
      .run(undefined, async (transaction) => {
        const { manager, now } = transaction;
        if (await this.reports.insert(manager, { ...kept, bytes, transferSyntax }, now))
          return (await this.desk.match({ ...kept, state: 'waiting' }, transaction)).state;
        const known = await this.reports.find(manager, sopInstanceUid);
        if (known?.digest === kept.digest) return 'same';
        await this.reports.refusedCopy(manager, sopInstanceUid);
        return 'other';
      })
      .catch((error: unknown) => {
        this.logger.warn({ err: asFailure(error), aeTitle }, 'a report of an injector could not be kept');
        throw error;
      });
    this.metrics.injectorReports.inc({ injector: aeTitle, outcome });
    if (outcome === 'other')
      throw new DicomStatus(DUPLICATE_SOP_INSTANCE, 'another object is kept under this SOP Instance UID');
  }

  private read({ dataset }: StoredObject, aeTitle: string): InjectorReport {
    const injector = this.site.injectors.find((one) => one.aeTitle === aeTitle);
    try {
      return injectorReportFrom(dataset, injector?.timeZone ?? this.site.timeZone);
    } catch (error) {
      const { field, message } = asFailure(error);
      this.metrics.injectorReports.inc({ injector: aeTitle, outcome: 'unreadable' });
      throw new DicomStatus(CANNOT_UNDERSTAND, `${field ?? 'data set'}: ${message}`);
    }
  }
}

/**
 * Of the content that is read here, at all levels, whatever transfer syntax it came in: what the dictionary does not know
 * has no value representation in one of them.
 */
function digestOf(dataset: Dataset): string {
  return createHash('sha256')
    .update(JSON.stringify(contentOf(dataset)))
    .digest('hex');
}

function contentOf(dataset: Dataset): unknown[] {
  return dataset.elements().flatMap(({ tag, values }): unknown[] => {
    if (!attributeAt(tag)) return [];
    if (Buffer.isBuffer(values)) return [[tag, values.toString('base64')]];
    return [[tag, (values as readonly unknown[]).map((one) => (one instanceof Dataset ? contentOf(one) : one))]];
  });
}
