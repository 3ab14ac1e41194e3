import type { Observation, Patient } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { observationIdOf } from './clinical-identity.js';
import {
  compact,
  conceptFromCwe,
  conceptOf,
  conceptOfTable,
  dateTimeFrom,
  entityFromEi,
  fillerIdentifiersFrom,
  listOf,
  quantityFrom,
  systemOfCodes,
} from './data-types.js';
import { fhirDateTime } from './date-time.js';
import { deviceFrom, observersFrom, placesFrom } from './participation.js';

import { organizationFromCwe, organizationFromXon, personFromXcn } from './references.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import statuses from './tables/observation-status.json' with { type: 'json' };

/** IG segment map OBX[Observation]. */
const observationRows: readonly Row<Observation>[] = [
  row(3, 'code', (obx, field) => conceptFromCwe(obx, field)),
  row(7, 'referenceRange', (obx, field) => (obx.text(field) ? [{ text: obx.text(field)! }] : undefined)),
  row(8, 'interpretation', (obx, field) =>
    eachRepetition(obx, field, (repetition) => conceptOf(obx, field, 'InterpretationCodes', repetition)),
  ),
  row(10, 'extension http://hl7.org/fhir/StructureDefinition/observation-nature-of-abnormal-test', (obx, field) =>
    eachRepetition(obx, field, (repetition) => ({
      valueCodeableConcept: conceptOfTable(obx, field, '0080', repetition),
    })),
  ),
  row(14, 'effectiveDateTime', dateTimeFrom),
  row(15, 'performer', (obx, field, around) => listOf(organizationFromCwe(obx, field, around))),
  row(16, 'performer', (obx, field, around) =>
    eachRepetition(obx, field, (repetition) => personFromXcn(obx, field, around, repetition)),
  ),
  row(17, 'method', (obx, field) => conceptFromCwe(obx, field)),
  row(18, 'device', (obx, field, around) => {
    const identifier = entityFromEi(obx, field, around);
    return identifier && { type: 'Device', identifier: compact(identifier) };
  }),
  row(19, 'extension http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time', (obx, field, around) => {
    const valueDateTime = dateTimeFrom(obx, field, around);
    return valueDateTime && { valueDateTime };
  }),
  row(20, 'bodySite', (obx, field) => conceptFromCwe(obx, field)),
  row(21, 'identifier', fillerIdentifiersFrom),
  row(23, 'performer', (obx, field, around) => listOf(organizationFromXon(obx, field, around))),
  row(25, 'performer', (obx, field, around) => listOf(personFromXcn(obx, field, around))),
  row(29, 'category', (obx, field) => listOf(conceptOfTable(obx, field, '0936'))),
];

/**
 * What is told of the patient beside an order, such as weight, pregnancy or a kidney value (IG segment map
 * OBX[Observation]); undefined where OBX-3 names nothing, where there is no value, or where a value of OBX-2 is not of its
 * type. It is known by OBX-21, else by its code, sub-id and time among those of the patient; a time is never made up.
 *
 * @param ofGroup the time of what it is part of, where that is one of observation
 */
export function observationFrom(
  obx: Segment,
  patient: Patient,
  around: Surroundings,
  participants: readonly Segment[] = [],
  ofGroup?: string,
): Observation | undefined {
  const own = withParticipants(compact(applyRows(observationRows, obx, around)), participants, around);
  const stated = own.effectiveDateTime || !ofGroup ? own : { ...own, effectiveDateTime: ofGroup };
  const value = valueOf(obx, around);
  const status = ofTable(statuses, obx.get(11) ?? 'F') as Observation['status'] | undefined;
  if (!stated.code || !status || (!value && status !== 'entered-in-error' && status !== 'cancelled')) return undefined;
  const [number] = stated.identifier ?? [];
  return {
    resourceType: 'Observation',
    id: observationIdOf(patient, { own: number, code: stated.code }, obx.get(4), stated.effectiveDateTime),
    status,
    subject: { reference: `Patient/${patient.id}` },
    ...stated,
    code: stated.code,
    ...value,
  };
}

