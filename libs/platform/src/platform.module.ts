import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { systemClock } from './clock.js';
import { dataSourceFor, type Migration } from './database.js';
import { HealthController, Liveness, Readiness } from './health.js';
import type { Infrastructure } from './infrastructure.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';
import type { Site } from './site-file.js';
import { RefusedRequests } from './refused-requests.js';
import { Retention } from './retention.js';
import { CLOCK, INFRASTRUCTURE, LOGGER, SITE } from './tokens.js';

/** What a process read at its start. */
export interface Runtime {
  infrastructure: Infrastructure;
  site: Site;
  logger: Logger;
  migrations: Migration[];
}

/** What every service stands on: its settings, log, clock, metrics, health and database. */
@Global()
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  static with(runtime: Runtime): DynamicModule {
    const values = [
      { provide: INFRASTRUCTURE, useValue: runtime.infrastructure },
      { provide: SITE, useValue: runtime.site },
      { provide: LOGGER, useValue: runtime.logger },
      { provide: CLOCK, useValue: systemClock },
    ];
    const dataSource = {
      provide: DataSource,
      inject: [Readiness],
      useFactory: async (readiness: Readiness) => {
        const source = await dataSourceFor(runtime.infrastructure.database, runtime.migrations).initialize();
        readiness.add('database', async () => {
          await source.query('SELECT 1');
        });
        return source;
      },
    };
    const services = [Readiness, Liveness, Metrics, Retention, RefusedRequests];
    return {
      module: PlatformModule,
      controllers: [HealthController],
      providers: [...values, ...services, dataSource],
      exports: [...values, ...services, dataSource],
    };
  }

  /** Last of all: whatever still runs at shutdown may need the database. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}
