import { AuditContent1700000000120 } from './migrations/1700000000120-audit-content.js';
import { HistoryByTime1700000000110 } from './migrations/1700000000110-history-by-time.js';
import { Resource1700000000100 } from './migrations/1700000000100-resource.js';

export * from './answer-write.js';
export * from './audit.js';
export * from './capability-statement.js';
export * from './clinical-state.js';
export * from './concept-text.js';
export * from './extension-definitions.js';
export { FHIR_JSON } from './fhir-request.js';
export * from './fhir-store.js';
export { FhirController } from './fhir.controller.js';
export * from './fhir.module.js';
export * from './foreign-fhir-server.js';
export * from './identity.js';
export * from './join-stated.js';
export * from './keep-copies.js';
export * from './merged-patient.js';
export * from './profile.js';
export * from './recurring-access.js';
export * from './same-content.js';
export * from './search-condition.js';
export * from './search-date.js';
export * from './search-index.js';
export * from './search-token.js';
export * from './search.js';
export * from './structure-definition.js';
export * from './validate.js';
export * from './wrong-worklist-entry.js';

/** What every service's database needs for its resources. */
export const fhirMigrations = [Resource1700000000100, HistoryByTime1700000000110, AuditContent1700000000120];
