import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { CLOCK, LOGGER, SITE, type Clock, type Logger, type Site } from '#platform';
import { MessageLog } from './message-log.js';

const HOUR = 60 * 60 * 1000;

/** Keeps the message log as long as the site says, and no longer. */
@Injectable()
export class ForgetOldMessages implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer?: NodeJS.Timeout;

  constructor(
    @Inject(MessageLog) private readonly messages: MessageLog,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    if (this.site.retention.messageDays === undefined) return;
    void this.forget();
    this.timer = setInterval(() => void this.forget(), HOUR);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async forget(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - this.site.retention.messageDays! * 24 * HOUR);
    try {
      const messages = await this.messages.forget(before);
      if (messages > 0) this.logger.info({ messages }, 'messages older than the site keeps them are gone');
    } catch (err) {
      this.logger.warn({ err }, 'old messages could not be removed: tried again in an hour');
    }
  }
}
