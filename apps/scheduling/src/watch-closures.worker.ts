import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Lease, UnitOfWork, WakeSignal, within } from '#messaging';
import { INFRASTRUCTURE, LOGGER, type Infrastructure, type Logger } from '#platform';
import { CleaningDesk } from './cleaning-desk.js';
import { FollowClosures } from './follow-closures.js';

const POLL_MS = 3000;
const FINISH_WITHIN_MS = 10_000;

/**
 * Sees what only the clock brings: a test that becomes overdue, downtime that begins or ends, a turnover time that is
 * over, a certificate that expires. One process of the service does it; what it missed while none ran it sees then.
 */
@Injectable()
export class WatchClosures implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly wake = new WakeSignal();
  private readonly lease: Lease;
  private running?: Promise<void>;
  private stopping = false;

  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(CleaningDesk) private readonly cleaning: CleaningDesk,
    @Inject(FollowClosures) private readonly closures: FollowClosures,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    this.lease = new Lease('station-closures', infrastructure.database, logger, () => this.wake.wake());
  }

  onApplicationBootstrap(): void {
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await within(FINISH_WITHIN_MS, this.running ?? Promise.resolve());
    await this.lease.stop();
  }

  /** Looks now. */
  async look(): Promise<void> {
    await this.unitOfWork.run(undefined, async (transaction) => {
      await this.cleaning.followClock(transaction);
      await this.closures.follow(transaction);
    });
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          await this.look();
        } catch (err) {
          this.logger.warn({ err }, 'closures of stations cannot be followed now; trying on');
        }
      await this.wake.wait(POLL_MS);
    }
  }
}
