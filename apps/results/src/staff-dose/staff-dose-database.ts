import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { recordAccess, type Access } from '#fhir';
import {
  CLOCK,
  databaseBeside,
  dataSourceFor,
  INFRASTRUCTURE,
  Retention,
  SITE,
  type Clock,
  type Infrastructure,
  type Site,
} from '#platform';

/** What the schema is called behind the service's own. */
export const STAFF_DOSE_SCHEMA = 'staff_dose';

/** What a client did, to be recorded with it. */
export type StaffAccess = Pick<Access, 'interaction' | 'client' | 'references' | 'query'>;

/** References in one record of an access, so that a record stays small. */
const REFERENCES = 500;

/**
 * The schema of staff doses, which no other part of the service is connected to: resources, their history, and who was at
 * them. Nothing of it goes through the outbox, the inbox or the deliveries of the service.
 */
@Injectable()
export class StaffDoseDatabase implements OnModuleInit, OnApplicationShutdown {
  readonly dataSource: DataSource;

  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Retention) retention: Retention,
    @Inject(SITE) site: Site,
  ) {
    const database = databaseBeside(infrastructure.database, STAFF_DOSE_SCHEMA);
    this.dataSource = dataSourceFor(database, []);
    const table = `${database.schema}.audit_event`;
    retention.keep({ table, since: 'recorded', days: site.retention.auditDays });
  }

  async onModuleInit(): Promise<void> {
    await this.dataSource.initialize();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  /** Reads in one transaction with the record of who did. */
  async read<T>(
    access: Pick<StaffAccess, 'interaction' | 'client' | 'query'>,
    work: (manager: EntityManager) => Promise<{ answer: T; references: string[] }>,
  ): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      const { answer, references } = await work(manager);
      await this.record(manager, { ...access, references });
      return answer;
    });
  }

  /** Writes in one transaction. Writers come one after the other, so that sums and alerts are of all that was said. */
  async write<T>(work: (manager: EntityManager, now: Date) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' writers', 0))");
      return work(manager, this.clock.now());
    });
  }

  /** Says who was at what, in the transaction of what they did. */
  async record(manager: EntityManager, access: StaffAccess): Promise<void> {
    const { references } = access;
    for (let at = 0; at === 0 || at < references.length; at += REFERENCES)
      await recordAccess(
        manager,
        {
          ...access,
          service: this.infrastructure.service,
          patientIds: [],
          references: references.slice(at, at + REFERENCES),
        },
        this.clock.now(),
      );
  }
}
