import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { guardedDicomServer, sopClasses, type DicomServer } from '#dicom';
import { INFRASTRUCTURE, Metrics, SITE, type Infrastructure, type Site } from '#platform';
import { ReceiveInjectorReportWhenInjectorStores } from './receive-injector-report-when-injector-stores.js';

/** The DICOM side of contrast: takes the reports of the injectors of the site file, and nothing of anybody else. */
@Injectable()
export class DicomListener implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server?: DicomServer;

  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(SITE) private readonly site: Site,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ReceiveInjectorReportWhenInjectorStores) private readonly reports: ReceiveInjectorReportWhenInjectorStores,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { dicom } = this.infrastructure;
    if (!dicom) return;
    const callers = new Set(this.site.injectors.flatMap(({ aeTitle }) => aeTitle ?? []));
    this.server = guardedDicomServer(dicom, callers, this.metrics);
    this.server.provideStorage([sopClasses.performedImagingAgentAdministrationSr], this.reports);
    dicom.port = await this.server.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server?.stop();
  }
}
