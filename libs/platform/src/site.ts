import type { Sender, Site, SiteProcedure, Station } from './site-file.js';

/** The sender with these MSH-3 and MSH-4, undefined if the site has none. */
export function senderOf(site: Site, application: string, facility: string): Sender | undefined {
  return site.senders.find((one) => one.application === application && one.facility === facility);
}

/** The procedure with this code of ours, undefined if the department does not perform it. */
export function procedureFor(site: Site, code: string | undefined): SiteProcedure | undefined {
  return site.procedures.find((one) => one.code === code);
}

/**
 * The procedure one of these codes names: by our own code, else by one of its codes in other systems, such as LOINC or
 * the RSNA Playbook.
 */
export function procedureNamed(
  site: Site,
  codings: readonly { system?: string; code?: string }[],
): SiteProcedure | undefined {
  const own = codings.map(({ code }) => procedureFor(site, code)).find((one) => one !== undefined);
  const isOne = ({ codes }: SiteProcedure) =>
    codes.some((known) => codings.some(({ system, code }) => known.system === system && known.code === code));
  return own ?? site.procedures.find(isOne);
}

/** The stations that can do this modality, in the order of the site file. */
export function stationsFor(site: Site, modality: string): Station[] {
  return site.stations.filter((one) => one.modalities.includes(modality));
}

/** The station with this AE title. */
export function stationByAeTitle(site: Site, aeTitle: string | undefined): Station | undefined {
  return site.stations.find((one) => one.aeTitle === aeTitle);
}

/**
 * The FHIR system of an HL7 assigning authority (HD: namespace id, universal id, universal id type): the table of
 * authorities first, then an ISO universal id as `urn:oid:`; undefined if neither says.
 */
export function systemFor(
  { authorities }: Pick<Site, 'authorities'>,
  namespaceId: string | undefined,
  universalId?: string,
  universalIdType?: string,
): string | undefined {
  const configured = namespaceId && Object.hasOwn(authorities, namespaceId) ? authorities[namespaceId] : undefined;
  if (configured) return configured;
  if (!universalId) return undefined;
  if (universalIdType === 'ISO') return `urn:oid:${universalId}`;
  if (universalIdType === 'UUID') return `urn:uuid:${universalId}`;
  return universalIdType === 'URI' ? universalId : undefined;
}
