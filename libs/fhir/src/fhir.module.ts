import { Inject, Module, type DynamicModule } from '@nestjs/common';
import { Retention, SITE, type Site } from '#platform';
import type { ServedTypes } from './capability-statement.js';
import { FhirController, SERVED_TYPES } from './fhir.controller.js';
import { FhirStore } from './fhir-store.js';

/** A service's resources: the store for its handlers, and read and search over REST. */
@Module({})
export class FhirModule {
  constructor(@Inject(Retention) retention: Retention, @Inject(SITE) site: Site) {
    retention.keep({ table: 'audit_event', since: 'recorded', days: site.retention.auditDays });
  }

  /** @param served the types with their search parameters; the CapabilityStatement says the same */
  static forService(served: ServedTypes): DynamicModule {
    return {
      module: FhirModule,
      controllers: [FhirController],
      providers: [FhirStore, { provide: SERVED_TYPES, useValue: served }],
      exports: [FhirStore],
    };
  }
}
