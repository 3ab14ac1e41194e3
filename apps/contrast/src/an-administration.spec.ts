import type { Medication, MedicationAdministration, MedicationRequest } from 'fhir/r4.js';

const medication: Medication = {
  resourceType: 'Medication',
  id: 'm',
  code: { text: 'iopromide' },
  batch: { lotNumber: 'LOT7' },
};

/** What an injector's software posts of a plan; specs share it, it is no spec. */
export function anAdministration(
  plan: Pick<MedicationRequest, 'id' | 'subject'>,
  overrides: Partial<MedicationAdministration> = {},
): MedicationAdministration {
  return {
    resourceType: 'MedicationAdministration',
    identifier: [{ system: 'urn:test:injector', value: 'INJ-1' }],
    status: 'completed',
    contained: [medication],
    medicationReference: { reference: '#m' },
    subject: plan.subject,
    request: { reference: `MedicationRequest/${plan.id}` },
    effectiveDateTime: '2026-03-02T10:05:00+01:00',
    performer: [{ actor: { display: 'Technologist on duty' } }],
    dosage: {
      dose: { value: 78, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' },
      rateQuantity: { value: 3, unit: 'mL/s', system: 'http://unitsofmeasure.org', code: 'mL/s' },
      route: { text: 'Intravenous route' },
    },
    ...overrides,
  };
}
