import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CLOCK, INFRASTRUCTURE, RefusedRequests, type Clock, type Infrastructure } from '#platform';
import { recordAccess } from './audit.js';

/** Nobody is named who was not known. */
const NOBODY_KNOWN = 'unauthenticated';
/** Longest request that is kept with its record. */
const LONGEST_REQUEST = 500;

/** Puts requests without a known token into the audit trail: from where they came, and what they asked. */
@Injectable()
export class RecordRefusedRequests implements OnModuleInit {
  constructor(
    @Inject(RefusedRequests) private readonly refused: RefusedRequests,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.refused.recordBy(({ method, url, address }) =>
      recordAccess(
        this.dataSource.manager,
        {
          interaction: 'login',
          client: NOBODY_KNOWN,
          ...(address ? { address } : {}),
          service: this.infrastructure.service,
          references: [],
          patientIds: [],
          query: `${method} ${url}`.slice(0, LONGEST_REQUEST),
          refusedAs: 'unauthorized',
        },
        this.clock.now(),
      ),
    );
  }
}
