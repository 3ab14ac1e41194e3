import type { Encounter, EncounterHospitalization, EncounterLocation, EncounterParticipant, Patient } from 'fhir/r4.js';
import type { Hl7Message, Segment } from '#hl7v2';
import { systems, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import {
  compact,
  conceptFromCwe,
  conceptOf,
  conceptOfTable,
  identifierFromCx,
  listOf,
  systemOfHd,
  dateTimeFrom,
  periodFrom,
} from './data-types.js';
import { senderSystem, surroundingsOf } from './envelope.js';
import { participantsOf, visitorsFrom } from './participation.js';
import { personFromXcn, placeFromPl } from './references.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import statuses from './tables/encounter-status-by-event.json' with { type: 'json' };
import classes from './tables/patient-class.json' with { type: 'json' };

const inR5 = (name: string) =>
  `extension http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.${name}` as const;

/** IG segment map PV1[Encounter]. */
const visitRows: readonly Row<Encounter>[] = [
  row(3, 'location', (pv1, field) => place(pv1, field, pv1.get(2) === 'P' ? 'planned' : 'active')),
  row(4, 'type', (pv1, field) => listOf(conceptOf(pv1, field, 'AdmissionType'))),
  row(6, 'location', (pv1, field) => place(pv1, field, 'completed')),
  row(7, 'participant', participants('ATND', 'attender')),
  row(8, 'participant', participants('REF', 'referrer')),
  row(9, 'participant', participants('CON', 'consultant')),
  row(10, 'serviceType', (pv1, field) => conceptOf(pv1, field, 'HospitalService')),
  row(11, 'location', (pv1, field) =>
    place(pv1, field, 'active').map((one) => ({
      ...one,
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/subject-locationClassification',
          valueCodeableConcept: { coding: [{ code: 'temporary' }] },
        },
      ],
    })),
  ),
  row(17, 'participant', participants('ADM', 'admitter')),
  row(42, 'location', (pv1, field) => place(pv1, field, 'reserved')),
  row(52, 'participant', participants('PART', 'Participation')),
];

/** IG segment map PV1[Encounter], what is under `hospitalization`. */
const hospitalizationRows: readonly Row<EncounterHospitalization>[] = [
  row(5, 'preAdmissionIdentifier', (pv1, field, around) => identifierFromCx(pv1, field, 1, around)),
  row(13, 'reAdmission', (pv1, field) => conceptOf(pv1, field, 'ReadmissionIndicator')),
  row(14, 'admitSource', (pv1, field) => conceptOfTable(pv1, field, '0023')),
  row(15, 'specialArrangement', (pv1, field) =>
    eachRepetition(pv1, field, (repetition) => conceptOf(pv1, field, 'AmbulatoryStatus', repetition)),
  ),
  row(16, 'specialCourtesy', (pv1, field) => listOf(conceptOfTable(pv1, field, '0099'))),
  row(36, 'dischargeDisposition', (pv1, field) => conceptOfTable(pv1, field, '0112')),
  row(37, 'destination', (pv1, field) => (pv1.get(field) ? { display: pv1.get(field) } : undefined)),
  row(38, 'dietPreference', (pv1, field) => listOf(conceptOfTable(pv1, field, '0114'))),
];

/** IG segment map PV2[Encounter]. */
const additionalVisitRows: readonly Row<Encounter>[] = [
  row(1, 'location', (pv2, field) => place(pv2, field, 'planned')),
  row(3, 'reasonCode', (pv2, field) => listOf(conceptFromCwe(pv2, field))),
  row(8, inR5('plannedStartDate'), valueDateTime),
  row(9, inR5('plannedEndDate'), valueDateTime),
  row(11, 'length', (pv2, field) => days(pv2.get(field))),
  row(13, 'participant', participants('REF', 'referrer')),
  row(25, 'priority', (pv2, field) => conceptOf(pv2, field, 'EncounterPriority')),
  row(38, 'extension http://hl7.org/fhir/StructureDefinition/encounter-modeOfArrival', (pv2, field) => {
    const valueCoding = conceptOf(pv2, field, 'ModeOfArrivalCode')?.coding?.[0];
    return valueCoding && { valueCoding };
  }),
];

