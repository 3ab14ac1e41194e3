import { DateTime } from 'luxon';
import type { Appointment, Coding, ServiceRequest } from 'fhir/r4.js';
import { extensions, identifierOf, systems } from '#fhir';
import { fail, procedureFor, type Site, type SiteProcedure } from '#platform';

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
  isStat: boolean;
  isPortable: boolean;
  /** What a RIS that schedules itself says of it: its time and station are above. */
  followed?: Appointment;
}

/**
 * The steps of an order: one for each IPC the order brought, else one as the site file describes the procedure. An order
 * that is not active (on hold, revoked), or is the parent of others, asks for none.
 *
 * @throws Failure procedure-unknown if the site file does not have the ordered procedure, field-invalid if two steps
 *   have one id
 */
export function requestedSteps(order: ServiceRequest, site: Site): RequestedStep[] {
  // What a parent order asks for is done under its children.
  if (order.status !== 'active' || order.intent === 'original-order') return [];
  const code = order.code?.coding?.find(({ system }) => system === systems.procedure)?.code;
  const procedure = procedureFor(site, code);
  if (!procedure)
    throw fail('procedure-unknown', 'the ordered procedure is not in the site file: add it to procedures, then replay');
  const asked = (order.extension ?? []).filter(({ url }) => url === extensions.scheduledProcedureStep);
  const accession = identifierOf(order, 'ACSN')?.value ?? order.id!.slice(0, 8);
  const steps = (asked.length > 0 ? asked : [undefined]).map((step, index): RequestedStep => {
    const part = (url: string) => step?.extension?.find((one) => one.url === url);
    const stationAeTitle = part('stationAeTitle')?.valueString;
    const afterMinutes = index * procedure.durationMinutes;
    return {
      // 16 characters is all that VR SH holds.
      stepId: part('stepId')?.valueString ?? `${accession.slice(0, 13)}-${index + 1}`,
      modality: part('modality')?.valueCode ?? procedure.modality,
      procedure,
      protocol: part('protocol')?.valueCoding ?? siteProtocol(procedure),
      ...(stationAeTitle ? { stationAeTitle } : {}),
      ...timeOf(order, afterMinutes, site),
      afterMinutes,
      durationMinutes: procedure.durationMinutes,
      isStat: order.priority === 'stat',
      isPortable: (order.locationCode ?? []).some((place) => place.coding?.some((one) => one.code === 'PORT')),
    };
  });
  if (new Set(steps.map(({ stepId }) => stepId)).size < steps.length)
    throw fail('field-invalid', 'two scheduled procedure steps of the order have the same id', {
      field: 'ServiceRequest.extension',
    });
  return steps;
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
