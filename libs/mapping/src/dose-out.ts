import type { Observation, ObservationComponent, Patient, ServiceRequest } from 'fhir/r4.js';
import { writeMessage, writeSegment, type FieldValue } from '#hl7v2';
import { systems } from '#fhir';
import { hl7DateTime } from './date-time.js';
import { codedElement, unitElement } from './fields-out.js';
import { headerSegment, patientSegment, type MessageEnvelope } from './message-out.js';
import { resultOrderSegment } from './result-order-out.js';

/** The radiation dose of a study, and of which orders. */
export interface DoseFacts {
  patient: Patient;
  /** Each gets an order group of its own. */
  serviceRequests: readonly ServiceRequest[];
  /** As HL7's Radiation Dose Summary guide has it: a component a quantity. */
  dose: Observation;
  /** What the receiver was told of it before. */
  before?: { component?: ObservationComponent[] };
}

/**
 * Writes ORU^R01 (HL7 v2.5.1 section 7.3.1) with the radiation dose of a study: under each order its Study Instance UID, the
 * dose in words (LOINC 73569-6), and an OBX a quantity, by DICOM code and in UCUM units. OBX-4 holds together what is of one
 * dose, and tells apart what has the same code, such as both breasts or two studies; it stays through corrections. A quantity above a diagnostic reference level is flagged H,
 * OBX-7 is the range up to the lowest level. One that is not known has no value, X, and the reason behind it (NTE).
 *
 * OBX-11: F; C where the receiver has another value of it; W where the dose was wrong, such as another patient's; D for what
 * the dose has no more. OBR-25 is A, some results: that the report is there, its own message says.
 */
export function doseMessage({ patient, serviceRequests, dose, before }: DoseFacts, envelope: MessageEnvelope): Buffer {
  const notes = (dose.note ?? []).map(({ text }, index) => noteSegment(index + 1, text));
  const lines = linesOf(dose, before);
  return writeMessage([
    headerSegment(['ORU', 'R01', 'ORU_R01'], envelope),
    patientSegment(patient, envelope),
    ...serviceRequests.flatMap((order, at) => [
      resultOrderSegment(at + 1, order, 'A', envelope),
      ...notes,
      ...lines.flatMap((line, index) => segmentsOf(line, index + 1, dose)),
    ]),
  ]);
}

/** What OBX holds of one quantity, and why there is none. */
interface Line {
  /** OBX-2. */
  type: 'ST' | 'TX' | 'NM' | 'CE';
  code: FieldValue;
  /** OBX-4. */
  subId: string | undefined;
  value?: FieldValue;
  unit?: FieldValue;
  range?: string | undefined;
  flag?: string | undefined;
  status: string;
  why?: string | undefined;
}

/** Table 0085 of what is told now: nothing of a dose in error is right. */
function statusesOf(dose: Observation) {
  const isWrong = dose.status === 'entered-in-error';
  const isCorrection = dose.status === 'amended' || dose.status === 'corrected';
  return (wasTold: boolean) => (isWrong ? 'W' : isCorrection && wasTold ? 'C' : 'F');
}

function linesOf(dose: Observation, before: DoseFacts['before']): Line[] {
  const statusOf = statusesOf(dose);
  const [now, then] = [byPlace(dose.component), byPlace(before?.component)];
  const study = dose.partOf?.[0]?.identifier?.value?.replace(/^urn:oid:/, '');
  const number = numberOf(dose);
  const whole = { subId: number, status: statusOf(before !== undefined) };
  const line = (one: ObservationComponent, status: string) => lineOf(one, number, status);
  return [
    ...(study ? [{ ...whole, type: 'ST' as const, code: ['STUDYUID', 'Study Instance UID', 'L'], value: study }] : []),
    ...(dose.valueString
      ? [{ ...whole, type: 'TX' as const, code: codedElement(dose.code), value: dose.valueString }]
      : []),
    ...[...now].map(([place, one]) => line(one, statusOf(then.has(place)))),
    ...[...then].filter(([place]) => !now.has(place)).map(([, one]) => line(one, 'D')),
  ];
}

/** The beginning of the dose's number: enough to tell doses of one order apart. */
function numberOf({ identifier = [], id = '' }: Observation): string {
  return (identifier.find(({ system }) => system === systems.dose)?.value ?? id).slice(0, 6);
}

/** Components by what OBX-3 and OBX-4 make of them: what stands in one place is one thing told twice. */
function byPlace(components: ObservationComponent[] = []): Map<string, ObservationComponent> {
  return new Map(components.map((one) => [`${one.code.coding?.[0]?.code}|${detailOf(one)}`, one]));
}

/** What of its name the code does not say, else a value that is a code: `left breast`, `35321007`; else nothing. */
function detailOf({ code, valueCodeableConcept }: ObservationComponent): string {
  const display = code.coding?.[0]?.display ?? '';
  const more = code.text?.startsWith(`${display}, `) ? code.text.slice(display.length + 2) : undefined;
  return more ?? valueCodeableConcept?.coding?.[0]?.code ?? '';
}

function lineOf(component: ObservationComponent, number: string, status: string): Line {
  const { code, valueQuantity, valueCodeableConcept, interpretation, referenceRange, dataAbsentReason } = component;
  // Data type ST, and no longer than the standard's 20 characters.
  const subId = `${number} ${detailOf(component)}`.slice(0, 20).trim();
  const place = { code: codedElement({ coding: code.coding! }), subId };
  if (valueCodeableConcept) return { type: 'CE', ...place, value: codedElement(valueCodeableConcept), status };
  const isUnknown = valueQuantity?.value === undefined;
  const limits = (referenceRange ?? []).flatMap(({ high }) => high?.value ?? []);
  return {
    type: 'NM',
    ...place,
    value: isUnknown ? undefined : decimal(valueQuantity.value!),
    unit: isUnknown ? undefined : unitElement(valueQuantity),
    // As a range from nothing, since `<` would have the level itself above it.
    range: limits.length > 0 ? `0-${decimal(Math.min(...limits))}` : undefined,
    flag: interpretation?.[0]?.coding?.[0]?.code,
    // Taken back it is, known or not.
    status: isUnknown && (status === 'F' || status === 'C') ? 'X' : status,
    why: isUnknown ? dataAbsentReason?.text : undefined,
  };
}

/** NM has no exponent (HL7 v2.5.1 section 2.A.46). */
function decimal(value: number): string {
  const [written = '', , exponent] = /^([^e]+)(e-(\d+))?$/.exec(String(value))?.slice(1) ?? [];
  return exponent ? `0.${'0'.repeat(Number(exponent) - 1)}${written.replace('.', '')}` : written;
}

function segmentsOf(line: Line, sequence: number, { effectiveDateTime }: Observation): string[] {
  const obx = writeSegment('OBX', {
    1: String(sequence),
    2: line.type,
    3: line.code,
    4: line.subId,
    5: line.value,
    6: line.unit,
    7: line.range,
    8: line.flag,
    11: line.status,
    14: hl7DateTime(effectiveDateTime),
  });
  return line.why ? [obx, noteSegment(1, line.why)] : [obx];
}

function noteSegment(sequence: number, text: string): string {
  return writeSegment('NTE', { 1: String(sequence), 3: text });
}
