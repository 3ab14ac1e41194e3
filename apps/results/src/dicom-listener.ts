import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { guardedDicomServer, sopClasses, type DicomServer } from '#dicom';
import { INFRASTRUCTURE, Metrics, SITE, type Infrastructure, type Site } from '#platform';
import { AskPacsToCommit } from './storage-commitment/ask-pacs-to-commit.js';
import { CheckStorageWhenModalityAsks } from './storage-commitment/check-storage-when-modality-asks.js';
import { doseReportClasses } from './dose/dose-report.js';
import { RecordDoseWhenDoseReportArrives } from './dose/record-dose-when-dose-report-arrives.js';
import { HideImagesWhenRejectionNoteArrives } from './study/hide-images-when-rejection-note-arrives.js';
import { LookForStudyWhenPacsNotifies } from './study/look-for-study-when-pacs-notifies.js';

/**
 * The DICOM side of results: Instance Availability Notification from the PACS, storage commitment for the stations of the
 * site file and from the PACS, rejection notes and radiation dose reports from both; nobody else.
 */
@Injectable()
export class DicomListener implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server?: DicomServer;

  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(SITE) private readonly site: Site,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(LookForStudyWhenPacsNotifies) private readonly availability: LookForStudyWhenPacsNotifies,
    @Inject(CheckStorageWhenModalityAsks) private readonly storage: CheckStorageWhenModalityAsks,
    @Inject(HideImagesWhenRejectionNoteArrives) private readonly rejections: HideImagesWhenRejectionNoteArrives,
    @Inject(RecordDoseWhenDoseReportArrives) private readonly dose: RecordDoseWhenDoseReportArrives,
    @Inject(AskPacsToCommit) private readonly commitment: AskPacsToCommit,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { dicom } = this.infrastructure;
    if (!dicom) return;
    const { pacs, stations } = this.site;
    const answering = pacs.storageCommitment ? [pacs.storageCommitment.aeTitle] : [];
    const callers = new Set([...pacs.aeTitles, ...answering, ...stations.map(({ aeTitle }) => aeTitle)]);
    this.server = guardedDicomServer(dicom, callers, this.metrics);
    this.server.provideInstanceAvailability(this.availability);
    this.server.provideStorage([sopClasses.keyObjectSelection], this.rejections);
    this.server.provideStorage(doseReportClasses, this.dose);
    this.server.provideStorageCommitment({
      request: (request, caller) => this.storage.request(request, caller),
      report: (result, caller) => this.commitment.report(result, caller),
    });
    dicom.port = await this.server.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server?.stop();
  }
}
