import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { guardedDicomServer, type DicomServer } from '#dicom';
import { INFRASTRUCTURE, Metrics, SITE, type Infrastructure, type Site } from '#platform';
import { FollowExamWhenMppsArrives } from './exam/follow-exam-when-mpps-arrives.js';
import { ServeWorklistWhenModalityAsks } from './worklist/serve-worklist-when-modality-asks.js';

/** The DICOM side of scheduling: Modality Worklist and MPPS, for the stations and worklist views of the site file only. */
@Injectable()
export class DicomListener implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server?: DicomServer;

  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(SITE) private readonly site: Site,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ServeWorklistWhenModalityAsks) private readonly worklist: ServeWorklistWhenModalityAsks,
    @Inject(FollowExamWhenMppsArrives) private readonly exams: FollowExamWhenMppsArrives,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { dicom } = this.infrastructure;
    if (!dicom) return;
    const { stations, worklistViews } = this.site;
    const callers = new Set([...stations, ...worklistViews].map(({ aeTitle }) => aeTitle));
    this.server = guardedDicomServer(dicom, callers, this.metrics);
    this.server.provideWorklist(this.worklist);
    this.server.provideMpps(this.exams);
    dicom.port = await this.server.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server?.stop();
  }
}
