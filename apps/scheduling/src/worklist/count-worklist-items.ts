import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { asFailure, LOGGER, Metrics, type Logger } from '#platform';
import { Worklist } from './worklist.store.js';

const EVERY_MS = 15_000;

/** Keeps the gauge of worklist items: a station whose count stays at nothing is one that nobody schedules to. */
@Injectable()
export class CountWorklistItems implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer?: NodeJS.Timeout;

  constructor(
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.count(), EVERY_MS).unref();
    void this.count();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Counts now. */
  async count(): Promise<void> {
    try {
      const counts = await this.worklist.counts();
      this.metrics.worklistItems.reset();
      for (const { stationAeTitle, status, items } of counts)
        this.metrics.worklistItems.set({ station: stationAeTitle, status }, items);
    } catch (error) {
      this.logger.debug({ code: asFailure(error).code }, 'worklist items could not be counted');
    }
  }
}
