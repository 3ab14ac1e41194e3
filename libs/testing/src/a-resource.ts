import type {
  AllergyIntolerance,
  Observation,
  Medication,
  MedicationAdministration,
  MedicationRequest,
  Patient,
  ServiceRequest,
} from 'fhir/r4.js';
import {
  dicomUidIdentifier,
  mergePatients,
  patientIdOf,
  serviceRequestIdOf,
  systems,
  typedIdentifier,
  uidFromUuid,
  uuidFrom,
} from '#fhir';

const patients = 'urn:oid:2.25.1001';
const placers = 'urn:oid:2.25.1002';

/**
 * An invented patient.
 *
 * @param overrides `mrn` changes the identity; everything else replaces that key of the resource
 */
export function aPatient({ mrn = 'P1', ...overrides }: { mrn?: string } & Partial<Patient> = {}): Patient {
  return {
    resourceType: 'Patient',
    id: patientIdOf({ system: patients, value: mrn }),
    identifier: [typedIdentifier('MR', patients, mrn)],
    name: [{ family: 'Tester', given: ['Tilda'] }],
    gender: 'female',
    birthDate: '1970-01-31',
    ...overrides,
  };
}

/**
 * An active routine order as the orders service stores and publishes it.
 *
 * @param overrides `placerOrderNumber`, `accessionNumber` and `procedure` change those; everything else replaces that
 *   key of the resource
 */
export function aServiceRequest({
  placerOrderNumber = 'ORD1',
  accessionNumber = 'TST00000001',
  procedure = { code: 'CTHEAD', display: 'CT head without contrast' },
  patient = aPatient(),
  ...overrides
}: {
  placerOrderNumber?: string;
  accessionNumber?: string;
  procedure?: { code: string; display: string };
  patient?: Patient;
} & Partial<ServiceRequest> = {}): ServiceRequest {
  const id = serviceRequestIdOf({ system: placers, value: placerOrderNumber });
  return {
    resourceType: 'ServiceRequest',
    id,
    identifier: [
      typedIdentifier('PLAC', placers, placerOrderNumber),
      typedIdentifier('ACSN', systems.accessionNumber, accessionNumber),
      dicomUidIdentifier(uidFromUuid(id)),
    ],
    status: 'active',
    intent: 'order',
    priority: 'routine',
    code: { coding: [{ system: systems.procedure, ...procedure }], text: procedure.display },
    subject: { reference: `Patient/${patient.id}` },
    authoredOn: '2026-03-02T08:00:00+01:00',
    ...overrides,
  };
}

/** Two patients after their records were merged, as the event tells it: the survivor, then the one who is no more. */
export function aMerge(prior: Patient, survivor: Patient, isTurnedRound = false): [Patient, Patient] {
  const merged = mergePatients(prior, survivor, isTurnedRound);
  return [merged.survivor, merged.prior];
}

/** An active allergy to a substance, as the orders service stores and publishes it. */
export function anAllergy(
  substance: string,
  { patient = aPatient(), ...overrides }: { patient?: Patient } & Partial<AllergyIntolerance> = {},
): AllergyIntolerance {
  return {
    resourceType: 'AllergyIntolerance',
    id: uuidFrom('AllergyIntolerance', patient.id!, substance),
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
    },
    code: { text: substance },
    patient: { reference: `Patient/${patient.id}` },
    ...overrides,
  };
}

const medication: Medication = {
  resourceType: 'Medication',
  id: 'm',
  code: { text: 'iopromide' },
  batch: { lotNumber: 'LOT7' },
};

/** What an injector's software posts of a contrast record. */
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

/** An observation of a patient, by its LOINC code. */
export function anObservation(
  code: string,
  { patient = aPatient(), ...overrides }: { patient?: Patient } & Partial<Observation> = {},
): Observation {
  return {
    resourceType: 'Observation',
    id: uuidFrom('Observation', patient.id!, code, overrides.effectiveDateTime ?? ''),
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${patient.id}` },
    ...overrides,
  };
}
