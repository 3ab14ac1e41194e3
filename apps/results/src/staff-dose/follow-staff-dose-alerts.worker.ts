import { Inject, Injectable } from '@nestjs/common';
import { LeasedWorker } from '#messaging';
import { INFRASTRUCTURE, LOGGER, Metrics, SITE, type Infrastructure, type Logger, type Site } from '#platform';
import { StaffDoseDesk } from './staff-dose-desk.js';
import { StaffDoseViews } from './staff-dose-views.js';

const EVERY_MS = 15_000;

/**
 * Looks at everybody anew once at the start, since the site file may have other limits, and then counts the alerts that
 * nobody has acknowledged: that count, by level, is all that leaves the schema.
 */
@Injectable()
export class FollowStaffDoseAlerts extends LeasedWorker {
  private isFollowed = false;

  constructor(
    @Inject(StaffDoseDesk) private readonly desk: StaffDoseDesk,
    @Inject(StaffDoseViews) private readonly views: StaffDoseViews,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('staff-dose-alerts', EVERY_MS, infrastructure, logger);
  }

  protected async turn(): Promise<void> {
    if (!this.site.staffDose) return;
    if (!this.isFollowed) await this.desk.followEverybody();
    this.isFollowed = true;
    for (const [level, count] of await this.views.openByLevel()) this.metrics.staffDoseAlerts.set({ level }, count);
  }
}
