import type { MedicationAdministration } from 'fhir/r4.js';

/**
 * An administration that turned out to be part of another: in error, since it did not happen beside that. Its numbers are
 * those of the other now.
 *
 * @param into id of the other
 */
export function withdrawn(administration: MedicationAdministration, into: string): MedicationAdministration {
  const { identifier = [], partOf = [], ...rest } = administration;
  const reference = `MedicationAdministration/${into}`;
  return {
    ...rest,
    status: 'entered-in-error',
    identifier: identifier.map((one) => ({ ...one, use: 'old' as const })),
    partOf: [...partOf.filter((one) => one.reference !== reference), { reference }],
  };
}
