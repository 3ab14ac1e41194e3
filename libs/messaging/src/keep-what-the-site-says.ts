import { Inject, Injectable } from '@nestjs/common';
import { Retention, SITE, type Site } from '#platform';

/**
 * How long messaging keeps what is over. An event handled must be remembered longer than topics and replays reach back;
 * a published event and a finished delivery are there to be looked at, and hold data of patients.
 */
@Injectable()
export class KeepWhatTheSiteSays {
  constructor(@Inject(Retention) retention: Retention, @Inject(SITE) { retention: days }: Site) {
    retention.keep(
      { table: 'outbox', since: 'published_at', days: days.outboxDays },
      { table: 'inbox', since: 'handled_at', days: days.inboxDays },
      { table: 'delivery', since: 'finished_at', over: "state IN ('done', 'skipped')", days: days.deliveryDays },
    );
  }
}
