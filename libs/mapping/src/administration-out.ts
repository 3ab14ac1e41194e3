import type { CodeableConcept, Medication, MedicationAdministration, Patient, ServiceRequest } from 'fhir/r4.js';
import { timestamp, writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { hl7DateTime } from './date-time.js';
import { codedElement, entityOf, orderNumbers, personElement, unitElement } from './fields-out.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';

/** Contrast that was given, and for what. */
export interface AdministrationFacts {
  patient: Patient;
  /** The order whose exam it was given for, where it is known. */
  serviceRequest?: ServiceRequest;
  administration: MedicationAdministration;
  /** True where the receiver was told of this administration before. */
  isCorrection: boolean;
}

const explicitNull = '""';

/** Table 0322 by MedicationAdministration.status. */
const completion: Record<string, string | undefined> = {
  completed: 'CP',
  'in-progress': 'PA',
  'on-hold': 'PA',
  stopped: 'PA',
  'not-done': 'NA',
};

/**
 * Writes RAS^O17 (HL7 v2.5.1 chapter 4): one administration of contrast. ORC-2 names the imaging order; ORC-3 is the
 * number of the administration itself, which a correction comes under again, since RXA has none (as immunization
 * registries use it). RXA-21 says whether it is told for the first time, corrected, or was never so. How fast it was
 * given stands in an OBX as it was told, and in RXA-12 where it is whole seconds.
 */
export function administrationMessage(facts: AdministrationFacts, envelope: MessageEnvelope): Buffer {
  const { patient, serviceRequest, administration: given } = facts;
  const { placer, accession } = orderNumbers(serviceRequest, envelope);
  const identifier = given.identifier?.find(({ system, value }) => system && value);
  return writeMessage([
    headerSegment(['RAS', 'O17', 'RAS_O17'], envelope),
    patientSegment(patient, envelope),
    writeSegment('ORC', {
      1: 'RE',
      2: placer,
      3: entityOf(identifier ?? { value: given.id! }, envelope),
      9: timestamp(envelope.now),
    }),
    administrationSegment(facts, envelope),
    writeSegment('RXR', { 1: codedElement(given.dosage?.route) ?? unknownRoute, 2: codedElement(given.dosage?.site) }),
    ...observationsOf(given, accession),
  ]);
}

function administrationSegment(
  { administration: given, isCorrection }: AdministrationFacts,
  envelope: MessageEnvelope,
): string {
  const medication = medicationOf(given);
  const { dose } = given.dosage ?? {};
  const start = given.effectivePeriod?.start ?? given.effectiveDateTime;
  const isError = given.status === 'entered-in-error';
  return writeSegment('RXA', {
    1: '0',
    2: '1',
    // Required: of what was never given there is no time.
    3: hl7DateTime(start) ?? explicitNull,
    4: hl7DateTime(given.effectivePeriod?.end ?? start) ?? explicitNull,
    5: codedElement(agentOf(given)),
    // 999 where the amount is not known (RXA-6).
    6: dose?.value === undefined ? '999' : String(dose.value),
    7: dose?.value === undefined ? undefined : unitElement(dose),
    9: given.note?.[0] ? ['', given.note.map(({ text }) => text).join(' ')] : undefined,
    10: personElement(given.performer?.[0]?.actor, envelope),
    12: perTime(given),
    15: medication?.batch?.lotNumber,
    16: hl7DateTime(medication?.batch?.expirationDate),
    17: medication?.manufacturer?.display ? ['', medication.manufacturer.display] : undefined,
    20: isError ? undefined : completion[given.status],
    21: isError ? 'D' : isCorrection ? 'U' : 'A',
    22: timestamp(envelope.now),
  });
}

/** RXR-1 is required: the route may be missing of what was not given after all. */
const unknownRoute: FieldValue = ['', 'not stated'];

/** The Medication that was given, where the administration holds it. */
export function medicationOf({
  contained = [],
  medicationReference,
}: MedicationAdministration): Medication | undefined {
  const medications = contained.filter((one): one is Medication => one.resourceType === 'Medication');
  return medications.find(({ id }) => `#${id}` === medicationReference?.reference) ?? medications[0];
}

/** The agent that was given. */
export function agentOf(given: MedicationAdministration): CodeableConcept | undefined {
  return given.medicationCodeableConcept ?? medicationOf(given)?.code;
}

/** RXA-12, format `S<seconds>`: in that time RXA-6 was given. Only where dose and rate are of one unit and it comes out even. */
function perTime({ dosage }: MedicationAdministration): string | undefined {
  const { dose, rateQuantity: rate } = dosage ?? {};
  if (!dose?.value || !rate?.value || rate.code !== `${dose.code}/s`) return undefined;
  const seconds = dose.value / rate.value;
  return Number.isInteger(seconds) ? `S${seconds}` : undefined;
}

function observationsOf({ dosage }: MedicationAdministration, accession: string | undefined): string[] {
  const rate = dosage?.rateQuantity;
  const { numerator, denominator } = dosage?.rateRatio ?? {};
  const ratio =
    numerator &&
    denominator &&
    [
      numerator.value,
      numerator.unit ?? numerator.code,
      '/',
      denominator.value,
      denominator.unit ?? denominator.code,
    ].join(' ');
  const rows: (readonly [type: string, code: string, name: string, value: string | undefined, unit?: FieldValue])[] = [
    ['ST', 'ACCESSION', 'Accession number', accession],
    ['NM', 'CONTRASTRATE', 'Contrast rate', rate?.value?.toString(), rate && unitElement(rate)],
    ['ST', 'CONTRASTRATE', 'Contrast rate', ratio],
  ];
  return rows
    .filter(([, , , value]) => value !== undefined)
    .map(([type, code, name, value, unit], index) =>
      writeSegment('OBX', { 1: String(index + 1), 2: type, 3: [code, name, 'L'], 5: value, 6: unit, 11: 'F' }),
    );
}
