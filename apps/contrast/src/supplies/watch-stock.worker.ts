import { Inject, Injectable } from '@nestjs/common';
import { LeasedWorker, UnitOfWork } from '#messaging';
import { INFRASTRUCTURE, LOGGER, type Infrastructure, type Logger } from '#platform';
import { StockLevels } from './stock-levels.js';

const POLL_MS = 60_000;

/** Sees what only the clock brings: a lot that expires, an opened container that is over its time. */
@Injectable()
export class WatchStock extends LeasedWorker {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(StockLevels) private readonly levels: StockLevels,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('stock-levels', POLL_MS, infrastructure, logger);
  }

  protected async turn(): Promise<void> {
    await this.unitOfWork.run(undefined, (transaction) => this.levels.followAll(transaction));
  }
}
