import type { ServiceRequest } from 'fhir/r4.js';

/** The placer order number of {@link anOrderByFhir}. */
export const placer = { system: 'urn:oid:2.25.1002', value: 'ORD1' };

/** An order as a FHIR client states it, of the patient a Bundle calls `urn:uuid:p`. */
export function anOrderByFhir(overrides: Partial<ServiceRequest> = {}): ServiceRequest {
  return {
    resourceType: 'ServiceRequest',
    identifier: [placer],
    status: 'active',
    intent: 'order',
    code: { coding: [{ system: 'http://loinc.org', code: '24725-4' }, { code: 'CTHEAD' }], text: 'CT' },
    subject: { reference: 'urn:uuid:p' },
    ...overrides,
  };
}
