import type { AllergyIntolerance, Encounter, Patient } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { patientIdOf, typedIdentifier, uuidFrom } from '#fhir';
import type { Sender, Site } from '#platform';
import { allergiesFrom } from './allergy.js';
import { addressFromXad, compact, contactFromXtn, identifierFromCx, nameFromXpn, systemOfHd } from './data-types.js';
import { fhirDate, fhirDateTime } from './date-time.js';
import { missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { applyRows, eachRepetition, ofTable, type Row } from './rows.js';
import statuses from './tables/encounter-status-by-event.json' with { type: 'json' };
import sexes from './tables/administrative-sex.json' with { type: 'json' };
import classes from './tables/patient-class.json' with { type: 'json' };

const patientRows: readonly Row<Patient>[] = [
  row(3, 'PID-3 → Patient.identifier', 'identifier', (pid, field, around) =>
    eachRepetition(pid, field, (repetition) => identifierFromCx(pid, field, repetition, around)),
  ),
  row(5, 'PID-5 → Patient.name', 'name', (pid, field) =>
    eachRepetition(pid, field, (repetition) => nameFromXpn(pid, field, repetition)),
  ),
  row(7, 'PID-7 → Patient.birthDate', 'birthDate', (pid, field) =>
    pid.get(field) ? fhirDate(pid.get(field)!, pid.at(field)) : undefined,
  ),
  row(8, 'PID-8 → Patient.gender by table 0001', 'gender', (pid, field) => {
    const code = pid.get(field);
    const gender = ofTable(sexes, code);
    if (code && !gender)
      throw contentError(103, 'PID-8 must be a code of table 0001: M, F, O, U, A or N', pid.at(field));
    return gender;
  }),
  row(11, 'PID-11 → Patient.address', 'address', (pid, field) =>
    eachRepetition(pid, field, (repetition) => addressFromXad(pid, field, repetition)),
  ),
  row(13, 'PID-13 → Patient.telecom', 'telecom', (pid, field) =>
    eachRepetition(pid, field, (repetition) => contactFromXtn(pid, field, repetition)),
  ),
  row(29, 'PID-29 → Patient.deceasedDateTime', 'deceasedDateTime', (pid, field, around) =>
    pid.get(field) ? fhirDateTime(pid.get(field)!, around.zone, pid.at(field)) : undefined,
  ),
];

/**
 * The patient of a message (IG segment map PID[Patient]). Identity is the PID-3 repetition of the site's patient
 * authority; one without an authority counts as of it.
 *
 * @throws Hl7Refusal 100 without PID or with two, 101 without such a PID-3, 102, 103
 */
export function patientFrom(message: Hl7Message, sender: Sender, site: Site): Patient {
  const [pid, second] = message.all('PID');
  if (!pid) throw missingSegment('PID');
  // What follows the second would else be taken for the first patient's.
  if (second) throw contentError(100, 'a second PID follows: send one patient a message', second.at(1));
  const around = surroundingsOf(sender, site);
  const wanted = site.authorities[site.patientAuthority]!;
  const stated = applyRows(patientRows, pid, around);
  const identifiers = (stated.identifier ?? []).map((one) => (one.system ? one : { ...one, system: wanted }));
  const identity = identifiers.find((one) => one.system === wanted);
  if (!identity?.value)
    throw contentError(
      101,
      `PID-3 must hold a number of authority ${site.patientAuthority} (component 4), which identifies the patient`,
      pid.at(3, 1),
    );
  return {
    resourceType: 'Patient',
    id: patientIdOf({ system: wanted, value: identity.value }),
    ...stated,
    identifier: identifiers,
  };
}

/**
 * The visit of a message (IG segment map PV1[Encounter]); undefined where PV1-19 gives it no number, since a visit
 * without identity could be told from no other. A patient class outside table 0004 stays as the sender's.
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
  const place = [pv1.get(3, 1), pv1.get(3, 2), pv1.get(3, 3)].filter(Boolean).join(' ');
  return compact<Encounter>({
    resourceType: 'Encounter',
    id: uuidFrom('Encounter', system, number),
    identifier: [typedIdentifier('VN', system, number)],
    status: visitStatus(message, pv1),
    class: known
      ? { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', ...known }
      : { system: 'http://terminology.hl7.org/CodeSystem/v2-0004', ...(code ? { code } : {}) },
    subject: { reference: `Patient/${patient.id}` },
    location: place ? [{ location: { display: place } }] : undefined,
  });
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

/** The admission messages that are read, such as `ADT^A01`. */
export const admissionTypes: readonly string[] = Object.keys(statuses).map((event) => `ADT^${event}`);

/** What an admission message says. */
export interface AdmissionMessage {
  patient: Patient;
  encounter?: Encounter;
  allergies?: AllergyIntolerance[];
}

/** Reads an ADT message (IG message map ADT_A01). @throws Hl7Refusal as {@link patientFrom} */
export function patientFromAdt(message: Hl7Message, sender: Sender, site: Site): AdmissionMessage {
  const patient = patientFrom(message, sender, site);
  const encounter = encounterFrom(message, sender, site, patient);
  return { patient, ...compact({ encounter, allergies: allergiesFrom(message, patient) }) };
}

function row(source: number, cites: string, target: Row<Patient>['target'], read: Row<Patient>['read']): Row<Patient> {
  return { source, cites: `v2-to-FHIR 1.0.0 PID[Patient]: ${cites}`, target, read };
}
