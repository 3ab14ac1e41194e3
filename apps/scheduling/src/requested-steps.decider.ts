import type { Coding, ServiceRequest } from 'fhir/r4.js';
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
  /** ISO time asked for, undefined if any will do. */
  start?: string;
  durationMinutes: number;
  isStat: boolean;
  isPortable: boolean;
}

/**
 * The steps of an order: one for each IPC the order brought, else one as the site file describes the procedure.
 *
 * @throws Failure procedure-unknown if the site file does not have the ordered procedure
 */
export function requestedSteps(order: ServiceRequest, site: Site): RequestedStep[] {
  const code = order.code?.coding?.find(({ system }) => system === systems.procedure)?.code;
  const procedure = procedureFor(site, code);
  if (!procedure)
    throw fail('procedure-unknown', 'the ordered procedure is not in the site file: add it to procedures, then replay');
  const asked = (order.extension ?? []).filter(({ url }) => url === extensions.scheduledProcedureStep);
  const accession = identifierOf(order, 'ACSN')?.value ?? order.id!.slice(0, 8);
  return (asked.length > 0 ? asked : [undefined]).map((step, index) => {
    const part = (url: string) => step?.extension?.find((one) => one.url === url);
    const stationAeTitle = part('stationAeTitle')?.valueString;
    const start = order.occurrenceDateTime?.includes('T') ? order.occurrenceDateTime : undefined;
    return {
      // 16 characters is all that VR SH holds.
      stepId: part('stepId')?.valueString ?? `${accession.slice(0, 13)}-${index + 1}`,
      modality: part('modality')?.valueCode ?? procedure.modality,
      procedure,
      protocol: part('protocol')?.valueCoding ?? siteProtocol(procedure),
      ...(stationAeTitle ? { stationAeTitle } : {}),
      ...(start ? { start } : {}),
      durationMinutes: procedure.durationMinutes,
      isStat: order.priority === 'stat',
      isPortable: (order.locationCode ?? []).some((place) => place.coding?.some((one) => one.code === 'PORT')),
    };
  });
}

function siteProtocol({ protocol }: SiteProcedure): Coding | undefined {
  return protocol && { system: protocol.scheme, code: protocol.code, display: protocol.display };
}
