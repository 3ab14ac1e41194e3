import type { CodeableConcept, Coding, DiagnosticReport, Observation, Quantity } from 'fhir/r4.js';
import { writeSegment, type FieldValue } from '#hl7v2';
import { conceptText } from '#fhir';
import { ofTable } from '#platform';
import { conceptKey, nameOfSystem } from './data-types.js';
import { hl7DateTime } from './date-time.js';
import { IMPRESSION } from './report-sections.js';
import contentTypes from './tables/content-types.json' with { type: 'json' };

/** One OBX to write. */
export interface Line {
  /** OBX-2. */
  type: 'ST' | 'TX' | 'NM' | 'SN' | 'CWE' | 'DTM' | 'ED' | 'RP';
  /** OBX-3. */
  code: FieldValue;
  value: FieldValue;
  unit?: FieldValue;
  /** OBX-8, the first flag. */
  flag?: FieldValue;
  status: string;
}

/** Table 0123 and 0085 by DiagnosticReport.status. */
export const resultStatus: Record<DiagnosticReport['status'], string> = {
  registered: 'I',
  partial: 'R',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  appended: 'C',
  cancelled: 'X',
  'entered-in-error': 'X',
  unknown: 'I',
};

/** The OBX of an order group or document. */
export function observationSegments(lines: readonly Line[]): string[] {
  return lines.map((line, index) =>
    writeSegment('OBX', {
      1: String(index + 1),
      2: line.type,
      3: line.code,
      4: String(index + 1),
      5: line.value,
      6: line.unit,
      8: line.flag,
      11: line.status,
    }),
  );
}

/** Table 0085 by Observation.status. */
const findingStatus: Record<Observation['status'], string> = {
  registered: 'I',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  cancelled: 'X',
  'entered-in-error': 'W',
  unknown: 'I',
};

/**
 * The lines of a report as it came in: where its sections are all of its text they are told each under its own code, else
 * the whole text, and the conclusion behind it; then its forms that are no text, its findings, and coded conclusions that
 * are no finding.
 *
 * @param status of its own lines, table 0085
 */
export function linesOfReport(report: DiagnosticReport, status: string): Line[] {
  const observations = observationsOf(report);
  const sections = observations.filter(isSection);
  const texts = textsOf(report);
  const isSectioned =
    sections.length > 0 && sections.map(({ valueString }) => valueString).join('\n') === texts.join('\n');
  const whole = texts.map((value): Line => ({ type: 'TX', code: STUDY, value, status }));
  const impression: Line[] = report.conclusion
    ? [{ type: 'TX', code: CONCLUSION, value: report.conclusion, status }]
    : [];
  const flagged = sections.filter(({ interpretation }) => interpretation !== undefined);
  const findings = observations.filter((one) => !isSection(one));
  const isCancelled = status === 'X';
  const statusOf = (one: Observation) => (isCancelled ? status : findingStatus[one.status]);
  const told = findings.flatMap(({ valueCodeableConcept }) =>
    valueCodeableConcept ? [conceptKey(valueCodeableConcept)] : [],
  );
  const conclusions = (report.conclusionCode ?? []).filter((concept) => !told.includes(conceptKey(concept)));
  return [
    ...(isSectioned ? sections.flatMap((one) => lineOf(one, status)) : [...whole, ...impression]),
    // A flag must not be lost with the section it stands at.
    ...(isSectioned ? [] : flagged.flatMap((one) => lineOf(one, status))),
    ...formsOf(report).map((form): Line => ({ ...form, code: STUDY, status })),
    ...findings.flatMap((one) => lineOf(one, statusOf(one))),
    ...conclusions.map((concept): Line => ({ type: 'CWE', code: CONCLUSION, value: cweOf(concept), status })),
  ];
}

const STUDY = ['18748-4', 'Diagnostic imaging study', 'LN'];
const CONCLUSION = [IMPRESSION, 'Impression', 'LN'];

/** The Observations within a report, in the order its `result` has them. */
function observationsOf({ contained = [], result = [] }: DiagnosticReport): Observation[] {
  return result.flatMap(({ reference }) => {
    const found = contained.find(({ id }) => `#${id}` === reference);
    return found?.resourceType === 'Observation' ? [found as Observation] : [];
  });
}

function isSection({ valueString }: Observation): boolean {
  return valueString !== undefined;
}