/**
 * The visit of a message (IG segment maps PV1[Encounter], PV2[Encounter]); undefined where PV1-19 gives it no number,
 * since a visit without identity could be told from no other. A patient class outside table 0004 stays as the sender's.
 */
export function encounterFrom(
  message: Hl7Message,
  sender: Sender,
  site: Site,
  patient: Patient,
): Encounter | undefined {
  const pv1 = message.first('PV1');
  const number = pv1?.get(19);
  if (!pv1 || !number) return undefined;
  const around = surroundingsOf(sender, site);
  const authority = systemOfHd(around, pv1.get(19, 4), pv1.get(19, 4, 2), pv1.get(19, 4, 3));
  const system = authority ?? senderSystem(sender);
  const code = pv1.get(2);
  const known = ofTable<{ code: string; display: string }>(classes, code);
  const pv2 = message.first('PV2');
  const stated = joined(applyRows(visitRows, pv1, around), pv2 ? applyRows(additionalVisitRows, pv2, around) : {});
  const hospitalization = compact(applyRows(hospitalizationRows, pv1, around));
  const alternate = eachRepetition(pv1, 50, (repetition) => identifierFromCx(pv1, 50, repetition, around));
  return {
    ...compact<Encounter>({
      resourceType: 'Encounter',
      id: uuidFrom('Encounter', system, number),
      identifier: [typedIdentifier('VN', system, number), ...alternate],
      status: visitStatus(message, pv1),
      class: known
        ? { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', ...known }
        : { system: `${systems.hl7Table}0004`, ...(code ? { code } : {}) },
      subject: { reference: `Patient/${patient.id}` },
      hospitalization: Object.keys(hospitalization).length > 0 ? hospitalization : undefined,
      period: periodFrom(pv1, 44, 45, around),
    }),
    ...stated,
    ...compact({
      participant: [...(stated.participant ?? []), ...visitorsFrom(participantsOf(message).get(pv1) ?? [], around)],
    }),
  };
}

/**
 * What the event says of the visit (IG concept map Event[EncounterStatus] for MSH-9.2; our own rows: A04 is `arrived`, since
 * who is registered is here, and A06, A07, A12, of which the IG says nothing, leave the visit going on). Where the event
 * says nothing, a discharge time (PV1-45) does.
 */
function visitStatus(message: Hl7Message, pv1: Segment): Encounter['status'] {
  const [code, event] = message.type.split('^');
  const said = code === 'ADT' ? ofTable(statuses, event) : undefined;
  if (said && said !== 'unknown') return said as Encounter['status'];
  return pv1.get(45) ? 'finished' : 'unknown';
}

function place(segment: Segment, field: number, status: EncounterLocation['status']): EncounterLocation[] {
  const display = placeFromPl(segment, field);
  return display ? [{ location: { display }, status }] : [];
}

function participants(code: string, text: string): Row<Encounter>['read'] {
  const type = [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code }], text }];
  return (segment, field, around) =>
    eachRepetition(segment, field, (repetition): EncounterParticipant | undefined => {
      const individual = personFromXcn(segment, field, around, repetition);
      return individual && { type, individual };
    });
}

function valueDateTime(segment: Segment, field: number, around: Surroundings) {
  const value = dateTimeFrom(segment, field, around);
  return value && { valueDateTime: value };
}

/** NM in days (IG data type map NM[Quantity-LengthOfStay]). */
function days(text: string | undefined): Encounter['length'] {
  const value = Number(text);
  return text && Number.isFinite(value)
    ? { value, unit: 'days', system: 'http://unitsofmeasure.org', code: 'd' }
    : undefined;
}

/** What two segments say of one visit: lists joined, else the first that says it. */
function joined(first: Partial<Encounter>, second: Partial<Encounter>): Partial<Encounter> {
  const both = { ...second, ...first };
  for (const element of ['location', 'participant', 'extension'] as const)
    if (first[element] && second[element]) Object.assign(both, { [element]: [...first[element], ...second[element]] });
  return both;
}
