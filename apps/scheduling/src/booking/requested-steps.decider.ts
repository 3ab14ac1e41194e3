import { DateTime } from 'luxon';
import type { Coding, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import { extensions, identifierOf, systems } from '#fhir';
import { fail, procedureFor, type Site, type SiteProcedure } from '#platform';
import type { FollowedAppointment } from './followed-appointment.decider.js';
import { laneOf, type Lane } from './lane.decider.js';

/** One scheduled procedure step an order asks for, before it has a station and a time. */
export interface RequestedStep {
  /** DICOM Scheduled Procedure Step ID (0040,0009). */
  stepId: string;
  modality: string;
  procedure: SiteProcedure;
  protocol?: Coding;
  /** The station the placer's side has chosen already. */
  stationAeTitle?: string;
  /** ISO instant asked for, undefined if any will do. */
  start?: string;
  /** ISO instant of the beginning of the day asked for, where the order names a day and no time. */
  notBefore?: string;
  /** How long after the order's first step this one begins: a patient is at one station at a time. */
  afterMinutes: number;
  durationMinutes: number;
  /** How long the room is made ready after it; longer after a patient in isolation. */
  turnoverMinutes: number;
  lane: Lane;
  isStat: boolean;
  isPortable: boolean;
  /** ISO instant from which the patient can prepare, where the order says it. */
  placedAt?: string;
  /** ISO instant from which the patient is prepared for the contrast, as its screening says. */
  readyFrom?: string;
  /** What a RIS that schedules itself, or a person, says of it: that time and station are above. */
  followed?: FollowedAppointment;
}

/** Who the order is for, as far as it changes how long the exam takes and who goes first. */
export interface Examinee {
  patient?: Patient;
  encounter?: Encounter;
  /** From when on the patient is prepared for the contrast. */
  readyFrom?: Date;
}

/**
 * The steps of an order: one for each IPC the order brought, else one as the site file describes the procedure. An order
 * that is not active (on hold, revoked), or is the parent of others, asks for none.
 *
 * @throws Failure procedure-unknown if the site file does not have the ordered procedure, field-invalid if two steps
 *   have one id
 */
export function requestedSteps(order: ServiceRequest, site: Site, examinee: Examinee = {}): RequestedStep[] {
  // What a parent order asks for is done under its children.
  if (order.status !== 'active' || order.intent === 'original-order') return [];
  const code = order.code?.coding?.find(({ system }) => system === systems.procedure)?.code;
  const procedure = procedureFor(site, code);
  if (!procedure)
    throw fail('procedure-unknown', 'the ordered procedure is not in the site file: add it to procedures, then replay');
  const asked = (order.extension ?? []).filter(({ url }) => url === extensions.scheduledProcedureStep);
  const lane = laneOf(order, examinee.encounter);
  const durationMinutes = durationOf(procedure, lane, isChild(order, examinee.patient, site));
  const accession = identifierOf(order, 'ACSN')?.value ?? order.id!.slice(0, 8);
  const steps = (asked.length > 0 ? asked : [undefined]).map((step, index): RequestedStep => {
    const part = (url: string) => step?.extension?.find((one) => one.url === url);
    const stationAeTitle = part('stationAeTitle')?.valueString;
    const afterMinutes = index * durationMinutes;
    return {
      // 16 characters is all that VR SH holds.
      stepId: part('stepId')?.valueString ?? `${accession.slice(0, 13)}-${index + 1}`,
      modality: part('modality')?.valueCode ?? procedure.modality,
      procedure,
      protocol: part('protocol')?.valueCoding ?? siteProtocol(procedure),
      ...(stationAeTitle ? { stationAeTitle } : {}),
      ...timeOf(order, afterMinutes, site),
      afterMinutes,
      durationMinutes,
      turnoverMinutes: turnoverOf(procedure, order, site),
      lane,
      isStat: lane === 'stat',
      ...(examinee.readyFrom ? { readyFrom: examinee.readyFrom.toISOString() } : {}),
      ...(order.authoredOn?.includes('T') ? { placedAt: order.authoredOn } : {}),
      isPortable: (order.locationCode ?? []).some((place) => place.coding?.some((one) => one.code === 'PORT')),
    };
  });
  if (new Set(steps.map(({ stepId }) => stepId)).size < steps.length)
    throw fail('field-invalid', 'two scheduled procedure steps of the order have the same id', {
      field: 'ServiceRequest.extension',
    });
  return steps;
}

/** The longest time that applies; a child's exam lasts as long as a child's, whatever lane it is in. */
function durationOf({ durationMinutes, durations }: SiteProcedure, lane: Lane, ofChild: boolean): number {
  const byLane = {
    stat: durations.emergency,
    emergency: durations.emergency,
    inpatient: durations.inpatient,
    outpatient: undefined,
  }[lane];
  const applying = [byLane, ofChild ? durations.child : undefined].filter((one) => one !== undefined);
  return applying.length > 0 ? Math.max(...applying) : durationMinutes;
}

/** By the day the order is for, else that it was placed on: an age is not made up where neither is known. */
function isChild(order: ServiceRequest, patient: Patient | undefined, site: Site): boolean {
  const on = order.occurrenceDateTime ?? order.occurrencePeriod?.start ?? order.authoredOn;
  if (!patient?.birthDate || !on) return false;
  const years = DateTime.fromISO(on).diff(DateTime.fromISO(patient.birthDate), 'years').years;
  return years < site.scheduling.childUntilYears;
}

/** Isolation is what OBR-12 warns of: the room is cleaned before the next patient. */
function turnoverOf({ turnoverMinutes }: SiteProcedure, order: ServiceRequest, site: Site): number {
  const isIsolated = (order.extension ?? []).some(({ url }) => url === extensions.danger);
  return isIsolated ? Math.max(turnoverMinutes, site.scheduling.isolationTurnoverMinutes) : turnoverMinutes;
}

/** A time is kept as given; a date alone means any time from the beginning of that day. */
function timeOf(order: ServiceRequest, afterMinutes: number, site: Site): Pick<RequestedStep, 'start' | 'notBefore'> {
  const asked = order.occurrenceDateTime ?? order.occurrencePeriod?.start;
  if (!asked) return {};
  const at = DateTime.fromISO(asked, { zone: site.timeZone });
  if (!at.isValid)
    throw fail('field-invalid', 'must be a FHIR dateTime', { field: 'ServiceRequest.occurrenceDateTime' });
  if (!asked.includes('T')) return { notBefore: at.toUTC().toISO()! };
  return { start: at.plus({ minutes: afterMinutes }).toUTC().toISO()! };
}

function siteProtocol({ protocol }: SiteProcedure): Coding | undefined {
  return protocol && { system: protocol.scheme, code: protocol.code, display: protocol.display };
}
