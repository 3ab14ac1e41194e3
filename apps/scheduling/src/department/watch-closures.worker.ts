import { Inject, Injectable } from '@nestjs/common';
import { LeasedWorker, UnitOfWork } from '#messaging';
import { INFRASTRUCTURE, LOGGER, type Infrastructure, type Logger } from '#platform';
import { CleaningDesk } from './cleaning-desk.js';
import { FollowClosures } from './follow-closures.js';

const POLL_MS = 3000;

/**
 * Sees what only the clock brings: a test that becomes overdue, downtime that begins or ends, a turnover time that is
 * over, a certificate that expires. What it missed while no process ran it sees then.
 */
@Injectable()
export class WatchClosures extends LeasedWorker {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(CleaningDesk) private readonly cleaning: CleaningDesk,
    @Inject(FollowClosures) private readonly closures: FollowClosures,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('station-closures', POLL_MS, infrastructure, logger);
  }

  /** Looks now. */
  async look(): Promise<void> {
    await this.unitOfWork.run(undefined, async (transaction) => {
      await this.cleaning.followClock(transaction);
      await this.closures.follow(transaction);
    });
  }

  protected turn(): Promise<void> {
    return this.look();
  }
}
