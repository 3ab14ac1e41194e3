import { Inject, Module, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Retention, SITE, type Site } from '#platform';
import type { ServedTypes } from './capability-statement.js';
import { ConformanceController, DEFINITIONS, SERVED_TYPES } from './conformance.controller.js';
import { FhirController } from './fhir.controller.js';
import { FhirStore } from './fhir-store.js';
import { RecordEveryAccess } from './record-every-access.js';
import { RecordRefusedRequests } from './record-refused-requests.js';
import type { Definition } from './structure-definition.js';

/** A service's resources: the store for its handlers, read and search over REST, and the record of every access by HTTP. */
@Module({})
export class FhirModule {
  constructor(@Inject(Retention) retention: Retention, @Inject(SITE) site: Site) {
    const { auditDays } = site.retention;
    retention.keep({ table: 'audit_event', since: 'recorded', days: auditDays });
    // One day longer than the last access that shares it.
    retention.keep({ table: 'audit_content', since: 'recorded', days: auditDays && auditDays + 1 });
  }

  /**
   * @param served the types with their search parameters; the CapabilityStatement says the same
   * @param publish what is published beside it: the profiles, extensions and codes of this site
   */
  static forService(served: ServedTypes, publish?: (site: Site) => Definition[]): DynamicModule {
    const definitions = publish ? { useFactory: publish, inject: [SITE] } : { useValue: [] };
    return {
      module: FhirModule,
      // The first route that fits is taken: what is published is no type of the store.
      controllers: [ConformanceController, FhirController],
      providers: [
        FhirStore,
        RecordRefusedRequests,
        { provide: APP_INTERCEPTOR, useClass: RecordEveryAccess },
        { provide: SERVED_TYPES, useValue: served },
        { provide: DEFINITIONS, ...definitions },
      ],
      exports: [FhirStore],
    };
  }
}
