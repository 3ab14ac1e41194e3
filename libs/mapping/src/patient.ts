import type { Encounter, Extension, Patient, Provenance } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { patientIdOf } from '#fhir';
import type { Sender, Site } from '#platform';
import { clinicalFrom, withDiagnoses, type Clinical } from './clinical.js';
import { compact } from './data-types.js';
import { encounterFrom } from './encounter.js';
import { missingSegment, surroundingsOf } from './envelope.js';
import { generalPractitionersFrom, participantsOf } from './participation.js';
import {
  additionalDemographicRows,
  contactFromNk1,
  furtherNumberRows,
  patientRows,
  visitPatientRows,
} from './patient-rows.js';
import { provenanceOfEvent } from './provenance.js';
import { applyRows, type Surroundings } from './rows.js';
import statuses from './tables/encounter-status-by-event.json' with { type: 'json' };

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
  const further = applyRows(furtherNumberRows, pid, around).identifier ?? [];
  const others = further.filter(
    (one) => one.system !== wanted && !identifiers.some((known) => known.value === one.value),
  );
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
    ...besidePid(message, pid, { around, known: stated.extension ?? [] }),
    identifier: [...identifiers, ...others],
  };
}

/** What PD1, NK1, PV1 and the PRT behind PID say of the patient. */
function besidePid(
  message: Hl7Message,
  pid: Segment,
  { around, known }: { around: Surroundings; known: readonly Extension[] },
): Partial<Patient> {
  const pd1 = message.first('PD1');
  const pv1 = message.first('PV1');
  const additional = pd1 ? applyRows(additionalDemographicRows, pd1, around) : {};
  const visit = pv1 ? applyRows(visitPatientRows, pv1, around) : {};
  const extension = [...known, ...(additional.extension ?? []), ...(visit.extension ?? [])];
  const contact = message.all('NK1').flatMap((nk1) => contactFromNk1(nk1, around) ?? []);
  const doctors = generalPractitionersFrom(participantsOf(message).get(pid) ?? [], around);
  const generalPractitioner = doctors.length > 0 ? [...(additional.generalPractitioner ?? []), ...doctors] : undefined;
  return { ...additional, ...compact({ contact, extension, generalPractitioner }) };
}

/** The admission messages that are read, such as `ADT^A01`. */
export const admissionTypes: readonly string[] = Object.keys(statuses).map((event) => `ADT^${event}`);

/** What an admission message says. */
export interface AdmissionMessage {
  patient: Patient;
  encounter?: Encounter;
  clinical?: Clinical[];
  /** Who told of it, where the message says so. */
  provenance?: Provenance;
}

/** Reads an ADT message (IG message map ADT_A01). @throws Hl7Refusal as {@link patientFrom} */
export function patientFromAdt(message: Hl7Message, sender: Sender, site: Site): AdmissionMessage {
  const patient = patientFrom(message, sender, site);
  const visit = encounterFrom(message, sender, site, patient);
  const about = { patient, encounter: visit, sender, site };
  const clinical = clinicalFrom(message, about);
  const encounter = visit && withDiagnoses(visit, message, about);
  const target = [`Patient/${patient.id}`, ...(encounter ? [`Encounter/${encounter.id}`] : [])];
  const provenance = provenanceOfEvent(message, target, surroundingsOf(sender, site));
  return { patient, ...compact({ encounter, clinical, provenance }) };
}
