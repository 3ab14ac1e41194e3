import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Clock } from './clock.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';
import { CLOCK, LOGGER } from './tokens.js';

const HOUR_MS = 60 * 60 * 1000;
/** Rows that go in one transaction: so few that nobody waits for them. */
const BATCH = 1000;
/** Between two batches, so that others have the table, and the disk, as well. */
const REST_MS = 50;

/** Rows of a table that go when they are old. Names are written into SQL as they are. */
export interface Kept {
  table: string;
  /** Column of the time they are old by; it needs an index. */
  since: string;
  /** SQL condition of what is over and may go at all, where the column alone does not say so. */
  over?: string;
  /** Kept for ever if undefined. */
  days: number | undefined;
}

/**
 * Removes what is over once it is as old as the site says, at the start and every hour, a batch at a time. Every process
 * of a service does so: a row that another one is at is left to that one.
 */
@Injectable()
export class Retention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly kept: Kept[] = [];
  private readonly ending = new AbortController();
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** Says how long rows of a table are kept; before the service starts. */
  keep(...kept: Kept[]): void {
    this.kept.push(...kept);
  }

  onApplicationBootstrap(): void {
    const run = () => void (this.running ??= this.removeAll().finally(() => (this.running = undefined)));
    run();
    this.timer = setInterval(run, HOUR_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.ending.abort();
    await this.running;
  }

  /** Removes what is old enough now. What cannot be removed is tried again in an hour. */
  async removeAll(): Promise<void> {
    for (const one of this.kept) {
      try {
        const rows = await this.remove(one);
        if (rows > 0) this.logger.info({ table: one.table, rows }, 'rows older than the site keeps them are gone');
      } catch (err) {
        this.logger.warn({ err, table: one.table }, 'old rows could not be removed: tried again in an hour');
      }
    }
  }

  private async remove({ table, since, over, days }: Kept): Promise<number> {
    if (days === undefined) return 0;
    const before = new Date(this.clock.now().getTime() - days * 24 * HOUR_MS);
    for (let removed = 0; ;) {
      if (this.ending.signal.aborted) return removed;
      const [, count] = await this.dataSource.query(
        `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM ${table} WHERE ${since} < $1 ${over ? `AND ${over}` : ''}
            ORDER BY ${since} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`,
        [before],
      );
      removed += Number(count);
      this.metrics.rowsRemoved.inc({ table }, Number(count));
      if (Number(count) < BATCH) return removed;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }
}
