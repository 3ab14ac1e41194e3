import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';
import { LOGGER } from './tokens.js';

/** A request that was refused since it came without a token that is known. */
export interface RefusedRequest {
  method: string;
  /** Path and query as asked: for the audit trail, never for a log. */
  url: string;
  address: string | undefined;
}

/** How many are being recorded at one time: who tries tokens by the thousand must not take the database from the others. */
const AT_ONCE = 8;

/** Hands refused requests to the audit trail, which lies beyond this library. The answer does not wait for it. */
@Injectable()
export class RefusedRequests {
  private record?: (refused: RefusedRequest) => Promise<void>;
  private inWork = 0;

  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Says how they are recorded. */
  recordBy(record: (refused: RefusedRequest) => Promise<void>): void {
    this.record = record;
  }

  /** Records one, unless too many are being recorded; each is counted either way. Never throws. */
  async tell(refused: RefusedRequest): Promise<void> {
    const mayRecord = this.record !== undefined && this.inWork < AT_ONCE;
    const recorded = mayRecord && (await this.tryTo(this.record!, refused));
    this.metrics.requestsRefused.inc({ recorded: String(recorded) });
  }

  private async tryTo(record: (refused: RefusedRequest) => Promise<void>, refused: RefusedRequest): Promise<boolean> {
    this.inWork++;
    try {
      await record(refused);
      return true;
    } catch (err) {
      this.logger.warn({ err }, 'a refused request could not be recorded');
      return false;
    } finally {
      this.inWork--;
    }
  }
}