function lineOf(observation: Observation, status: string): Line[] {
  const { code, interpretation } = observation;
  const value = valueOf(observation);
  const flag = interpretation?.[0] && flagOf(interpretation[0]);
  return value ? [{ ...value, code: cweOf(code), ...(flag ? { flag } : {}), status }] : [];
}

/** Table 0078, which FHIR has as a code system of its own. */
function flagOf(interpretation: CodeableConcept): FieldValue {
  const [code, display, system] = cweOf(interpretation);
  return [code, display, interpretation.coding?.[0]?.system === OBSERVATION_INTERPRETATION ? 'HL70078' : system];
}

const OBSERVATION_INTERPRETATION = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';

function valueOf(observation: Observation): Pick<Line, 'type' | 'value' | 'unit'> | undefined {
  const { valueString, valueCodeableConcept, valueQuantity, valueRange, valueRatio } = observation;
  const { valueInteger, valueBoolean, valueDateTime } = observation;
  if (valueString !== undefined) return { type: 'TX', value: valueString };
  if (valueCodeableConcept) return { type: 'CWE', value: cweOf(valueCodeableConcept) };
  if (valueQuantity) return quantityOf(valueQuantity);
  if (valueRange)
    return {
      type: 'SN',
      value: ['', numberOf(valueRange.low), '-', numberOf(valueRange.high)],
      ...unitOf(valueRange.low ?? valueRange.high),
    };
  if (valueRatio)
    return { type: 'SN', value: ['', numberOf(valueRatio.numerator), ':', numberOf(valueRatio.denominator)] };
  if (valueInteger !== undefined) return { type: 'NM', value: String(valueInteger) };
  if (valueDateTime) return { type: 'DTM', value: hl7DateTime(valueDateTime) };
  return valueBoolean === undefined ? undefined : { type: 'ST', value: String(valueBoolean) };
}

function quantityOf(quantity: Quantity): Pick<Line, 'type' | 'value' | 'unit'> | undefined {
  if (quantity.value === undefined) return undefined;
  const { comparator } = quantity;
  return comparator
    ? { type: 'SN', value: [comparator, numberOf(quantity)], ...unitOf(quantity) }
    : { type: 'NM', value: numberOf(quantity), ...unitOf(quantity) };
}

function numberOf(quantity: Quantity | undefined): string | undefined {
  return quantity?.value === undefined ? undefined : String(quantity.value);
}

function unitOf(quantity: Quantity | undefined): Pick<Line, 'unit'> {
  const { code, unit, system } = quantity ?? {};
  return code || unit ? { unit: [code ?? unit, unit ?? code, nameOfSystem(system) ?? 'L'] } : {};
}

/** A concept as CWE: its first two codes, and its text. */
function cweOf({ coding = [], text }: CodeableConcept): (string | undefined)[] {
  const parts = (one: Coding | undefined) => [
    one?.code,
    one?.display ?? (one?.code ? text : undefined),
    one?.code ? (nameOfSystem(one.system) ?? 'L') : undefined,
  ];
  const [first, second] = coding;
  if (!first?.code) return ['', text ?? conceptText({ coding })];
  const original = text && text !== first.display ? ['', '', text] : [];
  return [...parts(first), ...(second?.code || original.length > 0 ? parts(second) : []), ...original];
}

/** Every text of a report in its order: its own, and what was added. */
function textsOf(report: DiagnosticReport): string[] {
  const plain = (report.presentedForm ?? []).filter(({ contentType }) => contentType?.startsWith('text/plain'));
  return plain.flatMap(({ data }) => (data ? [Buffer.from(data, 'base64').toString('utf8')] : []));
}

/** What of a report is no text, such as a PDF: encapsulated (ED), or where it is found (RP). */
function formsOf(report: DiagnosticReport): Pick<Line, 'type' | 'value'>[] {
  const others = (report.presentedForm ?? []).filter(({ contentType }) => !contentType?.startsWith('text/plain'));
  return others.flatMap(({ contentType = '', data, url }): Pick<Line, 'type' | 'value'>[] => {
    const subtype = ofTable(subtypes, contentType) ?? contentType;
    if (data) return [{ type: 'ED', value: ['', 'AP', subtype, 'Base64', data] }];
    return url ? [{ type: 'RP', value: [url, '', 'AP', subtype] }] : [];
  });
}

/** Table 0291 by MIME type; of several names the first one of the table counts. */
const subtypes: Record<string, string> = Object.fromEntries(
  Object.entries(contentTypes)
    .reverse()
    .map(([subtype, type]) => [type, subtype]),
);