/** Who observed, with what, and where (IG segment map PRT[Observation-Location]). */
function withParticipants(
  stated: Partial<Observation>,
  participants: readonly Segment[],
  around: Surroundings,
): Partial<Observation> {
  if (participants.length === 0) return stated;
  const places = placesFrom(participants).map((valueReference) => ({
    url: 'http://hl7.org/fhir/StructureDefinition/event-location',
    valueReference,
  }));
  return compact({
    ...stated,
    performer: [...(stated.performer ?? []), ...observersFrom(participants, around)],
    device: stated.device ?? deviceFrom(participants, around),
    extension: [...(stated.extension ?? []), ...places],
  });
}

/** OBX-5 by OBX-2, with the units of OBX-6; SN is read as a quantity where it is one, else as its text. */
function valueOf(obx: Segment, around: Surroundings): Partial<Observation> | undefined {
  const text = obx.text(5);
  if (!text) return undefined;
  const units = {
    code: obx.get(6),
    display: obx.get(6, 2),
    system: obx.get(6, 3) ? systemOfCodes(obx.get(6, 3)) : undefined,
  };
  switch (obx.get(2)) {
    case 'NM': {
      const valueQuantity = quantityFrom(obx.get(5), units);
      return valueQuantity && { valueQuantity };
    }
    case 'SN':
      return structuredNumeric(obx, units, text);
    case 'CE':
    case 'CF':
    case 'CNE':
    case 'CWE':
    case 'IS': {
      const valueCodeableConcept = conceptFromCwe(obx, 5);
      return valueCodeableConcept && { valueCodeableConcept };
    }
    case 'DT':
    case 'DTM':
    case 'TS':
      return { valueDateTime: fhirDateTime(obx.get(5) ?? '', around.zone, obx.at(5)) };
    case 'TM': {
      const [, hour, minute, second = '00'] = /^(\d\d)(\d\d)(\d\d)?/.exec(text) ?? [];
      return hour ? { valueTime: `${hour}:${minute}:${second}` } : undefined;
    }
    case 'NR':
      return {
        valueRange: compact({ low: quantityFrom(obx.get(5, 1), units), high: quantityFrom(obx.get(5, 2), units) }),
      };
    case 'DR':
      return { valuePeriod: compact({ start: dateTimeFrom(obx, 5, around, 1), end: dateTimeFrom(obx, 5, around, 2) }) };
    case 'VR':
      return { valueString: `${obx.get(5, 1) ?? ''}-${obx.get(5, 2) ?? ''}` };
    case 'ST':
    case 'FT':
    case 'TX':
    case undefined:
      return { valueString: eachRepetition(obx, 5, (repetition) => obx.text(5, repetition)).join('\n') };
    default:
      // ED, RP, NA and other types that R4 has no place for here.
      return undefined;
  }
}

const comparators = ['<', '<=', '>=', '>'] as const;

/** SN: comparator, number, separator, number. `2-5` is a range, `1:128` a ratio (IG data type maps SN[…]). */
function structuredNumeric(
  obx: Segment,
  units: Parameters<typeof quantityFrom>[1],
  text: string,
): Partial<Observation> | undefined {
  const [comparator, first, separator, second] = [1, 2, 3, 4].map((component) => obx.get(5, component));
  const [low, high] = [first, second].map((number) => quantityFrom(number, units));
  if (low && high && separator === '-' && !comparator) return { valueRange: { low, high } };
  if (low && high && (separator === ':' || separator === '/') && !comparator)
    return { valueRatio: { numerator: low, denominator: high } };
  const known = comparators.find((one) => one === comparator);
  if (low && !separator && (!comparator || comparator === '=' || known))
    return { valueQuantity: compact({ comparator: known, ...low }) };
  return { valueString: [comparator, first, separator, second].filter(Boolean).join(' ') || text };
}
